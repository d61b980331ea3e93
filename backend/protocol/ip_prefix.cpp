#include "backend/protocol/ip_prefix.hpp"

#include <boost/url/ipv6_address.hpp>

#include <bit>
#include <charconv>

namespace thor::backend {
namespace {

constexpr unsigned half_bits = 64;
constexpr std::uint64_t mapped_low = 0xffff'0000'0000;

std::uint64_t big_endian(const unsigned char* octets) {
  std::uint64_t out = 0;
  for (int i = 0; i < 8; ++i) {
    out = out << 8 | octets[i];
  }
  return out;
}

/// Dotted quad. By hand because every lookup brings one: the parser of Boost.URL takes as long as
/// looking the name up.
std::optional<std::uint32_t> parse_ipv4(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  std::uint32_t out = 0;
  for (int octet = 0; octet < 4; ++octet) {
    if (octet != 0 && (at == end || *at++ != '.')) {
      return std::nullopt;
    }
    std::uint8_t value = 0;
    const auto [stop, failure] = std::from_chars(at, end, value);
    if (failure != std::errc() || (*at == '0' && stop != at + 1)) {
      return std::nullopt;
    }
    out = out << 8 | value;
    at = stop;
  }
  return at == end ? std::optional(out) : std::nullopt;
}

/// The bits of the prefix as written: 0 to `most`.
std::optional<unsigned> parse_length(std::string_view text, unsigned most) {
  unsigned length = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (failure != std::errc() || end != text.data() + text.size() || length > most) {
    return std::nullopt;
  }
  return length;
}

std::uint64_t masked_half(std::uint64_t bits, unsigned length) {
  return length == 0 ? 0 : bits & ~std::uint64_t{0} << (half_bits - length);
}

} // namespace

std::optional<ip_prefix> ip_prefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  std::string_view address = text.substr(0, slash);
  ip_prefix out;
  unsigned bits_before = 0;
  if (const auto v4 = parse_ipv4(address)) {
    out.is_ipv4 = true;
    out.first.low = mapped_low | *v4;
    bits_before = mapped_bits;
  } else {
    address = address.substr(0, address.find('%'));
    const auto v6 = boost::urls::parse_ipv6_address(address);
    if (!v6) {
      return std::nullopt;
    }
    const auto octets = v6->to_bytes();
    out.first = {.high = big_endian(octets.data()), .low = big_endian(octets.data() + 8)};
  }
  const unsigned most = 2 * half_bits - bits_before;
  const auto length =
      slash == std::string_view::npos ? most : parse_length(text.substr(slash + 1), most);
  if (!length) {
    return std::nullopt;
  }
  out.length = static_cast<std::uint8_t>(bits_before + *length);
  out.first = masked(out.first, out.length);
  return out;
}

ip_number masked(ip_number address, unsigned length) {
  if (length <= half_bits) {
    return {.high = masked_half(address.high, length), .low = 0};
  }
  return {.high = address.high, .low = masked_half(address.low, length - half_bits)};
}

unsigned common_bits(ip_number a, ip_number b) {
  if (a.high != b.high) {
    return static_cast<unsigned>(std::countl_zero(a.high ^ b.high));
  }
  return half_bits + static_cast<unsigned>(std::countl_zero(a.low ^ b.low));
}

} // namespace thor::backend
