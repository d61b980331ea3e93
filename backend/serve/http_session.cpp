#include "backend/protocol/json_text.hpp"
#include "backend/serve/limits.hpp"
#include "backend/serve/request_parser.hpp"
#include "backend/serve/session.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace thor::backend {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

using boost::system::error_code;

/// What a session has at hand while it lives.
struct session {
  http_connection& connection;
  request_handler& handler;
  edit_desk& edits;
  journal& log;
  beast::flat_buffer input{http_header_octets_max + stranger_body_octets_max};
  request_text asked{};
  std::string head{};
  std::string body{};

  http_connection::tcp_stream& stream() { return connection.stream; }
};

/// Puts the head of a response into `self.head`; without a length the body comes in chunks. Written
/// by hand because Beast's would take every field from the heap.
void write_head(session& self, unsigned status, unsigned version, bool keep_alive,
                std::optional<std::size_t> length) {
  std::string& out = self.head;
  out = version < 11 ? "HTTP/1.0 " : "HTTP/1.1 ";
  append_json_number(out, status);
  out += ' ';
  const auto reason = http::obsolete_reason(static_cast<http::status>(status));
  out.append(reason.data(), reason.size());
  out += "\r\nContent-Type: application/json\r\n";
  if (version < 11 && keep_alive) {
    out += "Connection: keep-alive\r\n";
  } else if (version >= 11 && !keep_alive) {
    out += "Connection: close\r\n";
  }
  if (length) {
    out += "Content-Length: ";
    append_json_number(out, *length);
    out += "\r\n\r\n";
  } else {
    out += "Transfer-Encoding: chunked\r\n\r\n";
  }
}

/// Writes `self.body` as the whole body: at once where the socket takes it, which costs no timer.
awaitable<error_code> write_whole(session& self, unsigned status, unsigned version,
                                  bool keep_alive) {
  write_head(self, status, version, keep_alive, self.body.size());
  self.body.insert(0, self.head); // one buffer is sent at less cost than two
  auto rest = asio::buffer(std::as_const(self.body));
  error_code failure;
  rest += self.stream().socket().write_some(rest, failure);
  if (failure == asio::error::would_block || (!failure && rest.size() != 0)) {
    self.stream().expires_after(reply_time_max);
    std::tie(failure, std::ignore) = co_await asio::async_write(self.stream(), rest, awaiting);
  }
  co_return failure;
}

/// Writes `self.body` and then what is left of the reply, piece by piece.
awaitable<error_code> write_chunked(session& self, http_reply& reply, bool keep_alive) {
  write_head(self, reply.status, 11, keep_alive, std::nullopt);
  self.stream().expires_after(reply_time_max);
  auto [failure, octets] =
      co_await asio::async_write(self.stream(), asio::buffer(self.head), awaiting);
  while (!failure && !self.body.empty()) {
    self.stream().expires_after(reply_time_max);
    std::tie(failure, octets) = co_await asio::async_write(
        self.stream(), http::make_chunk(asio::buffer(self.body)), awaiting);
    self.body.clear();
    reply.rest.append_to(self.body, piece_octets);
  }
  if (!failure) {
    std::tie(failure, octets) =
        co_await asio::async_write(self.stream(), http::make_chunk_last(), awaiting);
  }
  co_return failure;
}

/// Answers `self.asked`; false when the connection is to be closed.
awaitable<bool> answer_one(session& self, bool wants_more) {
  const request_text& asked = self.asked;
  self.body.clear();
  http_reply reply = self.handler.answer_http({.verb = asked.verb,
                                               .target = asked.target,
                                               .body = asked.body,
                                               .zone_id = asked.zone_id,
                                               .real_remote = asked.real_remote,
                                               .transaction = asked.transaction,
                                               .peer = self.connection.peer},
                                              self.connection.open, self.body);
  self.connection.trusted = self.connection.trusted || reply.trusted;
  if (reply.wanted) {
    const auto outcome =
        co_await self.edits.apply(std::move(reply.wanted->edit), self.connection.waiting);
    if (!outcome) {
      co_return false;
    }
    self.handler.answer_edit(*reply.wanted, *outcome, self.connection.peer, self.body);
  }
  const bool keep_alive = wants_more && reply.trusted;
  error_code failure;
  const bool is_short = reply.rest.empty() && self.body.size() <= whole_body_octets_max;
  if (is_short || asked.version < 11) {
    while (!reply.rest.empty()) { // HTTP/1.0 knows no chunks
      reply.rest.append_to(self.body, piece_octets);
    }
    failure = co_await write_whole(self, reply.status, asked.version, keep_alive);
  } else {
    failure = co_await write_chunked(self, reply, keep_alive);
  }
  if (failure == beast::error::timeout) {
    self.log.refuse(refusal::slow_client, self.connection.peer, "it does not take its reply");
  }
  co_return !failure && keep_alive;
}

/// What has been read of the input so far, and a failure that ends the connection.
enum class progress { whole, needs_more, failed };

