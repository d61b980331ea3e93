#include "backend/serve/serving_loop.hpp"

#include "backend/serve/limits.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace thor::backend {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

std::string text_of(const asio::ip::tcp::endpoint& endpoint) {
  const std::string port = std::to_string(endpoint.port());
  const std::string address = endpoint.address().to_string();
  return endpoint.address().is_v6() ? "[" + address + "]:" + port : address + ":" + port;
}

void give_up(const std::shared_ptr<edit_wait>& waiting) {
  if (waiting != nullptr) {
    waiting->give_up();
  }
}

} // namespace

serving_loop::serving_loop(request_handler& handler, zone::edit_sink* sink, journal& log)
    : handler_(handler)
    , log_(log)
    , work_(asio::make_work_guard(context_))
    , edits_(context_, sink)
    , grace_(context_) {}

void serving_loop::start() {
  thread_ = std::thread([this] { context_.run(); });
}

void serving_loop::join() {
  if (thread_.joinable()) {
    thread_.join();
  }
}

void serving_loop::begin_stop() {
  asio::post(context_, [this] {
    stopping_ = true;
    work_.reset();
    if (is_empty()) {
      return;
    }
    finish_all();
    grace_.expires_after(stop_grace_max);
    grace_.async_wait([this](error_code cancelled) {
      if (!cancelled) {
        cut_all();
      }
    });
  });
}

/// A session that finds no further input ends by itself after the reply it is at.
void serving_loop::finish_all() {
  error_code ignored;
  for (http_connection& connection : http_) {
    connection.stream.socket().shutdown(asio::socket_base::shutdown_receive, ignored);
  }
  for (unix_connection& connection : unix_) {
    connection.socket.shutdown(asio::socket_base::shutdown_receive, ignored);
  }
}

void serving_loop::cut_all() {
  error_code ignored;
  for (http_connection& connection : http_) {
    connection.stream.close();
    give_up(connection.waiting);
  }
  for (unix_connection& connection : unix_) {
    connection.socket.close(ignored);
    give_up(connection.waiting);
  }
}

void serving_loop::after_end(const std::exception_ptr& thrown) {
  log_.report(thrown);
  if (stopping_ && is_empty()) {
    grace_.cancel();
  }
}

void serving_loop::tell_of_unfinished(const transaction& open, std::string_view peer) {
  if (const zone::zone_edit* const lost = open.pending()) {
    log_.say(log_level::warning, "the connection of " + std::string(peer) +
                                     " ended with a transaction of " + lost->apex.text() +
                                     " that was not committed: nothing was written");
  }
}

bool serving_loop::make_room_for_http(std::string_view newcomer) {
  const auto open = static_cast<std::size_t>(
      std::ranges::count_if(http_, [](http_connection& c) { return c.stream.socket().is_open(); }));
  if (open < connections_max) {
    return true;
  }
  const auto stranger = std::ranges::find_if(
      http_, [](http_connection& c) { return !c.trusted && c.stream.socket().is_open(); });
  if (stranger == http_.end()) {
    log_.refuse(refusal::connection_limit, newcomer, "too many connections");
    return false;
  }
  log_.refuse(refusal::connection_limit, stranger->peer,
              "too many connections, and it has not shown the token");
  stranger->stream.close();
  return true;
}

void serving_loop::adopt_http(tcp_socket socket) {
  error_code failure;
  const auto remote = socket.remote_endpoint(failure);
  if (failure || stopping_) {
    return;
  }
  std::string peer = text_of(remote);
  if (!make_room_for_http(peer)) {
    return;
  }
  socket.set_option(asio::ip::tcp::no_delay(true), failure);
  const auto connection = http_.emplace(http_.end(), std::move(socket), std::move(peer));
  ++log_.counters().http_accepted;
  ++log_.counters().http_open;
  asio::co_spawn(context_, serve_http(*connection, handler_, edits_, log_),
                 [this, connection](const std::exception_ptr& thrown) {
                   tell_of_unfinished(connection->open, connection->peer);
                   http_.erase(connection);
                   --log_.counters().http_open;
                   after_end(thrown);
                 });
}

void serving_loop::adopt_unix(unix_socket socket, uid_t user) {
  std::string peer = "local user " + std::to_string(user);
  if (stopping_) {
    return;
  }
  if (unix_.size() >= connections_max) {
    log_.refuse(refusal::connection_limit, peer, "too many connections");
    return;
  }
  const auto connection = unix_.emplace(unix_.end(), std::move(socket), std::move(peer));
  ++log_.counters().unix_accepted;
  ++log_.counters().unix_open;
  asio::co_spawn(context_, serve_unix(*connection, handler_, edits_, log_),
                 [this, connection](const std::exception_ptr& thrown) {
                   tell_of_unfinished(connection->open, connection->peer);
                   unix_.erase(connection);
                   --log_.counters().unix_open;
                   after_end(thrown);
                 });
}

} // namespace thor::backend
