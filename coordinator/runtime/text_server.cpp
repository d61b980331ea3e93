#include "coordinator/runtime/text_server.hpp"

#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/endpoint.hpp"
#include "coordinator/runtime/log.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <exception>
#include <map>
#include <set>
#include <utility>

namespace thor::runtime {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

/// After an accept that failed, for instance for want of descriptors.
constexpr std::chrono::milliseconds accept_pause{200};
/// How long, and for how much, a connection that is told of its end may still send: closing it at
/// once would take the line back.
constexpr std::chrono::seconds farewell_max{1};
constexpr std::size_t farewell_octets_max = 64U << 10;
/// The same complaint is logged once in this time.
constexpr std::chrono::seconds log_interval{60};
constexpr std::string_view line_end = "\r\n";

void log_escaped(const std::exception_ptr& thrown) {
  if (!thrown) {
    return;
  }
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& failure) {
    spdlog::error("text port: a connection ended by an unexpected error: {}", failure.what());
  }
}

} // namespace

bool may_ask(const model::ip_address& from, const std::vector<model::ip_network>& networks) {
  return to_asio(from).is_loopback() ||
         std::ranges::any_of(networks, [&](const auto& net) { return net.contains(from); });
}

class text_server::impl {
 public:
  impl(asio::io_context& io, const tcp::endpoint& where, std::vector<model::ip_network> allowed,
       metrics& counters, answer reply, const text_limits& limits)
      : acceptor_(listen_at(io, where))
      , listening_(acceptor_.local_endpoint())
      , allowed_(std::move(allowed))
      , counters_(counters)
      , reply_(std::move(reply))
      , limits_(limits) {}

  static void start(const std::shared_ptr<impl>& self) {
    asio::co_spawn(self->acceptor_.get_executor(), accept(self), log_escaped);
  }

  void close() {
    error_code ignored;
    acceptor_.close(ignored);
    for (auto* link : links_) {
      link->close();
    }
  }

  void allow(std::vector<model::ip_network> networks) { allowed_ = std::move(networks); }
  [[nodiscard]] const tcp::endpoint& listening() const { return listening_; }

 private:
  using self_pointer = std::shared_ptr<impl>;

  /// A connection, among those that are counted.
  struct link {
    link(impl& of, tcp::socket socket, const model::ip_address& from)
        : server(of)
        , peer(std::move(socket))
        , address(from) {
      server.links_.insert(&peer);
      ++server.by_address_[address];
    }
    ~link() {
      server.links_.erase(&peer);
      if (--server.by_address_[address] == 0) {
        server.by_address_.erase(address);
      }
    }
    link(const link&) = delete;
    link& operator=(const link&) = delete;

    impl& server;
    beast::tcp_stream peer;
    model::ip_address address;
  };

  static asio::awaitable<void> accept(self_pointer self) {
    asio::steady_timer pause(self->acceptor_.get_executor());
    while (self->acceptor_.is_open()) {
      auto [failure, socket] = co_await self->acceptor_.async_accept(as_result);
      if (!self->acceptor_.is_open()) {
        co_return;
      }
      if (failure) {
        spdlog::warn("text port: cannot accept: {}", failure.message());
        pause.expires_after(accept_pause);
        co_await pause.async_wait(as_result);
      } else {
        self->admit(self, std::move(socket));
      }
    }
  }

  void admit(const self_pointer& self, tcp::socket socket) {
    error_code gone;
    const auto remote = socket.remote_endpoint(gone);
    if (gone) {
      return;
    }
    const auto from = from_asio(remote.address());
    if (!may_ask(from, allowed_)) {
      count("not_allowed");
      complain(from, "is not on the list of those that may ask");
      return;
    }
    const auto of_address = by_address_.find(from);
    const bool too_many = links_.size() >= limits_.connections_max ||
                          (of_address != by_address_.end() &&
                           of_address->second >= limits_.connections_per_address_max);
    if (too_many) {
      count("too_many");
      complain(from, "was refused, there are too many connections");
      // Sent as far as it goes at once: who is one too many is not waited for.
      socket.non_blocking(true, gone);
      socket.write_some(asio::buffer("error: too many connections\r\n", 29), gone);
      return;
    }
    auto executor = socket.get_executor();
    asio::co_spawn(executor, serve(self, std::make_unique<link>(*this, std::move(socket), from)),
                   log_escaped);
  }

