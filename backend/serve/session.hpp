// One connection of either kind, from its first octet to its last.
//
// A session is a coroutine on its serving thread. It reads a request, has it answered, writes the
// reply and repeats, one request at a time; it returns when the connection is done. Nothing it
// meets ends in an exception. What it is given by reference must outlive it.
#pragma once

#include "backend/serve/edit_wait.hpp"
#include "backend/serve/handler.hpp"
#include "backend/serve/journal.hpp"
#include "backend/serve/waiting.hpp"

#include <boost/beast/core/basic_stream.hpp>

#include <memory>
#include <string>
#include <utility>

namespace thor::backend {

struct http_connection {
  using tcp_stream = boost::beast::basic_stream<boost::asio::ip::tcp, loop_executor>;

  http_connection(tcp_socket socket, std::string peer_text)
      : stream(std::move(socket))
      , peer(std::move(peer_text)) {}

  tcp_stream stream;
  std::string peer; ///< for the log
  /// It has shown the token. Until then a connection must be quick, and makes room for others.
  bool trusted = false;
  transaction open{};                   ///< what it has begun to write
  std::shared_ptr<edit_wait> waiting{}; ///< while an edit of it is applied
};

struct unix_connection {
  unix_connection(unix_socket accepted, std::string peer_text)
      : socket(std::move(accepted))
      , peer(std::move(peer_text)) {}

  unix_socket socket;
  std::string peer;                     ///< for the log
  transaction open{};                   ///< what it has begun to write
  std::shared_ptr<edit_wait> waiting{}; ///< while an edit of it is applied
};

/// Serves HTTP/1.1 with keep-alive. A trusted connection may be idle for ever: PowerDNS keeps its
/// connections, and would fail a query if one were closed just when it is used.
awaitable<void> serve_http(http_connection& connection, request_handler& handler, edit_desk& edits,
                           journal& log);

/// Serves JSON lines. Never closes an idle connection: PowerDNS would answer SERVFAIL once for
/// each.
awaitable<void> serve_unix(unix_connection& connection, request_handler& handler, edit_desk& edits,
                           journal& log);

} // namespace thor::backend
