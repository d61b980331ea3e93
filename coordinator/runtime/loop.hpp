// The loop's small tools: a timer that follows a machine's next_deadline(), and the signals of a
// daemon.
//
// All on the thread that runs the io_context, which must outlive them. Destroying one ends it: its
// callback is never called afterwards.
#pragma once

#include "coordinator/model/time.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>

namespace thor::runtime {

/// Calls `due` once when the armed time has come. Made for a machine: after each of its calls,
/// arm(machine.next_deadline()). Arming for a later time or the same is free.
class deadline_timer {
 public:
  deadline_timer(boost::asio::io_context& io, std::function<void(model::time_point now)> due);
  ~deadline_timer();
  deadline_timer(const deadline_timer&) = delete;
  deadline_timer& operator=(const deadline_timer&) = delete;

  /// Replaces the time; model::never disarms. A time that has passed is due at once, but never from
  /// within arm().
  void arm(model::time_point when);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

/// SIGTERM and SIGINT call `stop` once; a second one ends the process at once with exit code 1, for
/// a stop that hangs. SIGHUP calls `reload`. SIGPIPE is ignored.
class signal_watch {
 public:
  signal_watch(boost::asio::io_context& io, std::function<void()> stop,
               std::function<void()> reload);
  ~signal_watch();
  signal_watch(const signal_watch&) = delete;
  signal_watch& operator=(const signal_watch&) = delete;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace thor::runtime
