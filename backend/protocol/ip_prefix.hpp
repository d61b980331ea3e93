// A network of addresses, and the client of a lookup as PowerDNS tells of it (`real-remote`): the
// address it was asked from, or the network in the query's EDNS client subnet (RFC 7871). Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace thor::backend {

/// An IPv6 address as a number of 128 bits; an IPv4 address as the IPv4-mapped one (RFC 4291
/// section 2.5.5.2).
struct ip_number {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend auto operator<=>(const ip_number&, const ip_number&) = default;
};

/// Bits before the address in an IPv4-mapped address.
inline constexpr std::uint8_t mapped_bits = 96;

struct ip_prefix {
  ip_number first;         ///< all bits behind the prefix are 0
  std::uint8_t length = 0; ///< in the bits of IPv6: 96 and more for IPv4
  bool is_ipv4 = false;    ///< written as IPv4: its lengths are told in the bits of IPv4

  /// Reads "192.0.2.0/24" or "2001:db8::/48". An address alone is a prefix of full length; bits
  /// behind the prefix and the zone of a link-local address (fe80::1%eth0) are dropped. Nothing if
  /// it is none of these.
  static std::optional<ip_prefix> parse(std::string_view text);

  friend bool operator==(const ip_prefix&, const ip_prefix&) = default;
};

/// The first `length` bits of `address`, 0 behind them. Precondition: length <= 128.
ip_number masked(ip_number address, unsigned length);

/// How many bits `a` and `b` have in common from the front: 0 to 128.
unsigned common_bits(ip_number a, ip_number b);

} // namespace thor::backend
