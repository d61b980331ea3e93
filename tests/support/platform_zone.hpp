// The zone of a platform: members that hold every built-in role, each with an IPv4 and an IPv6
// address, described by the coordinator's own zone_plan.
#pragma once

#include "coordinator/daemon/dns/roles/role_files.hpp"
#include "coordinator/dns/zone_plan.hpp"

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace thor::test {

struct platform {
  std::string domain = "sip.example.com";
  std::string node = "gw"; ///< ids are gw1, gw2, ...
  unsigned members = 0;
  std::uint16_t slice = 8; ///< as in [dns]
  std::uint32_t serial = 2'025'010'101;
};

inline dns::zone_plan plan_of(const platform& of) {
  const auto domain = zone::name::parse(of.domain);
  if (!domain)
    throw std::invalid_argument(domain.error().detail);
  auto roles = dns::built_in_roles();
  for (auto& role : roles)
    role.slice = of.slice;
  const dns::fixed_host server{"ns1", {model::ip_address::v4({192, 0, 2, 53})}, 0};
  auto plan = dns::zone_plan::make({.domain = *domain,
                                    .ids = {{*domain, 1}},
                                    .soa = {},
                                    .name_servers = {server},
                                    .event_servers = {},
                                    .roles = std::move(roles)});
  if (!plan)
    throw std::invalid_argument(plan.error().detail);
  return *std::move(plan);
}

inline model::member member_of(const platform& of, unsigned number) {
  const auto high = static_cast<std::uint8_t>(number >> 8);
  const auto low = static_cast<std::uint8_t>(number & 0xff);
  model::presence p{.id = *model::node_id::parse(of.node + std::to_string(number)),
                    .at = {1, 1},
                    .addresses = {model::ip_address::v4({198, 18, high, low}),
                                  model::ip_address::v6({0x20, 0x01, 0x0d, 0xb8, 0xff, 0xee, 0xdd,
                                                         0xcc, 1, 2, 3, 4, 5, 6, high, low})},
                    .roles = {},
                    .site = "",
                    .software = "",
                    .attributes = {}};
  for (const auto& role : dns::built_in_roles())
    p.roles[role.role] = {};
  return {std::move(p), {}};
}

inline zone::zone_input describe(const platform& of) {
  const auto plan = plan_of(of);
  model::member_map members;
  dns::node_names names(plan.node_parent());
  for (unsigned number = 1; number <= of.members; ++number) {
    auto member = member_of(of, number);
    names.show(member.what);
    members.emplace(member.what.id, std::move(member));
  }
  return plan.describe(members, names, {}, of.serial).front();
}

} // namespace thor::test
