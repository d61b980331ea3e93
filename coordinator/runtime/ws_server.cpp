#include "coordinator/runtime/ws_server.hpp"

#include "coordinator/identity/x509/verify.hpp"
#include "coordinator/runtime/admission.hpp"
#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/endpoint.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <exception>
#include <list>
#include <map>
#include <optional>
#include <stdexcept>

namespace thor::runtime {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
/// Bounds what the kernel keeps for a peer that does not read.
constexpr int socket_send_octets = 256 << 10;
/// Read at once.
constexpr std::size_t read_octets = 16 << 10;
/// For a refused peer to take the reason and to close its side.
constexpr std::chrono::milliseconds refusal_grace{500};
/// For what was under way when the connection was cut.
constexpr std::chrono::milliseconds cut_grace{200};
constexpr std::size_t close_reason_octets_max = 123; // RFC 6455 section 5.5

using tls_stream = beast::ssl_stream<beast::tcp_stream>;
using ws_stream = websocket::stream<tls_stream>;

std::unique_ptr<ws_stream> make_stream(tcp::socket socket, SSL_CTX* context) {
  SSL_CTX_up_ref(context);
  asio::ssl::context borrowed(context); // the stream holds its own reference afterwards
  auto stream =
      std::make_unique<ws_stream>(tls_stream(beast::tcp_stream(std::move(socket)), borrowed));
  SSL_set_mode(stream->next_layer().native_handle(), SSL_MODE_RELEASE_BUFFERS);
  return stream;
}

/// A failed TLS handshake as one of a few words, for counters.
std::string_view tls_failure_word(const error_code& failure) {
  if (failure == beast::error::timeout)
    return "handshake_timeout";
  if (failure.category() != asio::error::get_ssl_category())
    return "connection_lost";
  switch (ERR_GET_REASON(static_cast<unsigned long>(failure.value()))) {
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    return "no_certificate";
  case SSL_R_UNSUPPORTED_PROTOCOL:
  case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    return "tls_version";
  case SSL_R_HTTP_REQUEST:
  case SSL_R_WRONG_VERSION_NUMBER:
  case SSL_R_BAD_RECORD_TYPE:
  case SSL_R_PACKET_LENGTH_TOO_LONG:
    return "not_tls";
  default:
    return "tls_failed";
  }
}

/// What a request for something else is answered.
http::response<http::string_body> explain(const http::request<http::empty_body>& request,
                                          const ws_protocol& spoken) {
  http::response<http::string_body> answer(http::status::bad_request, request.version());
  answer.set(http::field::content_type, "text/plain");
  answer.keep_alive(false);
  answer.body() = fmt::format("This is an {}: it speaks WebSocket with the subprotocol {}.\n",
                              spoken.who, spoken.subprotocol);
  answer.prepare_payload();
  return answer;
}

bool offers(const http::request<http::empty_body>& request, std::string_view subprotocol) {
  const auto offered = request.find(http::field::sec_websocket_protocol);
  return offered != request.end() &&
         http::token_list(offered->value())
             .exists(beast::string_view(subprotocol.data(), subprotocol.size()));
}

ws_server::outcome why_ended(const error_code& failure) {
  if (failure == websocket::error::closed)
    return {"closed", "the peer closed the connection"};
  if (failure == beast::error::timeout)
    return {"no_pong", fmt::format("no sign of life for {} s", session_idle.count())};
  if (failure.category() == websocket::make_error_code(websocket::error::closed).category())
    return {"not_websocket", failure.message()};
  return {"connection_lost", failure.message()};
}

websocket::close_reason close_frame(wire::close_code code, std::string_view reason) {
  const auto shown = reason.substr(0, close_reason_octets_max);
  return {static_cast<websocket::close_code>(code), beast::string_view(shown.data(), shown.size())};
}

std::string_view word_of(wire::close_code code) {
  switch (code) {
  case wire::close_code::going_away:
    return "going_away";
  case wire::close_code::too_large:
    return "frame_too_large";
  case wire::close_code::replaced:
    return "replaced";
  case wire::close_code::protocol_error:
    return "protocol_error";
  case wire::close_code::too_slow:
    return "too_slow";
  case wire::close_code::unauthorised:
    return "unauthorised";
  case wire::close_code::revoked:
    return "revoked";
  case wire::close_code::overloaded:
    return "overloaded";
  }
  std::unreachable();
}

} // namespace