/// Parses what is there of a request; it must be short on a connection that has not shown the
/// token.
progress parse(session& self, request_parser& parser, error_code& failure) {
  bool in_header = !parser.is_header_done();
  while (!parser.is_done() && self.input.size() != 0) {
    self.input.consume(parser.put(self.input.data(), failure));
    if (failure == http::error::need_more) {
      failure = {};
      return progress::needs_more;
    }
    if (failure) {
      return progress::failed;
    }
    if (std::exchange(in_header, !parser.is_header_done()) && parser.is_header_done() &&
        !self.connection.trusted && !self.handler.is_trusted(self.asked.target)) {
      if (parser.content_length().value_or(0) > stranger_body_octets_max) {
        failure = http::error::body_limit;
        return progress::failed;
      }
      parser.body_limit(stranger_body_octets_max);
    }
  }
  return parser.is_done() ? progress::whole : progress::needs_more;
}

/// How much of the input to read at once.
std::size_t wanted_octets(const session& self, const request_parser& parser) {
  std::size_t wanted = read_octets;
  if (parser.is_header_done()) {
    const auto left = parser.content_length_remaining().value_or(0);
    wanted = std::clamp<std::size_t>(left, read_octets, piece_octets);
  }
  return std::min(wanted, self.input.max_size() - self.input.size());
}

/// Reads the next request. Between two requests a trusted connection may wait for as long as it
/// likes, and that costs no timer.
awaitable<error_code> read_request(session& self, request_parser& parser) {
  bool waits_for_ever = self.connection.trusted && self.input.size() == 0;
  bool is_timed = false;
  error_code failure;
  while (true) {
    if (const progress now = parse(self, parser, failure); now != progress::needs_more) {
      co_return failure;
    }
    const std::size_t wanted = wanted_octets(self, parser);
    if (wanted == 0) {
      co_return make_error_code(http::error::buffer_overflow);
    }
    const auto room = self.input.prepare(wanted);
    std::size_t octets = 0;
    if (std::exchange(waits_for_ever, false)) {
      std::tie(failure, octets) = co_await self.stream().socket().async_read_some(room, awaiting);
    } else {
      if (!std::exchange(is_timed, true)) {
        self.stream().expires_after(request_time_max);
      }
      std::tie(failure, octets) = co_await self.stream().async_read_some(room, awaiting);
    }
    self.input.commit(octets);
    if (failure) {
      co_return failure;
    }
  }
}

/// Why a request could not be read, and the status that says so; no reason when the peer just went.
struct read_failure {
  std::optional<refusal> reason;
  unsigned status = 0; ///< 0: the connection cannot carry a reply any more
  std::string_view detail;
};

read_failure judge(error_code failure) {
  if (failure == beast::error::timeout) {
    return {refusal::slow_client, 0, "its request was not complete in time"};
  }
  if (failure == http::error::header_limit || failure == http::error::buffer_overflow) {
    return {refusal::header_too_long, 431, "URL and header fields are longer than 8 KiB"};
  }
  if (failure == http::error::body_limit) {
    return {refusal::body_too_long, 413,
            "the body is longer than 1 MiB, or than 64 KiB without the token"};
  }
  const bool is_http_error = failure.category() == make_error_code(http::error{}).category();
  if (is_http_error && failure != http::error::end_of_stream &&
      failure != http::error::partial_message) {
    return {refusal::bad_http, 400, "this is not HTTP/1.1"};
  }
  return {};
}

/// Gives the peer time to read our last words: closing while its input is unread would reset the
/// connection and take them away.
awaitable<void> linger(session& self) {
  error_code ignored;
  self.stream().socket().shutdown(asio::socket_base::shutdown_send, ignored);
  self.stream().expires_after(linger_time_max);
  std::array<char, 4096> waste;
  std::size_t total = 0;
  while (total < linger_octets_max) {
    const auto [failure, octets] =
        co_await self.stream().async_read_some(asio::buffer(waste), awaiting);
    if (failure) {
      co_return;
    }
    total += octets;
  }
}

awaitable<void> refuse_unreadable(session& self, error_code failure) {
  const read_failure judged = judge(failure);
  if (!judged.reason) {
    co_return;
  }
  self.log.refuse(*judged.reason, self.connection.peer, judged.detail);
  if (judged.status == 0) {
    co_return;
  }
  self.body.clear();
  append_error(self.body, judged.detail);
  constexpr bool keep_alive = false;
  failure = co_await write_whole(self, judged.status, 11, keep_alive);
  if (!failure) {
    co_await linger(self);
  }
}

} // namespace

awaitable<void> serve_http(http_connection& connection, request_handler& handler, edit_desk& edits,
                           journal& log) {
  session self{.connection = connection, .handler = handler, .edits = edits, .log = log};
  error_code failed;
  self.stream().socket().non_blocking(true, failed);
  bool goes_on = !failed;
  while (goes_on) {
    request_parser parser(self.asked);
    if (const error_code failure = co_await read_request(self, parser)) {
      co_await refuse_unreadable(self, failure);
      co_return;
    }
    goes_on = co_await answer_one(self, parser.keep_alive());
  }
  co_await linger(self);
}

} // namespace thor::backend
