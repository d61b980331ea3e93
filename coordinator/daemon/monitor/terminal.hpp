// The user's terminal as a full screen: frames out, keys and sizes in. All of ncurses is in here.
//
// Asio owns standard input and SIGWINCH; nothing is drawn from a signal handler. One thread, one
// object a process. The terminal is given back on destruction.
#pragma once

#include "coordinator/monitor/screen.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>

namespace thor::monitor {

/// What the user's locale can show; ASCII when it is not UTF-8. After setlocale(3).
columns_of locale_columns();

/// Hears of the user. Called from the loop.
struct terminal_events {
  std::function<void(key_press)> on_key;
  std::function<void(std::size_t rows, std::size_t columns)> on_resize;
  std::function<void()> on_gone; ///< nobody is there any more
};

class terminal {
 public:
  /// Takes the terminal over and tells its size. Throws std::runtime_error when there is none, or
  /// one on which the cursor cannot be moved. Handlers of other signals must be in place before.
  terminal(boost::asio::io_context& io, terminal_events to);
  ~terminal();
  terminal(const terminal&) = delete;
  terminal& operator=(const terminal&) = delete;

  void show(const frame& what);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace thor::monitor