  static asio::awaitable<void> serve(self_pointer self, std::unique_ptr<link> at) {
    auto& peer = at->peer;
    std::string received;
    const auto octets_max = self->limits_.question_octets_max + line_end.size();
    while (true) {
      peer.expires_after(self->limits_.idle_max);
      const auto [failure, octets] = co_await asio::async_read_until(
          peer, asio::dynamic_buffer(received, octets_max), '\n', as_result);
      if (failure == asio::error::not_found) {
        co_return co_await self->refuse_length(*at);
      }
      if (failure) {
        co_return self->count(failure == beast::error::timeout ? "idle" : "closed");
      }
      auto question = std::string_view(received).substr(0, octets - 1);
      if (question.ends_with('\r')) {
        question.remove_suffix(1);
      }
      if (question.size() > self->limits_.question_octets_max) {
        co_return co_await self->refuse_length(*at);
      }
      const auto line = self->reply_(question).append(line_end);
      received.erase(0, octets);
      if (!co_await self->send(peer, line)) {
        co_return;
      }
      self->count("answered");
    }
  }

  asio::awaitable<bool> send(beast::tcp_stream& peer, const std::string& line) {
    peer.expires_after(limits_.send_max);
    const auto [failure, octets] = co_await asio::async_write(peer, asio::buffer(line), as_result);
    if (failure) {
      count(failure == beast::error::timeout ? "too_slow" : "closed");
    }
    co_return !failure;
  }

  asio::awaitable<void> refuse_length(link& at) {
    count("too_long");
    const auto line = fmt::format("error: a question has at most {} octets{}",
                                  limits_.question_octets_max, line_end);
    if (!co_await send(at.peer, line)) {
      co_return;
    }
    error_code ignored;
    at.peer.socket().shutdown(tcp::socket::shutdown_send, ignored);
    at.peer.expires_after(farewell_max);
    std::array<char, 4096> unread{};
    for (std::size_t taken = 0; taken < farewell_octets_max;) {
      const auto [failure, octets] =
          co_await at.peer.async_read_some(asio::buffer(unread), as_result);
      if (failure) {
        co_return;
      }
      taken += octets;
    }
  }

  void count(const char* result) {
    counters_
        .counter("thor_text_port_total",
                 "Questions answered by the text port, and how its "
                 "connections ended, by result",
                 {{"result", result}})
        .Increment();
  }

  void complain(const model::ip_address& from, std::string_view what) {
    if (const auto held_back = limiter_.pass(what, monotonic_now())) {
      const auto more = *held_back == 0 ? "" : fmt::format(" ({} more like this)", *held_back);
      spdlog::warn("text port: {} {}{}", from.text(), what, more);
    }
  }

  tcp::acceptor acceptor_;
  tcp::endpoint listening_;
  std::vector<model::ip_network> allowed_;
  metrics& counters_;
  answer reply_;
  text_limits limits_;
  std::set<beast::tcp_stream*> links_;
  std::map<model::ip_address, std::size_t> by_address_;
  log_limiter limiter_{log_interval};
};

text_server::text_server(asio::io_context& io, const tcp::endpoint& where,
                         std::vector<model::ip_network> allowed, metrics& counters, answer reply,
                         const text_limits& limits)
    : impl_(std::make_shared<impl>(io, where, std::move(allowed), counters, std::move(reply),
                                   limits)) {
  impl::start(impl_);
}

text_server::~text_server() {
  impl_->close();
}

void text_server::allow(std::vector<model::ip_network> networks) {
  impl_->allow(std::move(networks));
}

const tcp::endpoint& text_server::listening() const {
  return impl_->listening();
}

} // namespace thor::runtime
