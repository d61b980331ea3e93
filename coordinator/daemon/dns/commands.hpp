// thor-dns domain ... and thor-dns record ...: the operator's data by command.
//
// They work on operator.sqlite3 itself, whether the daemon runs or not, and refuse in a sentence
// what it would not serve. While it runs they wait until it serves what was written.
#pragma once

#include "coordinator/daemon/dns/settings.hpp"
#include "coordinator/runtime/program.hpp"

#include <chrono>
#include <vector>

namespace thor::dns {

/// How long a command waits for the daemon to serve what was written.
inline constexpr std::chrono::seconds serving_wait_max{10};

/// `how` is filled when a command runs, and must live until then.
std::vector<runtime::local_command> operator_commands(const settings& how);

} // namespace thor::dns
