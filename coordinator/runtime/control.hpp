// The control socket of a daemon: one request line in, one JSON line out, connection closed.
//
// A Unix stream socket with mode 0660: whoever may open it may command. A request is a command and
// its arguments, separated by blanks. An answer is a JSON object; a refusal is {"error": "..."}.
// The handlers run on the loop's thread and answer at once. Connections, line length and the time
// a connection may take are bounded.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>

#include <chrono>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thor::runtime {

/// So that a body of Thor.Statistics fits into a request.
inline constexpr std::size_t control_line_octets_max = 20U << 10;
inline constexpr std::size_t control_connections_max = 16;
inline constexpr std::chrono::seconds control_deadline{5};
/// The longest answer that ask() takes.
inline constexpr std::size_t control_answer_octets_max = 64U << 20;

/// Gets the arguments; the error is a sentence for a person.
using control_handler =
    std::function<std::expected<boost::json::object, std::string>(const std::vector<std::string>&)>;

class control_server {
 public:
  /// Listens at `socket`. A socket left behind by a dead process is replaced; throws
  /// std::runtime_error when another process answers there, when the path is something else than a
  /// socket, or when it cannot be made.
  control_server(boost::asio::io_context& io, std::filesystem::path socket);
  /// Closes and removes the socket.
  ~control_server();
  control_server(const control_server&) = delete;
  control_server& operator=(const control_server&) = delete;

  void on(std::string command, control_handler handler);

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

/// Asks the daemon behind `socket`; blocks for at most control_deadline. The error says what to do:
/// "is the daemon running?". A refusal by the daemon is its sentence as an error.
std::expected<boost::json::object, std::string> ask(const std::filesystem::path& socket,
                                                    std::string_view request);

} // namespace thor::runtime
