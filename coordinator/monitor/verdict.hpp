// The network as a monitoring plugin judges it: conditions such as "sip_proxy>=3" about the number
// of active members of a role.
//
// Exit codes and output line as the Monitoring Plugins guidelines have them. Pure.
#pragma once

#include "coordinator/monitor/network.hpp"
#include "coordinator/monitor/text.hpp"

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace thor::monitor {

inline constexpr int plugin_ok = 0;
inline constexpr int plugin_warning = 1;
inline constexpr int plugin_critical = 2;
inline constexpr int plugin_unknown = 3;

enum class comparison : std::uint8_t {
  at_least,  ///< >=
  at_most,   ///< <=
  more_than, ///< >
  less_than, ///< <
  equal,     ///< = or ==
  not_equal, ///< !=
};

struct condition {
  std::string role;
  comparison how = comparison::at_least;
  std::uint32_t count = 0;
  std::string text; ///< without blanks
};

/// Reads "role operator number", blanks allowed. The error is a sentence for a person.
std::expected<condition, std::string> parse_condition(std::string_view text);

bool holds(const condition& what, std::uint32_t active);

struct verdict {
  int exit_code = plugin_unknown;
  std::string line; ///< one line, visible text, with performance data behind '|'
};

/// CRITICAL when there is no status or a condition fails; WARNING when the status is stale or a
/// thor-dns is degraded or divergent, or two have other operator's data in the same revision;
/// otherwise OK.
verdict judge(const std::vector<condition>& wanted, const network& what, columns_of width);

/// Why there is no status: what the event servers do. Visible text, one line.
std::string no_status(const network& what, columns_of width);

/// The verdict without any network to look at: "THOR UNKNOWN: ...".
verdict unknown_verdict(std::string_view why);

} // namespace thor::monitor
