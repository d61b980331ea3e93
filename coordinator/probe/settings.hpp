// The checks of a configuration: what is probed, and how often.
#pragma once

#include "coordinator/health/check.hpp"
#include "coordinator/probe/probe.hpp"
#include "coordinator/runtime/config.hpp"

namespace thor::probe {

/// `confirm_ms` when it is left out: a probe that follows a failure at once sees what a longer wait
/// would see, unless the service comes back within it.
inline constexpr std::chrono::milliseconds confirm_default{5};

/// The keys interval_ms, timeout_ms, fall, rise and confirm_ms; what is wrong is recorded in
/// `table`. `defaults` hold for those that are left out; timeout and confirmation shrink with the
/// interval.
health::check_settings read_timing(runtime::section& table, const health::check_settings& defaults);

/// A check of [[...check]], by its key `type` and the keys that belong to it.
struct described {
  target what = tcp_target{};
  /// It has no `target` of its own: the caller fills in this machine's.
  bool without_target = false;
};
described read_target(runtime::section& table);

} // namespace thor::probe
