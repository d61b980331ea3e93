#include "backend/answer/networks.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <map>

namespace thor::backend {
namespace {

/// Prefixes that often lie in each other: few values in few octets.
ip_prefix any_prefix() {
  const bool is_ipv4 = *rc::gen::arbitrary<bool>();
  std::string text;
  if (is_ipv4) {
    for (int i = 0; i < 4; ++i) {
      text += (i == 0 ? "" : ".") + std::to_string(*rc::gen::element(0, 1, 128, 255));
    }
  } else {
    for (int i = 0; i < 8; ++i) {
      text +=
          (i == 0 ? "" : ":") + *rc::gen::element<std::string>("0", "1", "8000", "ffff", "7fff");
    }
  }
  text += "/" + std::to_string(*rc::gen::inRange(0, is_ipv4 ? 33 : 129));
  return ip_prefix::parse(text).value();
}

bool holds(const ip_prefix& network, const ip_prefix& other) {
  return network.length <= other.length && masked(other.first, network.length) == network.first;
}

/// The view of one address by looking at all networks.
std::uint16_t naive_view(const std::vector<viewing_network>& all, ip_number address) {
  const ip_prefix client{.first = address, .length = 128};
  const bool is_ipv4 = holds(ip_prefix::parse("0.0.0.0/0").value(), client);
  const viewing_network* best = nullptr;
  for (const viewing_network& network : all) {
    const bool same_family = network.where.is_ipv4 == is_ipv4 || network.where.length >= 96;
    if (same_family && holds(network.where, client) &&
        (best == nullptr || network.where.length >= best->where.length)) {
      best = &network;
    }
  }
  return best == nullptr ? 0 : best->view;
}

/// The addresses at which the view of `all` may change, and those right before.
std::vector<ip_number> edges(const std::vector<viewing_network>& all) {
  std::vector<ip_number> out{{},
                             ip_prefix::parse("0.0.0.0").value().first,
                             ip_prefix::parse("255.255.255.255").value().first};
  for (const viewing_network& network : all) {
    const unsigned __int128 first =
        static_cast<unsigned __int128>(network.where.first.high) << 64 | network.where.first.low;
    const unsigned __int128 size = network.where.length == 0 ? 0
                                                             : static_cast<unsigned __int128>(1)
                                                                   << (128 - network.where.length);
    for (const unsigned __int128 at : {first - 1, first, first + size - 1, first + size}) {
      out.push_back(
          {.high = static_cast<std::uint64_t>(at >> 64), .low = static_cast<std::uint64_t>(at)});
    }
  }
  return out;
}

std::vector<viewing_network> any_networks() {
  std::vector<viewing_network> out;
  const auto count = *rc::gen::inRange(0, 12);
  for (int i = 0; i < count; ++i) {
    const ip_prefix where = any_prefix();
    const auto same = [&](const viewing_network& n) {
      return n.where.first == where.first && n.where.length == where.length;
    };
    if (std::ranges::none_of(out, same)) {
      out.push_back({.where = where, .view = *rc::gen::inRange<std::uint16_t>(1, 4)});
    }
  }
  return out;
}

RC_GTEST_PROP(networks, an_address_sees_what_a_search_of_all_networks_finds, ()) {
  const auto all = any_networks();
  const networks table(all);
  for (const ip_number address : edges(all)) {
    const ip_prefix client{.first = address, .length = 128};
    RC_ASSERT(table.find(client).view == naive_view(all, address));
  }
}

RC_GTEST_PROP(networks, the_scope_is_the_shortest_prefix_with_one_view, ()) {
  const auto all = any_networks();
  const networks table(all);
  const ip_prefix client = any_prefix();
  const viewpoint from = table.find(client);
  const unsigned before = client.is_ipv4 ? mapped_bits : 0;
  RC_PRE(client.length > before);
  const auto views_within = [&](unsigned length) {
    const ip_prefix around{.first = masked(client.first, length),
                           .length = static_cast<std::uint8_t>(length)};
    std::map<std::uint16_t, int> views{{naive_view(all, around.first), 1}};
    for (const ip_number address : edges(all)) {
      if (holds(around, {.first = address, .length = 128})) {
        ++views[naive_view(all, address)];
      }
    }
    return views.size();
  };
  const unsigned scope = before + from.scope;
  RC_ASSERT(scope > before);
  RC_ASSERT(scope <= 128U);
  RC_ASSERT(views_within(scope) == 1U);
  RC_ASSERT(scope == before + 1 || views_within(scope - 1) > 1U);
  RC_ASSERT(from.view == (views_within(client.length) == 1 ? naive_view(all, client.first) : 0));
}

} // namespace
} // namespace thor::backend
