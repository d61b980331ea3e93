#include "backend/serve/limits.hpp"
#include "backend/serve/session.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <tuple>
#include <utility>

namespace thor::backend {

namespace asio = boost::asio;

awaitable<void> serve_unix(unix_connection& connection, request_handler& handler, edit_desk& edits,
                           journal& log) {
  std::string input;
  std::string reply;
  bool skipping = false; // the rest of a request that is too long
  boost::system::error_code failed;
  connection.socket.non_blocking(true, failed);
  while (!failed) {
    const auto [failure, length] = co_await asio::async_read_until(
        connection.socket, asio::dynamic_buffer(input, unix_line_octets_max), '\n', awaiting);
    if (failure == asio::error::not_found) {
      input.clear();
      skipping = true;
      continue;
    }
    if (failure) {
      co_return;
    }
    reply.clear();
    if (std::exchange(skipping, false)) {
      constexpr std::string_view detail = "the request is longer than 1 MiB";
      connection.open.spoil(std::string(detail));
      log.refuse(refusal::line_too_long, connection.peer, detail);
      append_error(reply, detail);
    } else {
      const std::string_view line = std::string_view(input).substr(0, length - 1);
      auto wanted = handler.answer_line(line, connection.peer, connection.open, reply);
      if (wanted) {
        const auto outcome = co_await edits.apply(std::move(wanted->edit), connection.waiting);
        if (!outcome) {
          co_return;
        }
        handler.answer_edit(*wanted, *outcome, connection.peer, reply);
      }
    }
    input.erase(0, length);
    if (input.capacity() > request_octets_kept && input.empty()) {
      input.shrink_to_fit();
    }
    reply += '\n';
    // At once where the socket takes it.
    auto rest = asio::buffer(reply);
    rest += connection.socket.write_some(rest, failed);
    if (failed == asio::error::would_block || (!failed && rest.size() != 0)) {
      std::tie(failed, std::ignore) = co_await asio::async_write(connection.socket, rest, awaiting);
    }
  }
}

} // namespace thor::backend
