#include "coordinator/client/connection.hpp"

#include "coordinator/identity/x509/verify.hpp"
#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/endpoint.hpp"
#include "coordinator/wire/message.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <fmt/format.h>
#include <openssl/ssl.h>

#include <deque>
#include <new>
#include <utility>

namespace thor::client {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

/// A larger read buffer is given back after the frame that needed it.
constexpr std::size_t kept_buffer_octets_max = 64U << 10;

SSL* new_tls(const identity::x509::credentials& who) {
  SSL* tls = ::SSL_new(who.tls_context());
  if (tls == nullptr) {
    throw std::bad_alloc();
  }
  return tls;
}

class tls_connection final : public connection {
 public:
  tls_connection(asio::io_context& io, const identity::x509::credentials& who, tcp::endpoint where,
                 std::uint64_t number, connection_owner& owner, counterpart expected)
      : where_(std::move(where))
      , number_(number)
      , owner_(&owner)
      , expected_(expected)
      , domain_(who.self().domain)
      , stream_(tcp::socket(io), new_tls(who)) {
    stream_.set_option(websocket::stream_base::timeout{websocket::stream_base::none(),
                                                       websocket::stream_base::none(), false});
    stream_.set_option(
        websocket::stream_base::decorator([expected](websocket::request_type& request) {
          request.set(beast::http::field::sec_websocket_protocol, expected.subprotocol);
        }));
    stream_.read_message_max(wire::frame_octets_max);
    stream_.auto_fragment(false);
    stream_.text(true);
  }

  static asio::awaitable<void> run(std::shared_ptr<tls_connection> self) {
    if (co_await self->open_transport() && co_await self->open_websocket()) {
      if (self->owner_ != nullptr) {
        self->owner_->on_opened(self->number_, *self->server_, self->local_address());
      }
      co_await self->read();
    }
    self->close_socket();
    if (self->owner_ != nullptr) {
      std::exchange(self->owner_, nullptr)->on_closed(self->number_, self->code_, self->why_);
    }
  }

  void send(std::shared_ptr<const std::string> frame) override {
    if (closing_ || !socket().is_open()) {
      return;
    }
    queued_octets_ += frame->size();
    queue_.push_back(std::move(frame));
    if (queue_.size() > queue_frames_max || queued_octets_ > queue_octets_max) {
      close_now("it does not take what is sent to it: the queue is full");
      return;
    }
    write_next();
  }

  void close_when_sent() override {
    closing_ = true;
    if (queue_.empty()) {
      close_websocket();
    }
  }

  void close_now(const std::string& why) override {
    fail(why);
    close_socket();
  }

  void disown() override { owner_ = nullptr; }

  [[nodiscard]] const identity::peer* server() const override {
    return server_ ? &*server_ : nullptr;
  }

  /// Set right after construction: operations keep the connection alive.
  std::weak_ptr<tls_connection> self;

 private:
  tcp::socket& socket() { return stream_.next_layer().next_layer(); }

  /// The first reason counts; what follows from it is noise.
  bool fail(std::string why) {
    if (why_.empty()) {
      why_ = std::move(why);
    }
    return false;
  }

  bool fail(std::string_view step, const error_code& failure) {
    return fail(fmt::format("{}: {}", step, failure.message()));
  }

  void close_socket() {
    error_code ignored;
    socket().close(ignored);
  }

  model::ip_address local_address() {
    error_code failure;
    const auto local = socket().local_endpoint(failure);
    return runtime::from_asio(local.address());
  }

  asio::awaitable<bool> open_transport() {
    const auto [unreachable] = co_await socket().async_connect(where_, as_result);
    if (unreachable) {
      co_return fail("cannot connect", unreachable);
    }
    error_code ignored;
    socket().set_option(tcp::no_delay(true), ignored); // a presence goes out as it is said
    asio::post(socket().get_executor(), [me = self.lock()] {
      if (me->owner_ != nullptr) {
        me->owner_->on_greeting(me->number_);
      }
    });
    auto& tls = stream_.next_layer();
    const auto [failure] = co_await tls.async_handshake(asio::ssl::stream_base::client, as_result);
    if (failure) {
      const auto refused = identity::x509::refusal_of(tls.native_handle());
      co_return refused ? fail(fmt::format("its certificate is not accepted: {} ({})",
                                           refused->detail, identity::to_string(refused->code)))
                        : fail("TLS handshake", failure);
    }
    co_return accept_server(identity::x509::peer_of(tls.native_handle(), domain_));
  }

