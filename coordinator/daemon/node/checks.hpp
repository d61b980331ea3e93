// Which checks a role has: those of [[node.role.ROLE.check]], or the role's own default.
//
// A default check is a guess about where the service listens. It counts only once it has succeeded,
// so that a wrong one withdraws nothing.
#pragma once

#include "coordinator/health/check.hpp"
#include "coordinator/model/presence.hpp"
#include "coordinator/probe/probe.hpp"
#include "coordinator/runtime/config.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace thor::node {

/// Of one role; all must be up at once.
inline constexpr std::size_t checks_per_role_max = 8;

struct configured_check {
  probe::target what;
  health::check_settings how;
  /// The host is this machine: filled in when it is known what is announced.
  bool at_own_address = false;
  friend bool operator==(const configured_check&, const configured_check&) = default;
};
using checks = std::vector<configured_check>;

/// Of [node.role.ROLE], `table`; `offer` is what it says otherwise. Nothing when it does not say:
/// the default is in force. None with `check = []`.
std::optional<checks> read_checks(runtime::section& table, const std::string& role,
                                  const model::role_offer& offer);

/// The check of a role of which the configuration says nothing else: SIP OPTIONS for sip_proxy, a
/// TCP connection for other roles with a standard port, or with a port for "NAME.tcp" in `offer`.
/// None for the rest.
checks default_checks(const std::string& role, const model::role_offer& offer);

/// Checks by role, as they are carried out at `own`.
using role_checks = std::map<std::string, checks>;
void fill_in(checks& all, const model::ip_address& own);

} // namespace thor::node
