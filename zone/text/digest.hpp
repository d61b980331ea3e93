// A number that says whether two zones hold the same records, on whichever machine.
//
// Pure.
#pragma once

#include "zone/model/contents.hpp"

#include <cstdint>

namespace thor::zone {

/// The exclusive or, over all records, of XXH64 (seed 0) of "<owner> <ttl> <type> <content>" in
/// presentation form. The serial counts as 0: the same records under another serial are the same
/// zone. 0 for a zone without records.
std::uint64_t digest(const contents& zone);

/// The exclusive or of the digests of all zones.
std::uint64_t digest(const snapshot& zones);

} // namespace thor::zone