class ws_server::impl {
 public:
  struct outgoing {
    frame text;
    bool retained;
  };
  struct closing {
    wire::close_code code;
    std::string reason;
  };
  struct session {
    session(session_id which, std::unique_ptr<ws_stream> connection, identity::peer peer)
        : number(which)
        , stream(std::move(connection))
        , who(std::move(peer))
        , frame_octets_max(who.has_role(identity::role_manager) ? wire::frame_octets_max
                                                                : wire::member_frame_octets_max)
        , something_to_write(stream->get_executor(), asio::steady_timer::time_point::max())
        , last_moment(stream->get_executor()) {}

    const session_id number;
    std::unique_ptr<ws_stream> stream;
    const identity::peer who;
    const std::size_t frame_octets_max; ///< that it may send
    std::deque<outgoing> queue;
    std::size_t live_frames = 0;
    std::size_t live_octets = 0;
    std::optional<closing> wanted;
    bool ended = false;
    asio::steady_timer something_to_write; ///< never expires; cancelled to wake the writer
    asio::steady_timer last_moment;

    /// Operations under way fail.
    void cut() { beast::get_lowest_layer(*stream).close(); }
  };
  using session_ptr = std::shared_ptr<session>;

  impl(asio::io_context& context, const identity::x509::credentials& identity, observer& watcher,
       ws_protocol protocol)
      : io(context)
      , credentials(identity)
      , seen(&watcher)
      , spoken(protocol)
      , gate(monotonic_now()) {}

  asio::io_context& io;
  const identity::x509::credentials& credentials;
  observer* seen; ///< nullptr once the server is destroyed
  const ws_protocol spoken;
  admission gate;
  std::list<tcp::acceptor> acceptors;
  std::vector<tcp::endpoint> listening; ///< where they are, also once they are closed
  std::map<admission::ticket, ws_stream*> half_open;
  std::map<session_id, session_ptr> sessions;
  std::function<void()> stopped;
  session_id last_session = 0;
  bool members_wait = false;
  bool stopping = false;

  // ---- admission

  void take(const std::shared_ptr<impl>& self, tcp::socket socket) {
    error_code gone;
    const auto remote = socket.remote_endpoint(gone);
    if (gone)
      return;
    const auto from = from_asio(remote.address());
    const auto answer = gate.admit(monotonic_now(), from);
    if (answer.evicted)
      beast::get_lowest_layer(*half_open.extract(*answer.evicted).mapped()).close();
    if (!answer.admitted) {
      seen->on_refused(from,
                       {"too_many_handshakes", "too many connections are in their handshakes"});
      return;
    }
    error_code ignored; // best effort: the connection works without
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(tcp::socket::send_buffer_size(socket_send_octets), ignored);
    auto stream = make_stream(std::move(socket), credentials.tls_context());
    half_open.emplace(*answer.admitted, stream.get());
    tell_waiting();
    asio::co_spawn(io, greet(self, *answer.admitted, from, std::move(stream)), on_coroutine_end);
  }

  /// A place among the half-open connections, given back when its coroutine ends in whatever way.
  class place {
   public:
    place(std::shared_ptr<impl> owner, admission::ticket ticket)
        : owner_(std::move(owner))
        , ticket_(ticket) {}
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place() { leave(false); }

    void leave(bool completed) {
      owner_->half_open.erase(ticket_);
      owner_->gate.finish(monotonic_now(), ticket_, completed);
      owner_->tell_waiting();
    }
    /// Another connection got it.
    [[nodiscard]] bool lost() const { return !owner_->half_open.contains(ticket_); }

   private:
    std::shared_ptr<impl> owner_;
    admission::ticket ticket_;
  };

