// Small makers for the tests of coordinator/dns.
#pragma once

#include "coordinator/daemon/dns/roles/role_files.hpp"
#include "coordinator/dns/coordinator.hpp"
#include "zone/build/build.hpp"
#include "zone/text/rdata_text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace thor::dns::test {

inline model::node_id id(std::string_view text) {
  return *model::node_id::parse(text);
}
inline model::ip_address ip(std::string_view text) {
  return *model::ip_address::parse(text);
}
inline zone::name name(std::string_view text) {
  return *zone::name::parse(text);
}

inline model::member member(std::string_view who, std::vector<std::string> addresses,
                            std::vector<std::string> roles,
                            model::role_state state = model::role_state::active) {
  model::presence p{.id = id(who),
                    .at = {1, 1},
                    .addresses = {},
                    .roles = {},
                    .site = "",
                    .software = "test",
                    .attributes = {}};
  for (const auto& address : addresses)
    p.addresses.push_back(ip(address));
  for (const auto& role : roles)
    p.roles[role].state = state;
  return {p, model::unix_time{}};
}

inline model::member_map members(std::vector<model::member> all) {
  model::member_map map;
  for (auto& m : all)
    map.emplace(m.what.id, m);
  return map;
}

inline zone_config config() {
  return {.domain = name("sipthor.example"),
          .ids = {{name("sipthor.example"), 1},
                  {name("role.sipthor.example"), 2},
                  {name("node.sipthor.example"), 3},
                  {name("proxy.sipthor.example"), 4},
                  {name("mediarelay.sipthor.example"), 5},
                  {name("xcap.sipthor.example"), 6},
                  {name("voicemail.sipthor.example"), 7},
                  {name("ngnpro.sipthor.example"), 8},
                  {name("msrprelay.sipthor.example"), 9},
                  {name("conference.sipthor.example"), 10},
                  {name("xmpp.sipthor.example"), 11},
                  {name("webrtc.sipthor.example"), 12}},
          .soa = {},
          .name_servers = {{"ns1", {ip("192.0.2.53")}, 0}, {"ns2.elsewhere.example.", {}, 0}},
          .event_servers = {{"eventserver", {ip("192.0.2.10"), ip("2001:db8::10")}, 8000}},
          .roles = built_in_roles()};
}

inline zone_plan plan() {
  return *zone_plan::make(config());
}

/// The zones of the plan with these members.
inline std::vector<zone::zone_input> describe(const zone_plan& p, const model::member_map& who,
                                              std::uint32_t serial = 7) {
  node_names names(p.node_parent());
  for (const auto& [id, one] : who)
    names.show(one.what);
  return p.describe(who, names, {}, serial);
}

/// The zone as sorted lines "owner ttl TYPE rdata"; a node without records is "owner -", an
/// unavailable one "owner ?".
inline std::vector<std::string> lines(const zone::zone_input& input) {
  const auto made = zone::build(input, nullptr);
  EXPECT_TRUE(made.rejected.empty());
  std::vector<std::string> all;
  for (const auto& node : made.zone->nodes) {
    const auto owner = node->owner.relative_text(input.apex);
    if (!node->available)
      all.push_back(owner + " ?");
    if (node->available && node->rrsets.empty())
      all.push_back(owner + " -");
    for (const auto& set : node->rrsets)
      for (const auto& data : set->records)
        all.push_back(owner + " " + std::to_string(set->ttl_s) + " " + zone::to_string(set->type) +
                      " " + zone::to_text(data));
  }
  return all;
}

/// The lines of one owner.
inline std::vector<std::string> lines_at(const zone::zone_input& input, const std::string& owner) {
  auto all = lines(input);
  std::erase_if(all, [&](const std::string& line) { return !line.starts_with(owner + " "); });
  return all;
}

} // namespace thor::dns::test
