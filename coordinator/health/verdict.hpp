// What the checks of one role come to: whether it is offered, and one line for people.
//
// A role is offered while every check of it is up, or does not count yet. The line travels in the
// member's presence (model::attribute_health_prefix), so it changes only with a verdict.
//
// PURE.
#pragma once

#include "coordinator/health/check.hpp"

#include <span>
#include <string>
#include <string_view>

namespace thor::health {

/// Octets of a reason, such as what a command said.
inline constexpr std::size_t reason_octets_max = 160;

/// One check of a role, as its machine sees it.
struct finding {
  std::string what; ///< "sip udp 192.0.2.1:5060"
  health_state state = health_state::unknown;
  std::string trouble; ///< "" = none
};

struct verdict {
  bool offered = true;
  /// "up"; "down: WHAT: WHY"; "starting: WHAT: WHY"; "not seen yet: WHAT: WHY", when that is the
  /// worst of it. At most model::attribute_value_octets_max octets.
  std::string text = "up";
  friend bool operator==(const verdict&, const verdict&) = default;
};

/// The first finding of the worst state is the one that the text tells; without any finding a role
/// is up.
verdict judge(std::span<const finding> findings);

/// What a program or a server said, as a reason: its first line that is not blank, at most
/// reason_octets_max octets of it, what is no visible ASCII as '?'.
std::string reason_of(std::string_view said);

} // namespace thor::health
