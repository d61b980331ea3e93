// A zone as a master file (RFC 1035 section 5).
//
// Pure.
#pragma once

#include "zone/model/contents.hpp"

#include <string>

namespace thor::zone {

/// All records of the zone, one a line: `owner TTL IN TYPE content`, names absolute, in canonical
/// order except that the SOA comes first. Names without records have no form in a master file and
/// are left out.
std::string to_zonefile(const contents& zone);

} // namespace thor::zone
