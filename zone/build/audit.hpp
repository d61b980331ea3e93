// What a client would trip over in a zone that is sound by itself: records that lead nowhere.
//
// A builder cannot refuse these: a target may come later, and a name server must go on serving what
// else there is. So they are for people, on demand. Pure.
#pragma once

#include "zone/model/contents.hpp"

#include <string>
#include <vector>

namespace thor::zone {

struct finding {
  name owner;
  rr_type type = rr_type::any;
  std::string what; ///< "its target n1.node.example. has no address"
};

/// In canonical order of owner, then type. Looked at are targets within the zone, outside its
/// delegations: those of SRV, MX and NS have an address and are no alias (RFC 2782 "Target", RFC
/// 2181 section 10.3), the one of a CNAME exists, and the replacement of a NAPTR exists (RFC 3403
/// section 4.1). "." as target of SRV or MX says that there is none (RFC 2782, RFC 7505).
std::vector<finding> audit(const contents& zone);

} // namespace thor::zone
