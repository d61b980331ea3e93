#include "coordinator/runtime/endpoint.hpp"

#include <boost/asio/ip/v6_only.hpp>

#include <charconv>
#include <stdexcept>

namespace thor::runtime {
namespace {

std::string quoted(std::string_view text) {
  return '"' + std::string(text) + '"';
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, port);
  if (failure != std::errc() || stop != end) {
    return std::nullopt;
  }
  return port;
}

/// Letters, digits, hyphen, underscore and dots: what can be a host name. Addresses are tried
/// before.
bool is_host_name(std::string_view text) {
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return !text.empty() && text.size() <= 253 &&
         text.find_first_not_of(allowed) == std::string_view::npos;
}

struct halves {
  std::string_view host;
  std::string_view port; ///< empty = left out
  bool bracketed = false;
};

/// Cuts "host", "host:port", "[v6]" and "[v6]:port".
std::optional<halves> cut(std::string_view text) {
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) {
      return std::nullopt;
    }
    const auto rest = text.substr(close + 1);
    if (rest.empty() || (rest.front() == ':' && rest.size() > 1)) {
      return halves{text.substr(1, close - 1), rest.empty() ? rest : rest.substr(1), true};
    }
    return std::nullopt;
  }
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) {
    return halves{text, {}, false};
  }
  if (colon + 1 == text.size() || colon != text.rfind(':')) {
    return std::nullopt; // an IPv6 address without brackets would be ambiguous
  }
  return halves{text.substr(0, colon), text.substr(colon + 1), false};
}

bool takes_both_families(const boost::asio::ip::tcp::endpoint& at) {
  return at.address().is_v6() && at.address().is_unspecified();
}

} // namespace

std::optional<model::ip_address> endpoint::address() const {
  auto parsed = model::ip_address::parse(host);
  return parsed ? std::optional(*parsed) : std::nullopt;
}

std::string endpoint::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

std::expected<endpoint, std::string> parse_endpoint(std::string_view text,
                                                    std::optional<std::uint16_t> default_port) {
  const auto parts = cut(text);
  if (!parts) {
    return std::unexpected(quoted(text) + " is not \"host:port\" or \"[IPv6 address]:port\"");
  }
  const auto port = parts->port.empty() ? default_port : parse_port(parts->port);
  if (!port) {
    return std::unexpected(quoted(text) + (parts->port.empty()
                                               ? " has no port"
                                               : " has a port that is not 0 to 65535"));
  }
  const auto address = model::ip_address::parse(parts->host);
  if (address && parts->bracketed != address->is_v4()) {
    return endpoint{address->text(), *port};
  }
  if (address || parts->bracketed || !is_host_name(parts->host)) {
    return std::unexpected(quoted(text) + " names no host or address");
  }
  return endpoint{std::string(parts->host), *port};
}

std::expected<boost::asio::ip::tcp::endpoint, std::string>
parse_address_endpoint(std::string_view text, std::optional<std::uint16_t> default_port) {
  const auto parsed = parse_endpoint(text, default_port);
  if (!parsed) {
    return std::unexpected(parsed.error());
  }
  const auto address = parsed->address();
  if (!address) {
    return std::unexpected(quoted(text) + " is no IP address with a port");
  }
  return boost::asio::ip::tcp::endpoint(to_asio(*address), parsed->port);
}

boost::asio::ip::address to_asio(const model::ip_address& address) {
  if (address.is_v4()) {
    return boost::asio::ip::address_v4(address.v4_octets());
  }
  return boost::asio::ip::address_v6(address.v6_octets());
}

model::ip_address from_asio(const boost::asio::ip::address& address) {
  if (address.is_v4()) {
    return model::ip_address::v4(address.to_v4().to_bytes());
  }
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) {
    const auto mapped = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, v6);
    return model::ip_address::v4(mapped.to_bytes());
  }
  return model::ip_address::v6(v6.to_bytes());
}

std::string to_text(const boost::asio::ip::tcp::endpoint& where) {
  return endpoint{from_asio(where.address()).text(), where.port()}.text();
}

boost::asio::ip::tcp::acceptor listen_at(boost::asio::io_context& io,
                                         boost::asio::ip::tcp::endpoint where) {
  using boost::asio::ip::tcp;
  tcp::acceptor acceptor(io);
  boost::system::error_code failure;
  acceptor.open(where.protocol(), failure);
  if (failure == boost::asio::error::address_family_not_supported && takes_both_families(where)) {
    where.address(boost::asio::ip::address_v4::any());
    acceptor.open(where.protocol(), failure);
  }
  if (!failure) {
    acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  }
  if (!failure && where.address().is_v6()) {
    acceptor.set_option(boost::asio::ip::v6_only(!takes_both_families(where)), failure);
  }
  if (!failure) {
    acceptor.bind(where, failure);
  }
  if (!failure) {
    acceptor.listen(tcp::acceptor::max_listen_connections, failure);
  }
  if (failure) {
    throw std::runtime_error("cannot listen at " + to_text(where) + ": " + failure.message());
  }
  return acceptor;
}

} // namespace thor::runtime
