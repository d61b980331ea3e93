// Where something listens or is to be reached, as text in configurations and as Asio's values.
#pragma once

#include "coordinator/model/address.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <compare>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace thor::runtime {

/// A host name or address with a port: "eventserver.example.net:8000", "192.0.2.1:8000",
/// "[2001:db8::1]:8000".
struct endpoint {
  std::string host; ///< without brackets
  std::uint16_t port = 0;

  /// The address when `host` is one, otherwise nothing.
  [[nodiscard]] std::optional<model::ip_address> address() const;
  /// The form that parse_endpoint() reads.
  [[nodiscard]] std::string text() const;
  friend auto operator<=>(const endpoint&, const endpoint&) = default;
};

/// Reads an endpoint; the port may be left out when there is a default. The error is a sentence
/// for a person that quotes the text.
std::expected<endpoint, std::string>
parse_endpoint(std::string_view text, std::optional<std::uint16_t> default_port = std::nullopt);

/// The same for a place to listen at or a server that is given by address: no host names.
std::expected<boost::asio::ip::tcp::endpoint, std::string>
parse_address_endpoint(std::string_view text,
                       std::optional<std::uint16_t> default_port = std::nullopt);

boost::asio::ip::address to_asio(const model::ip_address& address);
/// IPv4-mapped IPv6 becomes IPv4.
model::ip_address from_asio(const boost::asio::ip::address& address);
/// "127.0.0.1:8000", "[::1]:8000"; IPv4-mapped IPv6 as IPv4.
std::string to_text(const boost::asio::ip::tcp::endpoint& where);

/// Listens there; throws std::runtime_error when it cannot. [::] takes IPv4, too, and becomes
/// 0.0.0.0 on a machine without IPv6.
boost::asio::ip::tcp::acceptor listen_at(boost::asio::io_context& io,
                                         boost::asio::ip::tcp::endpoint where);

} // namespace thor::runtime
