// The main() that all daemons share: command line, configuration, credentials, exit code.
//
//   int main(int argc, char** argv) {
//     settings s;
//     return runtime::run_program(about, argc, argv,
//                                 [&](runtime::config& c) { s = read(c); },
//                                 [&](runtime::service& r) { serve(r, s); });
//   }
//
// Exit codes: 0 clean (SIGTERM, too), 1 failed at run time, 2 wrong usage or configuration.
#pragma once

#include "coordinator/identity/peer.hpp"
#include "coordinator/runtime/config.hpp"
#include "coordinator/runtime/service.hpp"

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace thor::runtime {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

/// A subcommand that is sent to the running daemon as it is: "drain [SECONDS]". `status` and
/// `metrics` exist always.
struct remote_command {
  std::string name;
  std::string summary;
  /// Name of its optional argument; "WORDS..." takes all that are left; "" = none.
  std::string argument;
};

/// What a local command gets.
struct invocation {
  const overlay_config& overlay;
  std::vector<std::string> arguments; ///< those that were given, in order
};

/// A subcommand that this process carries out itself, whether the daemon runs or not: "domain add
/// NAME [TEMPLATE]". The configuration has been read.
struct local_command {
  std::string group; ///< "domain"
  std::string name;  ///< "add"
  std::string summary;
  /// "NAME" has to be given, "[TEMPLATE]" may be, "CONTENT..." is all words that are left.
  std::vector<std::string> arguments;
  std::function<int(const invocation&)> run; ///< returns the exit code
};

struct program {
  std::string name; ///< "thor-node"; the control socket is <run_dir>/<name>.sock
  std::string summary;
  std::vector<remote_command> commands;
  /// The program's tables that it takes over while it runs; the others take a restart.
  std::vector<std::string> reloaded_tables = {};
  /// Whether its certificate lets it do what the configuration that was read says; the error is a
  /// sentence for the operator. Asked before the start, and by --check-config.
  std::function<std::expected<void, std::string>(const identity::peer& self)> check;
  std::vector<local_command> local_commands = {};
};

/// What --help says of --config.
std::string config_option_help();

/// The usual check: the certificate has OU `role`.
std::expected<void, std::string> check_role(const identity::peer& self, std::string_view role);

/// The whole of a daemon's main(). `read` opens the program's tables and records what is wrong in
/// the config; `serve` runs until it is told to stop and throws when it cannot. Credentials are
/// loaded before `serve`, and for --check-config, too: the certificate is configuration.
///
/// SIGHUP reads the files again: [log] and [metrics] are taken over here, and the program takes
/// what `read` has stored then in the `reconfigure` of service::run(). `read` is also called with
/// files that turn out to be wrong, so what it stores counts in these two moments only.
int run_program(const program& what, int argc, char** argv,
                const std::function<void(config&)>& read,
                const std::function<void(service&)>& serve);

} // namespace thor::runtime
