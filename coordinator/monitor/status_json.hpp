// The network status in the form that tools of SIP Thor read: an object of members by their id.
//
//   {"gw1": {"ip": "192.0.2.11", "version": "thor-node 0.1.0", "roles": ["sip_proxy"],
//            "attributes": {"capacity": "250"}}}
//
// Pure. JSON as ASCII, one line without its end.
#pragma once

#include "coordinator/model/status.hpp"

#include <string>

namespace thor::monitor {

/// `ip` is a member's first address. Draining members are listed like the others. Of databases no
/// password is shown.
std::string status_json(const model::member_map& members);

} // namespace thor::monitor
