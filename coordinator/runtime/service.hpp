// What a daemon runs on: loop, metrics, control socket, credentials and configuration that follow
// their files, and the manners of a systemd service (readiness, watchdog, signals).
//
// One thread: the one that calls run().
#pragma once

#include "coordinator/identity/x509/credentials.hpp"
#include "coordinator/runtime/config.hpp"
#include "coordinator/runtime/control.hpp"
#include "coordinator/runtime/metrics.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>

namespace thor::runtime {

class service {
 public:
  /// Listens at <run_dir>/<name>.sock; throws std::runtime_error when it cannot.
  service(std::string name, const overlay_config& overlay,
          identity::x509::credentials& credentials);
  ~service();
  service(const service&) = delete;
  service& operator=(const service&) = delete;

  boost::asio::io_context& io();
  metrics& counters();
  control_server& control();
  [[nodiscard]] const overlay_config& overlay() const;
  /// Reloaded in place, on SIGHUP and within 5 s after the files change, before `reload` of run()
  /// is called.
  identity::x509::credentials& credentials();

  /// Adds to the answer to `status`, which begins with program, version, pid, uptime_s, ready, id,
  /// domain and certificate_days_left. What is set here wins.
  void on_status(std::function<void(boost::json::object& into)> add);

  /// Called before the metrics are read: for values that are counted elsewhere.
  void on_metrics(std::function<void()> refresh);

  /// The daemon does its work now, shown as "ready" in `status`.
  void ready();

  /// Answers GET /metrics at "address:port", in place of where it did before; "" = nowhere. Throws
  /// std::runtime_error when it cannot listen there; then nothing changes.
  void serve_metrics(const std::string& where);

  /// How SIGHUP reads the configuration again; says whether what was read is in force.
  void on_reread(std::function<bool()> reread);

  /// Tells systemd that the daemon has started (what it waits for may come later), and runs the
  /// loop until finish(). `stop` is called once when the process is told to end and leads to
  /// finish(); `reload` when other credentials are in force; `reconfigure` when the configuration
  /// was read again and is good.
  void run(
      std::function<void()> stop, std::function<void()> reload,
      std::function<void()> reconfigure = [] {});
  void finish();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace thor::runtime
