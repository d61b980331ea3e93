// An IP address as a value. No sockets here: the edge converts.
#pragma once

#include "coordinator/model/error.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace thor::model {

class ip_address {
 public:
  enum class family : std::uint8_t { v4, v6 };

  /// Dotted quad, or RFC 4291 text without zone id. IPv4-mapped IPv6 becomes IPv4, so that a
  /// dual-stack socket and an IPv4 one see the same peer.
  static std::expected<ip_address, error> parse(std::string_view text);
  static ip_address v4(std::array<std::uint8_t, 4> octets);
  static ip_address v6(std::array<std::uint8_t, 16> octets);

  [[nodiscard]] family kind() const { return kind_; }
  [[nodiscard]] bool is_v4() const { return kind_ == family::v4; }
  /// Precondition: is_v4().
  [[nodiscard]] std::array<std::uint8_t, 4> v4_octets() const;
  /// Precondition: !is_v4().
  [[nodiscard]] std::array<std::uint8_t, 16> v6_octets() const { return octets_; }
  /// Canonical text (RFC 5952).
  [[nodiscard]] std::string text() const;

  friend auto operator<=>(const ip_address&, const ip_address&) = default;

 private:
  family kind_ = family::v4;
  std::array<std::uint8_t, 16> octets_{};
};

/// A prefix such as 192.0.2.0/24; a bare address is a prefix of full length.
class ip_network {
 public:
  /// Refuses a prefix with address bits behind its length (192.0.2.1/24): it is more likely a
  /// mistake than a wish.
  static std::expected<ip_network, error> parse(std::string_view text);
  [[nodiscard]] bool contains(const ip_address& address) const;
  [[nodiscard]] std::string text() const;
  friend auto operator<=>(const ip_network&, const ip_network&) = default;

 private:
  ip_network(ip_address base, std::uint8_t length)
      : base_(base)
      , length_(length) {}
  ip_address base_;
  std::uint8_t length_;
};

} // namespace thor::model
