#include "coordinator/model/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

namespace thor::model {

namespace {

// RFC 4291 section 2.5.5.2.
constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

constexpr std::uint8_t full_length(const ip_address& a) {
  return a.is_v4() ? 32 : 128;
}

std::array<std::uint8_t, 16> octets_of(const ip_address& a) {
  if (!a.is_v4())
    return a.v6_octets();
  std::array<std::uint8_t, 16> padded{};
  std::ranges::copy(a.v4_octets(), padded.begin());
  return padded;
}

// Clears all bits behind the first `length`.
std::array<std::uint8_t, 16> masked(std::array<std::uint8_t, 16> octets, std::size_t length) {
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const std::size_t kept = std::clamp<std::size_t>(length, i * 8, i * 8 + 8) - i * 8;
    octets[i] = static_cast<std::uint8_t>(octets[i] & (0xff00U >> kept));
  }
  return octets;
}

std::unexpected<error> bad_address(std::string_view text, std::string_view why) {
  return std::unexpected(error{errc::bad_address, printable(text) + ' ' + std::string(why)});
}

std::optional<std::uint8_t> parse_length(std::string_view text, std::uint8_t max) {
  std::uint8_t length = 0;
  const auto [stop, failed] = std::from_chars(text.begin(), text.end(), length);
  if (failed != std::errc{} || stop != text.end() || length > max)
    return std::nullopt;
  return length;
}

} // namespace

std::expected<ip_address, error> ip_address::parse(std::string_view text) {
  // inet_pton() wants a terminated string; what does not fit the buffer is no address.
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  std::array<std::uint8_t, 16> octets{};
  if (text.size() < terminated.size() && !text.contains('\0')) {
    std::ranges::copy(text, terminated.begin());
    if (inet_pton(AF_INET, terminated.data(), octets.data()) == 1)
      return v4({octets[0], octets[1], octets[2], octets[3]});
    if (inet_pton(AF_INET6, terminated.data(), octets.data()) == 1)
      return v6(octets);
  }
  return bad_address(text, "is not an IPv4 or IPv6 address");
}

ip_address ip_address::v4(std::array<std::uint8_t, 4> octets) {
  ip_address a;
  std::ranges::copy(octets, a.octets_.begin());
  return a;
}

ip_address ip_address::v6(std::array<std::uint8_t, 16> octets) {
  if (std::ranges::equal(std::span(octets).first<12>(), mapped_prefix))
    return v4({octets[12], octets[13], octets[14], octets[15]});
  ip_address a;
  a.kind_ = family::v6;
  a.octets_ = octets;
  return a;
}

std::array<std::uint8_t, 4> ip_address::v4_octets() const {
  return {octets_[0], octets_[1], octets_[2], octets_[3]};
}

std::string ip_address::text() const {
  std::array<char, INET6_ADDRSTRLEN> out{};
  inet_ntop(is_v4() ? AF_INET : AF_INET6, octets_.data(), out.data(), out.size());
  return out.data();
}

std::expected<ip_network, error> ip_network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto base = ip_address::parse(text.substr(0, slash));
  if (!base)
    return std::unexpected(base.error());
  const std::uint8_t longest = full_length(*base);
  if (slash == std::string_view::npos)
    return ip_network(*base, longest);
  const auto length = parse_length(text.substr(slash + 1), longest);
  if (!length)
    return bad_address(text, "has no prefix length of 0 to " + std::to_string(longest));
  if (masked(octets_of(*base), *length) != octets_of(*base))
    return bad_address(text, "has address bits set behind its prefix length");
  return ip_network(*base, *length);
}

bool ip_network::contains(const ip_address& address) const {
  return address.kind() == base_.kind() && masked(octets_of(address), length_) == octets_of(base_);
}

std::string ip_network::text() const {
  return base_.text() + '/' + std::to_string(length_);
}

} // namespace thor::model
