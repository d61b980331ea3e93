// A session hands in an edit and waits for what becomes of it, while its loop serves others.
#pragma once

#include "backend/serve/waiting.hpp"
#include "zone/edit/edit.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

namespace thor::backend {

/// The way back into a serving loop for other threads. It may be knocked at for longer than the
/// loop exists.
class loop_gate {
 public:
  explicit loop_gate(boost::asio::io_context& loop)
      : loop_(&loop) {}

  /// Has the loop run `task`, or drops it when the gate is closed. Any thread.
  void post(std::function<void()> task);
  /// Before the loop goes.
  void close();

 private:
  std::mutex mutex_;
  boost::asio::io_context* loop_; ///< guarded by mutex_; nullptr: closed
};

/// One edit that a session waits for. On the loop's thread.
class edit_wait {
 public:
  explicit edit_wait(boost::asio::io_context& loop)
      : wake_(loop, boost::asio::steady_timer::time_point::max()) {}

  /// Ends the wait without an outcome: the server stops.
  void give_up() { wake_.cancel(); }

 private:
  friend class edit_desk;
  boost::asio::steady_timer wake_;
  std::optional<zone::edit_outcome> outcome_;
};

/// Where the sessions of one loop hand in their edits.
class edit_desk {
 public:
  /// Without a sink nothing is written. `loop` and `sink` must outlive it.
  edit_desk(boost::asio::io_context& loop, zone::edit_sink* sink)
      : loop_(loop)
      , sink_(sink)
      , gate_(std::make_shared<loop_gate>(loop)) {}
  ~edit_desk() { gate_->close(); }
  edit_desk(const edit_desk&) = delete;
  edit_desk& operator=(const edit_desk&) = delete;

  /// What became of `wanted`, or nothing after give_up(): then it may yet be applied. `waiting` is
  /// set for as long as that takes. Precondition: there is a sink.
  awaitable<std::optional<zone::edit_outcome>> apply(zone::edit wanted,
                                                     std::shared_ptr<edit_wait>& waiting);

 private:
  boost::asio::io_context& loop_;
  zone::edit_sink* sink_;
  std::shared_ptr<loop_gate> gate_;
};

} // namespace thor::backend