  void tell_waiting() {
    const bool now_waiting = gate.members_wait(monotonic_now());
    if (std::exchange(members_wait, now_waiting) != now_waiting && seen != nullptr)
      seen->on_waiting(now_waiting);
  }

  static void on_coroutine_end(std::exception_ptr failure) {
    if (!failure)
      return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      spdlog::error("a connection ended by an unexpected error: {}", e.what());
    }
  }

  // ---- coroutines; each holds what it uses

  static asio::awaitable<void> accept_all(std::shared_ptr<impl> self, tcp::acceptor& at) {
    asio::steady_timer pause(self->io);
    while (at.is_open()) {
      auto [failure, socket] = co_await at.async_accept(as_result);
      if (self->seen == nullptr || failure == asio::error::operation_aborted)
        co_return;
      if (!failure) {
        self->take(self, std::move(socket));
        continue;
      }
      self->seen->on_accept_error(failure.message());
      pause.expires_after(accept_pause);
      co_await pause.async_wait(as_result);
    }
  }

  static asio::awaitable<void> greet(std::shared_ptr<impl> self, admission::ticket ticket,
                                     model::ip_address from, std::unique_ptr<ws_stream> stream) {
    place here(self, ticket);
    beast::get_lowest_layer(*stream).expires_after(handshake_deadline);
    auto who = co_await shake_hands(self, *stream);
    if (self->seen == nullptr || self->stopping)
      co_return;
    if (!who) {
      self->seen->on_refused(from, here.lost() ? outcome{"evicted", "its place was needed"}
                                               : std::move(who.error()));
      co_return;
    }
    beast::get_lowest_layer(*stream).expires_never();
    here.leave(true);
    self->open(self, std::move(stream), *std::move(who), from);
  }

  static asio::awaitable<std::expected<identity::peer, outcome>>
  shake_hands(std::shared_ptr<impl> self, ws_stream& stream) {
    auto& tls = stream.next_layer();
    const auto [failure] = co_await tls.async_handshake(asio::ssl::stream_base::server, as_result);
    if (failure) {
      if (const auto refused = identity::x509::refusal_of(tls.native_handle()))
        co_return std::unexpected(outcome{identity::to_string(refused->code), refused->detail});
      co_return std::unexpected(outcome{tls_failure_word(failure), failure.message()});
    }
    auto who = self->credentials.peer_of(tls.native_handle());
    if (auto upgraded = co_await upgrade(stream, self->spoken); !upgraded)
      co_return std::unexpected(upgraded.error());
    if (who)
      co_return *std::move(who);
    // The certificate is of our CA, so its holder is told what is wrong with it.
    const auto word = identity::to_string(who.error().code);
    const auto reason = std::string(word) + ": " + who.error().detail;
    beast::get_lowest_layer(stream).expires_after(refusal_grace);
    co_await stream.async_close(close_frame(wire::close_code::unauthorised, reason), as_result);
    co_return std::unexpected(outcome{word, who.error().detail});
  }

  static asio::awaitable<std::expected<void, outcome>> upgrade(ws_stream& stream,
                                                               ws_protocol spoken) {
    beast::flat_buffer buffer(request_octets_max);
    http::request_parser<http::empty_body> parser;
    parser.header_limit(request_octets_max);
    const auto [failure, used] =
        co_await http::async_read_header(stream.next_layer(), buffer, parser, as_result);
    if (failure)
      co_return std::unexpected(
          outcome{failure == beast::error::timeout ? "handshake_timeout" : "not_websocket",
                  failure.message()});
    const auto& request = parser.get();
    const bool is_websocket = websocket::is_upgrade(request) && buffer.size() == 0;
    if (!is_websocket || !offers(request, spoken.subprotocol)) {
      const auto answer = explain(request, spoken);
      beast::get_lowest_layer(stream).expires_after(refusal_grace);
      co_await http::async_write(stream.next_layer(), answer, as_result);
      co_await stream.next_layer().async_shutdown(as_result);
      co_return std::unexpected(outcome{is_websocket ? "wrong_subprotocol" : "not_websocket",
                                        "asked for " + std::string(request.target())});
    }
    stream.set_option(
        websocket::stream_base::decorator([spoken](websocket::response_type& response) {
          response.set(http::field::sec_websocket_protocol,
                       beast::string_view(spoken.subprotocol.data(), spoken.subprotocol.size()));
        }));
    if (const auto [rejected] = co_await stream.async_accept(request, as_result); rejected)
      co_return std::unexpected(outcome{"not_websocket", rejected.message()});
    co_return std::expected<void, outcome>();
  }

  /// Once a close is wanted, whoever reads is the writer's async_close.
  static asio::awaitable<void> read_all(std::shared_ptr<impl> self, session_ptr from) {
    while (!from->wanted) {
      std::string text;
      if (const auto failure = co_await read_message(self, from, text)) {
        self->end(from, why_ended(failure));
        co_return;
      }
      if (self->seen == nullptr || from->wanted)
        co_return;
      if (from->stream->got_text())
        self->seen->on_frame(from->number, std::move(text));
      else
        begin_close(self, from, {wire::close_code::protocol_error, "frames are text"});
    }
  }

  static asio::awaitable<error_code> read_message(std::shared_ptr<impl> self, session_ptr from,
                                                  std::string& text) {
    auto buffer = asio::dynamic_buffer(text);
    do {
      const auto [failure, size] =
          co_await from->stream->async_read_some(buffer, read_octets, as_result);
      if (failure)
        co_return failure;
      if (buffer.size() > from->frame_octets_max) {
        begin_close(self, from,
                    {wire::close_code::too_large,
                     fmt::format("a frame has at most {} octets", from->frame_octets_max)});
      }
    } while (!from->wanted && !from->stream->is_message_done());
    co_return error_code();
  }

  static asio::awaitable<void> write_all(std::shared_ptr<impl> self, session_ptr to) {
    while (!to->ended) {
      if (!to->queue.empty()) {
        const auto next = std::move(to->queue.front());
        to->queue.pop_front();
        const auto [failure, size] =
            co_await to->stream->async_write(asio::buffer(*next.text), as_result);
        if (failure)
          break; // the reader tells, unless a close is wanted
        if (!next.retained) {
          --to->live_frames;
          to->live_octets -= next.text->size();
        }
      } else if (to->wanted) {
        co_await to->stream->async_close(close_frame(to->wanted->code, to->wanted->reason),
                                         as_result);
        break;
      } else {
        co_await to->something_to_write.async_wait(as_result);
      }
    }
    to->cut();
    if (to->wanted)
      self->end(to, {});
  }

  // ---- sessions

  void open(const std::shared_ptr<impl>& self, std::unique_ptr<ws_stream> stream,
            identity::peer who, const model::ip_address& from) {
    stream->set_option(websocket::stream_base::timeout{
        .handshake_timeout = close_grace, .idle_timeout = session_idle, .keep_alive_pings = true});
    stream->read_message_max(0); // read_message() has the limit
    stream->auto_fragment(false);
    stream->text(true);
    const auto opened =
        std::make_shared<session>(++last_session, std::move(stream), std::move(who));
    sessions.emplace(opened->number, opened);
    asio::co_spawn(io, read_all(self, opened), on_coroutine_end);
    asio::co_spawn(io, write_all(self, opened), on_coroutine_end);
    seen->on_session(opened->number, opened->who, from);
  }

  static void queue(const std::shared_ptr<impl>& self, const session_ptr& to, frame text,
                    bool retained) {
    if (to->ended || to->wanted)
      return;
    if (!retained) {
      if (to->live_frames >= queue_frames_max ||
          to->live_octets + text->size() > queue_octets_max) {
        to->queue.clear();
        begin_close(self, to, {wire::close_code::too_slow, "what waited for it was too much"});
        return;
      }
      ++to->live_frames;
      to->live_octets += text->size();
    }
    to->queue.push_back({std::move(text), retained});
    to->something_to_write.cancel();
  }

  static void begin_close(const std::shared_ptr<impl>& self, const session_ptr& which,
                          closing how) {
    if (which->ended || which->wanted)
      return;
    which->wanted = std::move(how);
    which->something_to_write.cancel();
    which->last_moment.expires_after(close_grace);
    which->last_moment.async_wait([self, weak = std::weak_ptr(which)](const error_code& cancelled) {
      if (const auto alive = weak.lock(); alive && !cancelled && !alive->ended)
        give_up(self, alive);
    });
  }

  /// The peer does not take part in the closing handshake. Beast's reading and closing may also
  /// wait for each other for ever, when the peer sends text that is not UTF-8 meanwhile: then
  /// nothing comes of the cut, and only destroying the stream ends them.
  static void give_up(const std::shared_ptr<impl>& self, const session_ptr& which) {
    which->cut();
    which->last_moment.expires_after(cut_grace);
    which->last_moment.async_wait([self, weak = std::weak_ptr(which)](const error_code& cancelled) {
      if (const auto alive = weak.lock(); alive && !cancelled && !alive->ended) {
        self->end(alive, {});
        alive->stream.reset();
      }
    });
  }

  void end(const session_ptr& which, outcome why) {
    if (std::exchange(which->ended, true))
      return;
    which->something_to_write.cancel();
    which->last_moment.cancel();
    sessions.erase(which->number);
    if (seen == nullptr)
      return;
    seen->on_closed(which->number,
                    which->wanted ? outcome{word_of(which->wanted->code), which->wanted->reason}
                                  : std::move(why));
    if (stopping && sessions.empty() && stopped)
      std::exchange(stopped, nullptr)();
  }

  void drop_everything() {
    for (auto& at : acceptors)
      at.close();
    for (const auto& [ticket, stream] : half_open)
      beast::get_lowest_layer(*stream).close();
    for (const auto& [number, s] : sessions)
      s->cut();
  }
};

