#include "coordinator/health/sip_options.hpp"
#include "coordinator/probe/kinds.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>
#include <openssl/ssl.h>

#include <exception>
#include <optional>
#include <utility>

namespace thor::probe {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
/// Of one read.
constexpr std::size_t piece_octets = 4096;

outcome failure_of(std::string_view step, const error_code& why) {
  return std::unexpected(fmt::format("{}: {}", step, why.message()));
}

const tls_settings* tls_of(const target& what) {
  if (const auto* sip = std::get_if<sip_target>(&what)) {
    return sip->transport == sip_transport::tls ? &sip->tls : nullptr;
  }
  const auto* web = std::get_if<http_target>(&what);
  return web != nullptr && web->https ? &web->tls : nullptr;
}

const runtime::endpoint& where_of(const target& what) {
  if (const auto* sip = std::get_if<sip_target>(&what)) {
    return sip->where;
  }
  if (const auto* web = std::get_if<http_target>(&what)) {
    return web->where;
  }
  return std::get<tcp_target>(what).where;
}

/// What a probe under way and its coroutine share. Closing the socket ends every operation.
struct attempt {
  attempt(asio::io_context& io, target the_target, done the_end)
      : socket(io)
      , what(std::move(the_target))
      , on_end(std::move(the_end)) {}

  tcp::socket socket;
  target what;
  done on_end;
  std::optional<asio::ssl::context> context;
  std::optional<asio::ssl::stream<tcp::socket&>> tls;

  void end(outcome result) {
    error_code ignored;
    socket.close(ignored);
    if (const auto tell = std::exchange(on_end, nullptr)) {
      tell(std::move(result));
    }
  }
};
using shared_attempt = std::shared_ptr<attempt>;

// ---- what is said once connected

template <class Stream>
asio::awaitable<outcome> ask_sip(Stream& stream, const tcp::socket& socket,
                                 const sip_target& what) {
  const health::sip_options asked{what.transport == sip_transport::tls ? "TLS" : "TCP",
                                  what.where.text(), runtime::to_text(socket.local_endpoint()),
                                  random_token()};
  const auto request = health::sip_request(asked);
  const auto [unsent, sent] = co_await asio::async_write(stream, asio::buffer(request), as_result);
  if (unsent) {
    co_return failure_of("cannot send", unsent);
  }
  std::string received;
  std::size_t skip = 0; // of a body that belongs to no final response
  char piece[piece_octets];
  while (true) {
    const auto [failure, octets] = co_await stream.async_read_some(asio::buffer(piece), as_result);
    if (failure) {
      co_return failure_of("no response", failure);
    }
    received.append(piece, octets);
    while (true) {
      const auto dropped = std::min(skip, received.size());
      received.erase(0, dropped);
      skip -= dropped;
      // RFC 3261 section 7.5: empty lines before a message mean nothing.
      received.erase(0, std::min(received.find_first_not_of("\r\n"), received.size()));
      const auto header = skip > 0 ? std::nullopt : health::sip_header_octets(received);
      if (!header) {
        break;
      }
      const auto response =
          health::parse_sip_response(std::string_view(received).substr(0, *header));
      if (!response) {
        co_return std::unexpected("it answers no SIP: " + response.error());
      }
      if (health::is_final_answer(*response, asked)) {
        co_return judge_status(response->status, response->reason, what.alive);
      }
      received.erase(0, *header);
      skip = response->body_octets;
    }
    if (received.size() > health::sip_header_octets_max) {
      co_return std::unexpected("its response has too large a header");
    }
  }
}

template <class Stream>
asio::awaitable<outcome> ask_http(Stream& stream, const http_target& what) {
  http::request<http::empty_body> request(http::verb::get, what.path, 11);
  request.set(http::field::host,
              what.tls.server_name.empty() ? what.where.text() : what.tls.server_name);
  request.set(http::field::user_agent, "thor-node");
  request.set(http::field::connection, "close");
  const auto [unsent, sent] = co_await http::async_write(stream, request, as_result);
  if (unsent) {
    co_return failure_of("cannot send", unsent);
  }
  beast::flat_buffer buffer(health::sip_header_octets_max);
  http::response_parser<http::empty_body> parser;
  const auto [failure, octets] =
      co_await http::async_read_header(stream, buffer, parser, as_result);
  if (failure) {
    co_return failure_of("no response", failure);
  }
  const auto reason = parser.get().reason();
  co_return judge_status(parser.get().result_int(), std::string_view(reason.data(), reason.size()),
                         what.alive);
}

template <class Stream>
asio::awaitable<outcome> ask(Stream& stream, shared_attempt self) {
  if (const auto* sip = std::get_if<sip_target>(&self->what)) {
    co_return co_await ask_sip(stream, self->socket, *sip);
  }
  if (const auto* web = std::get_if<http_target>(&self->what)) {
    co_return co_await ask_http(stream, *web);
  }
  co_return "connected";
}

// ---- connecting

/// Throws boost::system::system_error when the CA's file cannot be read.
void prepare_tls(attempt& self, const tls_settings& how) {
  self.context.emplace(asio::ssl::context::tls_client);
  const auto& name = how.server_name.empty() ? where_of(self.what).host : how.server_name;
  if (!how.ca.empty()) {
    self.context->load_verify_file(how.ca);
  }
  self.tls.emplace(self.socket, *self.context);
  if (!how.ca.empty()) {
    self.tls->set_verify_mode(asio::ssl::verify_peer);
    self.tls->set_verify_callback(asio::ssl::host_name_verification(name));
  }
  // RFC 6066 section 3: no addresses in SNI.
  if (!runtime::endpoint{name, 0}.address()) {
    SSL_set_tlsext_host_name(self.tls->native_handle(), name.c_str());
  }
}

asio::awaitable<outcome> run(shared_attempt self, std::vector<tcp::endpoint> found) {
  const auto [unreachable, where] = co_await asio::async_connect(self->socket, found, as_result);
  if (unreachable) {
    co_return failure_of("cannot connect", unreachable);
  }
  const auto* how = tls_of(self->what);
  if (how == nullptr) {
    co_return co_await ask(self->socket, self);
  }
  try {
    prepare_tls(*self, *how);
  } catch (const boost::system::system_error& unreadable) {
    co_return std::unexpected(fmt::format("ca {}: {}", how->ca, unreadable.code().message()));
  }
  const auto [refused] =
      co_await self->tls->async_handshake(asio::ssl::stream_base::client, as_result);
  if (refused) {
    co_return failure_of("TLS handshake", refused);
  }
  co_return co_await ask(*self->tls, self);
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

class stream_probe final : public under_way {
 public:
  stream_probe(asio::io_context& io, runtime::resolver& names, const target& what, done on_end)
      : attempt_(std::make_shared<attempt>(io, what, std::move(on_end))) {
    names.find(where_of(what), [weak = std::weak_ptr(attempt_)](const auto& found) {
      if (const auto alive = weak.lock()) {
        start(alive, found);
      }
    });
  }
  ~stream_probe() override {
    attempt_->on_end = nullptr;
    error_code ignored;
    attempt_->socket.close(ignored);
  }
  stream_probe(const stream_probe&) = delete;
  stream_probe& operator=(const stream_probe&) = delete;

 private:
  shared_attempt attempt_;
};

} // namespace

std::unique_ptr<under_way> begin_stream(asio::io_context& io, runtime::resolver& names,
                                        const target& what, done on_end) {
  return std::make_unique<stream_probe>(io, names, what, std::move(on_end));
}

} // namespace thor::probe
