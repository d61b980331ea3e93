// What all daemons have in common: command line, configuration, credentials, loop, control socket,
// metrics, systemd.
//
// A main() describes its program, reads its tables and serves:
//
//   int main(int argc, char** argv) {
//     settings s;
//     return runtime::run_program(description, argc, argv,
//                                 [&](runtime::config& c) { s = read(c); },
//                                 [&](runtime::service& r) { serve(r, s); });
//   }
//
// Exit codes: 0 clean (SIGTERM, too), 1 failed at run time, 2 wrong usage or configuration.
#pragma once

#include "coordinator/runtime/config.hpp"
#include "coordinator/runtime/control.hpp"
#include "coordinator/runtime/metrics.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <string>
#include <vector>

namespace thor::identity::x509 {
class credentials;
}

namespace thor::runtime {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

/// A subcommand that is sent to the running daemon as it is: "drain [SECONDS]". `status` and
/// `metrics` exist always.
struct remote_command {
  std::string name;
  std::string summary;
  std::string argument; ///< name of its optional argument; "" = none
};

struct program {
  std::string name; ///< "thor-node"; the control socket is <run_dir>/<name>.sock
  std::string summary;
  std::vector<remote_command> commands;
};

/// What a daemon runs on. Lives as long as serve().
class service {
 public:
  service(const program& what, const overlay_config& overlay,
          identity::x509::credentials& credentials);
  ~service();
  service(const service&) = delete;
  service& operator=(const service&) = delete;

  boost::asio::io_context& io();
  metrics& counters();
  control_server& control();
  [[nodiscard]] const overlay_config& overlay() const;
  /// Reloaded in place, on SIGHUP and when the files change, before `reload` of run() is called.
  identity::x509::credentials& credentials();

  /// Adds to the answer to `status`, which begins with program, version, pid, uptime_s, ready, id,
  /// domain and certificate_days_left. What is set here wins.
  void on_status(std::function<void(boost::json::object& into)> add);

  /// The daemon does its work now: told to systemd once, shown as "ready" in `status`.
  void ready();

  /// Runs the loop until finish(). `stop` is called once when the process is told to end and leads
  /// to finish(); `reload` when other credentials are in force.
  void run(std::function<void()> stop, std::function<void()> reload);
  void finish();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// The whole of a daemon's main(). `read` opens the program's tables and records what is wrong in
/// the config; `serve` runs until it is told to stop and throws when it cannot.
int run_program(const program& what, int argc, char** argv,
                const std::function<void(config&)>& read,
                const std::function<void(service&)>& serve);

} // namespace thor::runtime
