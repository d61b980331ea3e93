// The network at one moment, as text: the classic list of SIP Thor, and one JSON object.
//
// Pure. Text from the network leaves as visible text (text.hpp), JSON as ASCII.
#pragma once

#include "coordinator/monitor/network.hpp"
#include "coordinator/monitor/text.hpp"

#include <set>
#include <string>
#include <vector>

namespace thor::monitor {

inline constexpr std::string_view role_monitor = "thor_monitor";
inline constexpr std::string_view role_manager = "thor_manager";

/// Who looks: the identity of the certificate.
struct onlooker {
  std::string domain;
  model::node_id id;
  std::set<std::string> roles;              ///< that the certificate allows
  std::vector<model::ip_address> addresses; ///< may be empty
};

/// The classic form: a header with the network and `local_time`, underlined; then each role in
/// alphabetical order with its members by address, one a line. Databases and managers have
/// `priority=`, databases their URI, members that drain the word "draining", members whose checks
/// keep them out of the role what these say, and who looks "myself". A monitor that only listens is
/// no member, and yet it is there: it is listed where its certificate has the role thor_monitor.
/// Below, for each role of which there are figures: those of its members, and their sums as
/// "summary".
std::string classic(const network& what, const onlooker& self, std::string_view local_time,
                    model::unix_time wall, columns_of width);

/// One JSON object; thor-monitor(8) describes its keys.
std::string json_report(const network& what, const onlooker& self, model::time_point now,
                        model::unix_time wall);

/// A change as one line: unix time as UTC, word, subject, detail.
std::string line_of(const change& what, columns_of width);

} // namespace thor::monitor
