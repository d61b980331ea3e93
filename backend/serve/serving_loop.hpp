// One serving thread: its event loop and the connections it holds.
#pragma once

#include "backend/serve/counters.hpp"
#include "backend/serve/edit_wait.hpp"
#include "backend/serve/handler.hpp"
#include "backend/serve/journal.hpp"
#include "backend/serve/session.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <exception>
#include <list>
#include <thread>

namespace thor::backend {

/// Made, started, stopped and destroyed by one other thread; everything else happens on its own.
/// Handler and journal must outlive it; they belong to its thread while it runs.
class serving_loop {
 public:
  /// Without a sink nothing is written; it must outlive the loop.
  serving_loop(request_handler& handler, zone::edit_sink* sink, journal& log);
  /// Precondition: not running.
  ~serving_loop() = default;
  serving_loop(const serving_loop&) = delete;
  serving_loop& operator=(const serving_loop&) = delete;

  /// Sockets handed to adopt_*() must be made for this loop.
  [[nodiscard]] boost::asio::io_context& context() { return context_; }
  [[nodiscard]] journal& log() { return log_; }

  void start();
  /// Lets every connection finish the reply it is at, at most stop_grace_max. Any thread.
  void begin_stop();
  /// Waits for the end of the thread.
  void join();

  // On the loop's own thread:

  /// Serves the connection. At connections_max the oldest one that has not shown the token makes
  /// room; when there is none the new one is closed.
  void adopt_http(tcp_socket socket);
  /// Serves the connection, or closes it at connections_max.
  void adopt_unix(unix_socket socket, uid_t user);

 private:
  bool make_room_for_http(std::string_view newcomer);
  void finish_all();
  void cut_all();
  void tell_of_unfinished(const transaction& open, std::string_view peer);
  void after_end(const std::exception_ptr& thrown);
  [[nodiscard]] bool is_empty() const { return http_.empty() && unix_.empty(); }

  request_handler& handler_;
  journal& log_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  edit_desk edits_;
  boost::asio::steady_timer grace_;
  std::list<http_connection> http_; ///< oldest first
  std::list<unix_connection> unix_; ///< oldest first
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace thor::backend
