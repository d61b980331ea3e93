// A server on free ports, and blocking clients of it.
#pragma once

#include "backend/serve/limits.hpp"
#include "backend/serve/server.hpp"
#include "tests/support/synthetic_zone.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

namespace thor::backend {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace fs = std::filesystem;

constexpr std::string_view token = "0123456789abcdef0123456789abcdef";
constexpr std::string_view soa_question =
    R"({"method":"lookup","parameters":{"qname":"sip.example.com.","qtype":"SOA"}})";
constexpr std::string_view list_question =
    R"({"method":"list","parameters":{"zonename":"sip.example.com."}})";

inline std::shared_ptr<const answer_table> table_of(const test::synthetic_zone& shape) {
  return answer_table::build({.zones = test::snapshot_of({build(shape)}),
                              .metadata = nullptr,
                              .server_id = "ns1",
                              .complete = true},
                             nullptr);
}

/// A directory that goes with the test.
class scratch_directory {
 public:
  scratch_directory() {
    std::string pattern = fs::temp_directory_path() / "thor-serve-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~scratch_directory() { fs::remove_all(path_); }
  [[nodiscard]] std::string operator/(std::string_view name) const { return path_ / name; }

 private:
  fs::path path_;
};

/// The log of a server.
class log_lines {
 public:
  log_sink sink() {
    return [this](log_level, std::string text) {
      const std::lock_guard lock(mutex_);
      text_ += text + "\n";
    };
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

/// A connection of a blocking HTTP client.
class http_client {
 public:
  explicit http_client(const std::string& endpoint)
      : socket_(context_) {
    const auto port =
        static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)));
    socket_.connect({asio::ip::make_address("127.0.0.1"), port});
  }

  using response = http::response<http::string_body>;

  static http::request<http::string_body> post(std::string_view body, std::string_view path = {}) {
    http::request<http::string_body> out{http::verb::post,
                                         path.empty() ? "/" + std::string(token) + "/" : path, 11};
    out.body() = body;
    out.prepare_payload();
    return out;
  }

  response ask(const http::request<http::string_body>& request) {
    http::write(socket_, request);
    return read();
  }
  response ask(std::string_view question) { return ask(post(question)); }

  response read() {
    http::response_parser<http::string_body> parser;
    parser.body_limit(std::numeric_limits<std::uint64_t>::max());
    http::read(socket_, buffer_, parser);
    return parser.release();
  }

  void send(std::string_view octets) { asio::write(socket_, asio::buffer(octets)); }

  /// Whether the server has closed the connection.
  bool at_end() {
    boost::system::error_code failure;
    char octet = 0;
    socket_.read_some(asio::buffer(&octet, 1), failure);
    return failure == asio::error::eof || failure == asio::error::connection_reset;
  }

 private:
  asio::io_context context_;
  asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
};

/// A connection of a blocking client of the Unix socket.
class unix_client {
 public:
  explicit unix_client(const std::string& path)
      : socket_(context_) {
    socket_.connect(asio::local::stream_protocol::endpoint(path));
  }

  void send(std::string_view octets) { asio::write(socket_, asio::buffer(octets)); }

  /// One line, or nothing at the end of the connection.
  std::optional<std::string> read() {
    boost::system::error_code failure;
    const std::size_t length =
        asio::read_until(socket_, asio::dynamic_buffer(input_), '\n', failure);
    if (failure) {
      return std::nullopt;
    }
    std::string line = input_.substr(0, length - 1);
    input_.erase(0, length);
    return line;
  }

  std::optional<std::string> ask(std::string_view question) {
    send(std::string(question) + "\n");
    return read();
  }

 private:
  asio::io_context context_;
  asio::local::stream_protocol::socket socket_;
  std::string input_;
};

class serving : public testing::Test {
 protected:
  [[nodiscard]] server_options options() const {
    server_options out;
    out.http = "127.0.0.1:0";
    out.http_token = token;
    out.unix_path = directory_ / "backend.sock";
    return out;
  }

  std::uint64_t refused(refusal reason) {
    return server_->counters().refusals[static_cast<std::size_t>(reason)];
  }
  std::uint64_t asked(method what) {
    return server_->counters().requests[static_cast<std::size_t>(what)];
  }
  [[nodiscard]] const std::string& http_endpoint() const { return server_->endpoints()[0]; }
  [[nodiscard]] const std::string& unix_endpoint() const { return server_->endpoints()[1]; }

  void start(server_options given) {
    server_.emplace(given, log_.sink());
    server_->publish(table_of({}));
  }
  void start() { start(options()); }

  scratch_directory directory_;
  log_lines log_;
  std::optional<server> server_;
};

} // namespace thor::backend
