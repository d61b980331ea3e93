#include "backend/answer/networks.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

namespace thor::backend {
namespace {

constexpr std::uint64_t all_ones = std::numeric_limits<std::uint64_t>::max();
constexpr ip_number last_address{.high = all_ones, .low = all_ones};
constexpr unsigned address_bits = 128;

/// Precondition: not the last address.
ip_number after(ip_number address) {
  ++address.low;
  address.high += address.low == 0 ? 1 : 0;
  return address;
}

/// Precondition: not the first address.
ip_number before(ip_number address) {
  address.high -= address.low == 0 ? 1 : 0;
  --address.low;
  return address;
}

ip_number last_of(const ip_prefix& network) {
  const ip_number behind = masked(last_address, network.length);
  return {.high = network.first.high | ~behind.high, .low = network.first.low | ~behind.low};
}

/// All of IPv4. It is in no network of IPv6, not even in ::/0.
viewing_network all_of_ipv4() {
  return {.where = *ip_prefix::parse("0.0.0.0/0"), .view = 0};
}

} // namespace

networks::networks(std::vector<viewing_network> all) {
  all.push_back(all_of_ipv4());
  // Networks lie in each other or apart: in this order each comes after those that it lies in, and
  // the one of view 0 before its equal.
  std::ranges::sort(all, {}, [](const viewing_network& n) {
    return std::tuple(n.where.first, n.where.length, n.view);
  });
  const auto begin_stretch = [&](ip_number first, std::uint16_t view) {
    if (!stretches_.empty() && stretches_.back().first == first) {
      stretches_.back().view = view;
    } else {
      stretches_.push_back({.first = first, .view = view});
    }
  };
  std::vector<viewing_network> open; // each lies in the one before
  const auto close = [&] {
    const ip_number last = last_of(open.back().where);
    open.pop_back();
    if (last != last_address) {
      begin_stretch(after(last), open.empty() ? std::uint16_t{0} : open.back().view);
    }
  };
  begin_stretch({}, 0);
  for (const viewing_network& network : all) {
    while (!open.empty() && last_of(open.back().where) < network.where.first) {
      close();
    }
    begin_stretch(network.where.first, network.view);
    open.push_back(network);
  }
  while (!open.empty()) {
    close();
  }
  const auto repeated = std::ranges::unique(stretches_, {}, &stretch::view);
  stretches_.erase(repeated.begin(), repeated.end());
}

viewpoint networks::find(const std::optional<ip_prefix>& client) const {
  const unsigned bits_before = client && client->is_ipv4 ? mapped_bits : 0;
  if (!client || client->length == bits_before) {
    return {};
  }
  const auto next = std::ranges::upper_bound(stretches_, client->first, {}, &stretch::first);
  const auto here = next - 1;
  unsigned uniform = 0; // a prefix longer than this stays clear of both ends of the stretch
  if (here != stretches_.begin()) {
    uniform = common_bits(client->first, before(here->first)) + 1;
  }
  if (next != stretches_.end()) {
    uniform = std::max(uniform, common_bits(client->first, next->first) + 1);
  }
  const unsigned scope = std::clamp(uniform, bits_before + 1, address_bits) - bits_before;
  return {.view = client->length < uniform ? std::uint16_t{0} : here->view,
          .scope = static_cast<std::uint8_t>(scope)};
}

} // namespace thor::backend