  bool accept_server(std::expected<identity::peer, identity::error> peer) {
    if (peer) {
      if (auto allowed = expected_.check(*peer); !allowed) {
        peer = std::unexpected(std::move(allowed).error());
      }
    }
    if (!peer) {
      return fail(fmt::format("its certificate is not accepted: {} ({})", peer.error().detail,
                              identity::to_string(peer.error().code)));
    }
    server_ = std::move(*peer);
    return true;
  }

  asio::awaitable<bool> open_websocket() {
    websocket::response_type response;
    const auto [failure] =
        co_await stream_.async_handshake(response, runtime::to_text(where_), "/", as_result);
    if (failure == websocket::error::upgrade_declined) {
      co_return fail(fmt::format("WebSocket handshake: answered {}", response.result_int()));
    }
    if (failure) {
      co_return fail("WebSocket handshake", failure); // TLS 1.3: a refusal of our certificate, too
    }
    if (response[beast::http::field::sec_websocket_protocol] != expected_.subprotocol) {
      co_return fail(fmt::format("it does not speak {}", expected_.subprotocol));
    }
    co_return true;
  }

  asio::awaitable<void> read() {
    beast::flat_buffer frame;
    while (true) {
      const auto [failure, octets] = co_await stream_.async_read(frame, as_result);
      if (failure == websocket::error::closed) {
        code_ = stream_.reason().code;
        const std::string_view reason(stream_.reason().reason.data(),
                                      stream_.reason().reason.size());
        fail(fmt::format("closed with {}{}{}", code_, reason.empty() ? "" : ": ", reason));
        co_return;
      }
      if (failure) {
        fail("connection lost", failure);
        co_return;
      }
      if (owner_ != nullptr) {
        const auto text = frame.cdata();
        owner_->on_frame(number_, {static_cast<const char*>(text.data()), text.size()});
      }
      frame.consume(octets);
      if (frame.capacity() > kept_buffer_octets_max) {
        frame.shrink_to_fit();
      }
      check_sending();
    }
  }

  /// Heartbeats come once a second, so this is looked at often enough.
  void check_sending() {
    if (writing_ && runtime::monotonic_now() - write_began_ > send_timeout) {
      close_now("it does not take what is sent to it");
    }
  }

  void write_next() {
    if (writing_ || queue_.empty()) {
      return;
    }
    writing_ = true;
    write_began_ = runtime::monotonic_now();
    stream_.async_write(
        asio::buffer(*queue_.front()),
        [me = self.lock()](error_code failure, std::size_t) { me->on_written(failure); });
  }

  void on_written(error_code failure) {
    writing_ = false;
    if (failure) {
      fail("cannot send", failure);
      close_socket();
      return;
    }
    queued_octets_ -= queue_.front()->size();
    queue_.pop_front();
    write_next();
    if (closing_ && queue_.empty()) {
      close_websocket();
    }
  }

  /// The read that is pending sees the end.
  void close_websocket() {
    fail("closed by us");
    stream_.async_close(websocket::close_code::normal, [me = self.lock()](error_code) {});
  }

  tcp::endpoint where_;
  std::uint64_t number_;
  connection_owner* owner_;
  counterpart expected_;
  std::string domain_;
  websocket::stream<asio::ssl::stream<tcp::socket>> stream_;
  std::optional<identity::peer> server_;
  std::deque<std::shared_ptr<const std::string>> queue_;
  std::size_t queued_octets_ = 0;
  model::time_point write_began_{};
  bool writing_ = false;
  bool closing_ = false;
  std::uint16_t code_ = 0;
  std::string why_;
};

/// Bad input does not throw: what escapes is a bug, and ends the program.
void let_escape(const std::exception_ptr& thrown) {
  if (thrown) {
    std::rethrow_exception(thrown);
  }
}

} // namespace

std::shared_ptr<connection> connection::open(asio::io_context& io,
                                             const identity::x509::credentials& who,
                                             tcp::endpoint where, std::uint64_t number,
                                             connection_owner& owner, counterpart expected) {
  auto made = std::make_shared<tls_connection>(io, who, std::move(where), number, owner, expected);
  made->self = made;
  asio::co_spawn(io, tls_connection::run(made), let_escape);
  return made;
}

} // namespace thor::client
