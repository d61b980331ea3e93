#include "coordinator/model/address.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace thor::model {
namespace {

RC_GTEST_PROP(ip_address, survives_its_own_text, (std::array<std::uint8_t, 16> octets)) {
  // Many zero groups, so that the shortened forms are met.
  for (std::size_t i = 0; i < octets.size(); i += 2)
    if (octets[i] % 2 == 0)
      octets[i] = octets[i + 1] = 0;
  const auto six = ip_address::v6(octets);
  RC_ASSERT(ip_address::parse(six.text()).value() == six);
  const auto four = ip_address::v4({octets[0], octets[1], octets[2], octets[3]});
  RC_ASSERT(ip_address::parse(four.text()).value() == four);
}

RC_GTEST_PROP(ip_network, contains_exactly_the_addresses_with_its_first_bits,
              (std::array<std::uint8_t, 4> base, std::array<std::uint8_t, 4> other)) {
  const auto length = *rc::gen::inRange<std::uint32_t>(0, 33);
  const auto number = [](const std::array<std::uint8_t, 4>& o) {
    return static_cast<std::uint32_t>(o[0] << 24U | o[1] << 16U | o[2] << 8U | o[3]);
  };
  const std::uint32_t mask = length == 0 ? 0 : ~0U << (32 - length);
  const std::uint32_t kept = number(base) & mask;
  const auto network = ip_network::parse(
      ip_address::v4({static_cast<std::uint8_t>(kept >> 24U),
                      static_cast<std::uint8_t>(kept >> 16U), static_cast<std::uint8_t>(kept >> 8U),
                      static_cast<std::uint8_t>(kept)})
          .text() +
      '/' + std::to_string(length));
  RC_ASSERT(network.has_value());
  RC_ASSERT(network->contains(ip_address::v4(base)));
  RC_ASSERT(network->contains(ip_address::v4(other)) == ((number(other) & mask) == kept));
  RC_ASSERT(ip_network::parse(network->text()).value() == *network);
}

RC_GTEST_PROP(ip_network, parse_takes_any_octets_without_harm, (std::string text)) {
  if (const auto n = ip_network::parse(text))
    RC_ASSERT(ip_network::parse(n->text()).value() == *n);
}

} // namespace
} // namespace thor::model
