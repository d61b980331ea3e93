// What thor-monitor does with the network it watches, one function a mode. Each returns the exit
// code, and throws std::runtime_error when it cannot begin.
#pragma once

#include "coordinator/daemon/monitor/options.hpp"
#include "coordinator/identity/x509/credentials.hpp"
#include "coordinator/runtime/config.hpp"

namespace thor::monitor {

/// --once, --json, --check: waits for the network to settle, and tells.
int report(const options& how, const runtime::overlay_config& overlay,
           identity::x509::credentials& who);

/// --events, until told to stop or nobody reads any more.
int follow(const runtime::overlay_config& overlay, identity::x509::credentials& who);

/// The full screen, until the user quits.
int show(const runtime::overlay_config& overlay, identity::x509::credentials& who);

} // namespace thor::monitor
