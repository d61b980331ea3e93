#include "coordinator/runtime/metrics_server.hpp"

#include "coordinator/runtime/endpoint.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <spdlog/spdlog.h>

#include <exception>
#include <string_view>
#include <utility>

namespace thor::runtime {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

/// After an accept that failed, for instance for want of descriptors.
constexpr std::chrono::milliseconds accept_pause{200};
constexpr std::string_view path = "/metrics";
/// Prometheus' text format.
constexpr const char* text_format = "text/plain; version=0.0.4; charset=utf-8";

using response = http::response<http::string_body>;

response plain(http::status status, std::string text) {
  response out(status, 11);
  out.set(http::field::content_type, "text/plain; charset=utf-8");
  out.body() = std::move(text);
  return out;
}

bool is_malformed(const error_code& failure) {
  return failure.category() == http::make_error_code(http::error::bad_method).category() &&
         failure != http::error::end_of_stream && failure != http::error::partial_message;
}

std::string_view result_word(const response& answer) {
  switch (answer.result()) {
  case http::status::ok:
    return "ok";
  case http::status::not_found:
    return "not_found";
  case http::status::method_not_allowed:
    return "wrong_method";
  default:
    return "malformed";
  }
}

void log_escaped(const std::exception_ptr& thrown) {
  if (!thrown) {
    return;
  }
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& failure) {
    spdlog::error("metrics: a request ended by an unexpected error: {}", failure.what());
  }
}

} // namespace

class metrics_server::impl {
 public:
  impl(asio::io_context& io, const tcp::endpoint& where, metrics& counters,
       std::function<std::string()> text)
      : acceptor_(listen_at(io, where))
      , listening_(acceptor_.local_endpoint())
      , counters_(counters)
      , text_(std::move(text)) {}

  static void start(const std::shared_ptr<impl>& self) {
    asio::co_spawn(self->acceptor_.get_executor(), accept(self), log_escaped);
  }

  void close() {
    text_ = nullptr;
    error_code ignored;
    acceptor_.close(ignored);
  }

  [[nodiscard]] const tcp::endpoint& listening() const { return listening_; }

 private:
  static asio::awaitable<void> accept(std::shared_ptr<impl> self) {
    asio::steady_timer pause(self->acceptor_.get_executor());
    while (self->acceptor_.is_open()) {
      auto [failure, peer] = co_await self->acceptor_.async_accept(as_result);
      if (!self->acceptor_.is_open()) {
        co_return;
      }
      if (failure) {
        spdlog::warn("metrics: cannot accept: {}", failure.message());
        pause.expires_after(accept_pause);
        co_await pause.async_wait(as_result);
      } else if (self->connections_ == metrics_connections_max) {
        self->count("too_many");
      } else {
        ++self->connections_;
        const auto executor = peer.get_executor();
        asio::co_spawn(executor, serve(self, beast::tcp_stream(std::move(peer))),
                       [self](const std::exception_ptr& thrown) {
                         --self->connections_;
                         log_escaped(thrown);
                       });
      }
    }
  }

  static asio::awaitable<void> serve(std::shared_ptr<impl> self, beast::tcp_stream peer) {
    peer.expires_after(metrics_deadline);
    beast::flat_buffer buffer(metrics_request_octets_max);
    http::request_parser<http::empty_body> parser;
    parser.header_limit(metrics_request_octets_max);
    const auto [failure, octets] =
        co_await http::async_read_header(peer, buffer, parser, as_result);
    if (self->text_ == nullptr || (failure && !is_malformed(failure))) {
      self->count(failure == beast::error::timeout ? "too_slow" : "connection_lost");
      co_return;
    }
    auto answer = failure ? plain(http::status::bad_request, "This is no HTTP request.\n")
                          : self->answer_to(parser.get());
    answer.keep_alive(false);
    answer.prepare_payload();
    const auto [unsent, sent] = co_await http::async_write(peer, answer, as_result);
    self->count(unsent == beast::error::timeout ? "too_slow"
                : unsent                        ? "connection_lost"
                                                : result_word(answer));
    error_code ignored;
    peer.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  response answer_to(const http::request<http::empty_body>& request) {
    const std::string_view target(request.target().data(), request.target().size());
    if (target.substr(0, target.find('?')) != path) {
      return plain(http::status::not_found, "There is /metrics and nothing else.\n");
    }
    if (request.method() != http::verb::get) {
      auto refused = plain(http::status::method_not_allowed, "Only GET is answered.\n");
      refused.set(http::field::allow, "GET");
      return refused;
    }
    auto answer = plain(http::status::ok, text_());
    answer.set(http::field::content_type, text_format);
    return answer;
  }

  void count(std::string_view result) {
    counters_
        .counter("thor_metrics_requests_total", "Requests for metrics over HTTP, by result",
                 {{"result", std::string(result)}})
        .Increment();
  }

  tcp::acceptor acceptor_;
  tcp::endpoint listening_;
  metrics& counters_;
  std::function<std::string()> text_; ///< nullptr once the server is destroyed
  std::size_t connections_ = 0;
};

metrics_server::metrics_server(asio::io_context& io, const tcp::endpoint& where, metrics& counters,
                               std::function<std::string()> text)
    : impl_(std::make_shared<impl>(io, where, counters, std::move(text))) {
  impl::start(impl_);
}

metrics_server::~metrics_server() {
  impl_->close();
}

const tcp::endpoint& metrics_server::listening() const {
  return impl_->listening();
}

} // namespace thor::runtime
