#include "coordinator/health/sip_options.hpp"
#include "coordinator/probe/kinds.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

namespace thor::probe {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
/// T1 and T2 of RFC 3261 section 17.1.2.2: when a request is sent again.
constexpr std::chrono::milliseconds first_resend{500};
constexpr std::chrono::milliseconds resend_max{4000};
constexpr std::size_t datagram_octets_max = 65535;

/// What a probe under way and its coroutines share. Closing the socket ends every operation.
struct attempt {
  attempt(asio::io_context& io, sip_target the_target, done the_end)
      : socket(io)
      , again(io)
      , what(std::move(the_target))
      , on_end(std::move(the_end)) {}

  udp::socket socket;
  asio::steady_timer again;
  sip_target what;
  done on_end;

  void close() {
    error_code ignored;
    socket.close(ignored);
    again.cancel();
  }
  void end(outcome result) {
    close();
    if (const auto tell = std::exchange(on_end, nullptr)) {
      tell(std::move(result));
    }
  }
};
using shared_attempt = std::shared_ptr<attempt>;

/// A datagram may be lost; ends when the socket is closed.
asio::awaitable<void> resend(shared_attempt self, std::string request) {
  auto after = first_resend;
  while (self->socket.is_open()) {
    self->again.expires_after(after);
    const auto [ended] = co_await self->again.async_wait(as_result);
    if (ended || !self->socket.is_open()) {
      co_return;
    }
    error_code ignored; // the receiver hears of it
    self->socket.send(asio::buffer(request), 0, ignored);
    after = std::min(2 * after, resend_max);
  }
}

/// An ICMP error arrives as the error of a send or receive: the socket is connected.
asio::awaitable<outcome> ask(shared_attempt self, udp::endpoint where) {
  error_code failure;
  self->socket.open(where.protocol(), failure);
  if (!failure) {
    self->socket.connect(where, failure);
  }
  if (failure) {
    co_return std::unexpected(fmt::format("cannot send: {}", failure.message()));
  }
  const auto local = self->socket.local_endpoint();
  const health::sip_options asked{
      "UDP", self->what.where.text(),
      runtime::to_text(asio::ip::tcp::endpoint(local.address(), local.port())), random_token()};
  const auto request = health::sip_request(asked);
  self->socket.send(asio::buffer(request), 0, failure);
  if (failure) {
    co_return std::unexpected(fmt::format("cannot send: {}", failure.message()));
  }
  asio::co_spawn(self->socket.get_executor(), resend(self, request), asio::detached);
  std::string received(datagram_octets_max, '\0');
  while (true) {
    const auto [lost, octets] =
        co_await self->socket.async_receive(asio::buffer(received), as_result);
    if (lost) {
      co_return std::unexpected(fmt::format("no response: {}", lost.message()));
    }
    const auto response = health::parse_sip_response(std::string_view(received).substr(0, octets));
    // What is no answer to this request is not for us (RFC 3261 section 18.1.2).
    if (response && health::is_final_answer(*response, asked)) {
      co_return judge_status(response->status, response->reason, self->what.alive);
    }
  }
}

asio::awaitable<outcome> run(shared_attempt self, std::vector<asio::ip::tcp::endpoint> found) {
  outcome last = std::unexpected("there is no address");
  for (const auto& where : found) {
    last = co_await ask(self, udp::endpoint(where.address(), where.port()));
    if (last || self->on_end == nullptr) {
      break;
    }
    self->close();
  }
  co_return last;
}

void start(const shared_attempt& self, const runtime::resolver::result& found) {
  if (!found) {
    return self->end(std::unexpected(found.error()));
  }
  asio::co_spawn(self->socket.get_executor(), run(self, *found),
                 [self](const std::exception_ptr& thrown, outcome result) {
                   self->end(thrown ? std::unexpected("ended by an unexpected error")
                                    : std::move(result));
                 });
}

class datagram_probe final : public under_way {
 public:
  datagram_probe(asio::io_context& io, runtime::resolver& names, const sip_target& what,
                 done on_end)
      : attempt_(std::make_shared<attempt>(io, what, std::move(on_end))) {
    names.find(what.where, [weak = std::weak_ptr(attempt_)](const auto& found) {
      if (const auto alive = weak.lock()) {
        start(alive, found);
      }
    });
  }
  ~datagram_probe() override {
    attempt_->on_end = nullptr;
    attempt_->close();
  }
  datagram_probe(const datagram_probe&) = delete;
  datagram_probe& operator=(const datagram_probe&) = delete;

 private:
  shared_attempt attempt_;
};

} // namespace

std::unique_ptr<under_way> begin_datagram(asio::io_context& io, runtime::resolver& names,
                                          const sip_target& what, done on_end) {
  return std::make_unique<datagram_probe>(io, names, what, std::move(on_end));
}

} // namespace thor::probe