ws_server::ws_server(asio::io_context& io, const identity::x509::credentials& who, observer& seen,
                     ws_protocol spoken)
    : impl_(std::make_shared<impl>(io, who, seen, spoken)) {}

ws_server::~ws_server() {
  impl_->seen = nullptr;
  impl_->drop_everything();
}

void ws_server::listen(const std::vector<tcp::endpoint>& where) {
  for (const auto& at : where) {
    auto& acceptor = impl_->acceptors.emplace_back(listen_at(impl_->io, at));
    impl_->listening.push_back(acceptor.local_endpoint());
    asio::co_spawn(impl_->io, impl::accept_all(impl_, acceptor), impl::on_coroutine_end);
  }
}

const std::vector<tcp::endpoint>& ws_server::listening() const {
  return impl_->listening;
}

void ws_server::send(session_id to, frame text, bool retained) {
  if (const auto found = impl_->sessions.find(to); found != impl_->sessions.end())
    impl::queue(impl_, found->second, std::move(text), retained);
}

void ws_server::close(session_id which, wire::close_code code, std::string reason) {
  if (const auto found = impl_->sessions.find(which); found != impl_->sessions.end())
    impl::begin_close(impl_, found->second, {code, std::move(reason)});
}

std::vector<std::pair<ws_server::session_id, identity::error>>
ws_server::barred(model::unix_time now) const {
  std::vector<std::pair<session_id, identity::error>> found;
  for (const auto& [number, s] : impl_->sessions)
    if (const auto still = impl_->credentials.recheck(s->who, now); !still)
      found.emplace_back(number, still.error());
  return found;
}

std::size_t ws_server::half_open() const {
  return impl_->gate.half_open();
}

void ws_server::stop(std::function<void()> done) {
  impl_->stopping = true;
  for (auto& at : impl_->acceptors)
    at.close();
  for (const auto& [ticket, stream] : impl_->half_open)
    beast::get_lowest_layer(*stream).close();
  for (const auto& [number, s] : impl_->sessions)
    impl::begin_close(
        impl_, s, {wire::close_code::going_away, fmt::format("the {} stops", impl_->spoken.who)});
  impl_->stopped = std::move(done);
  if (impl_->sessions.empty())
    asio::post(impl_->io, std::exchange(impl_->stopped, nullptr));
}

} // namespace thor::runtime
