#include "coordinator/model/presence.hpp"

#include <gtest/gtest.h>

namespace thor::model {
namespace {

presence good() {
  presence p{.id = *node_id::parse("n1"),
             .at = {1, 1},
             .addresses = {*ip_address::parse("192.0.2.1"), *ip_address::parse("2001:db8::1")},
             .roles = {},
             .site = "fra1",
             .software = "thor-node 0.1.0",
             .attributes = {{"rack", "B 12, unten"}}};
  p.roles["sip_proxy"].ports["sip.udp"] = 5060;
  return p;
}

void expect_refused(const presence& p, errc code, std::string_view where) {
  const auto ok = validate(p);
  ASSERT_FALSE(ok) << where;
  EXPECT_EQ(ok.error().code, code) << ok.error().detail;
  EXPECT_TRUE(ok.error().detail.starts_with(where)) << ok.error().detail;
}

TEST(role_name, is_a_lower_case_word) {
  EXPECT_TRUE(is_role_name("sip_proxy"));
  EXPECT_TRUE(is_role_name("a"));
  EXPECT_TRUE(is_role_name(std::string(63, 'a')));
  EXPECT_FALSE(is_role_name(std::string(64, 'a')));
  for (const std::string_view text : {"", "1a", "_a", "Sip", "a-b", "a.b"})
    EXPECT_FALSE(is_role_name(text)) << text;
}

TEST(validate, accepts_a_full_presence_and_a_member_without_role) {
  EXPECT_TRUE(validate(good()));
  auto p = good();
  p.roles.clear();
  EXPECT_TRUE(validate(p));
}

TEST(validate, wants_addresses_that_others_can_send_to) {
  auto p = good();
  p.addresses.clear();
  expect_refused(p, errc::bad_address, "addresses");
  for (const auto* text : {"0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "fe80::1"}) {
    p = good();
    p.addresses.push_back(*ip_address::parse(text));
    expect_refused(p, errc::bad_address, "addresses");
  }
  p = good();
  p.addresses.push_back(p.addresses.front());
  expect_refused(p, errc::bad_address, "addresses: 192.0.2.1 is there twice");
  p.addresses.clear();
  for (std::uint8_t i = 0; i <= addresses_max; ++i)
    p.addresses.push_back(ip_address::v4({192, 0, 2, i}));
  expect_refused(p, errc::bad_address, "addresses");
}

TEST(validate, bounds_roles_and_ports) {
  auto p = good();
  p.roles["Bad\n"];
  expect_refused(p, errc::bad_role, "roles: \"Bad\\x0a\"");
  p = good();
  for (std::size_t i = 0; i < roles_max; ++i)
    p.roles["r" + std::to_string(i)];
  expect_refused(p, errc::bad_role, "roles");
  for (const auto* service :
       {"sip", "_sip._udp", "sip.udp.x", ".udp", "sip.", "SIP.udp", "s p.udp"}) {
    p = good();
    p.roles["sip_proxy"].ports[service] = 1;
    expect_refused(p, errc::bad_value, "roles.sip_proxy.ports");
  }
  p = good();
  p.roles["sip_proxy"].ports["sips.tcp"] = 0; // not offered
  EXPECT_TRUE(validate(p));
  p = good();
  for (std::size_t i = 0; i < ports_per_role_max; ++i)
    p.roles["sip_proxy"].ports["s" + std::to_string(i) + ".tcp"] = 1;
  expect_refused(p, errc::bad_value, "roles.sip_proxy.ports");
}

TEST(validate, bounds_texts_and_keeps_control_characters_out) {
  auto p = good();
  p.site = "two words";
  expect_refused(p, errc::bad_value, "site");
  p.site = std::string(site_octets_max + 1, 'a');
  expect_refused(p, errc::bad_value, "site");
  p = good();
  p.software = "x\x1b[2J";
  expect_refused(p, errc::bad_value, "software");
  p.software = std::string(software_octets_max + 1, 'a');
  expect_refused(p, errc::bad_value, "software");
}

TEST(validate, bounds_attributes) {
  auto p = good();
  p.attributes["note"] = "caf\xc3\xa9";
  EXPECT_TRUE(validate(p));
  p.attributes["note"] = "\xc2\x9b"
                         "2J"; // CSI as one C1 control character
  expect_refused(p, errc::bad_value, "attributes.note");
  p.attributes["note"] = std::string(attribute_value_octets_max + 1, 'a');
  expect_refused(p, errc::bad_value, "attributes.note");
  for (const std::string& key : {std::string(), std::string("a=b"), std::string("a b"),
                                 std::string(attribute_key_octets_max + 1, 'a')}) {
    p = good();
    p.attributes[key] = "x";
    expect_refused(p, errc::bad_value, "attributes");
  }
  p = good();
  for (std::size_t i = 0; i < attributes_max; ++i)
    p.attributes["k" + std::to_string(i)] = "x";
  expect_refused(p, errc::bad_value, "attributes");
}

TEST(dns_relevant_change, is_what_the_zone_shows) {
  const auto a = good();
  auto b = a;
  b.at = {2, 7};
  b.software = "other";
  b.attributes.clear();
  EXPECT_FALSE(dns_relevant_change(a, b));
  b = a, b.addresses.pop_back();
  EXPECT_TRUE(dns_relevant_change(a, b));
  b = a, b.site = "ams1";
  EXPECT_TRUE(dns_relevant_change(a, b));
  b = a, b.roles["sip_proxy"].state = role_state::draining;
  EXPECT_TRUE(dns_relevant_change(a, b));
  b = a, b.roles["sip_proxy"].weight = 1;
  EXPECT_TRUE(dns_relevant_change(a, b));
  b = a, b.roles["sip_proxy"].priority = 1;
  EXPECT_TRUE(dns_relevant_change(a, b));
  b = a, b.roles["sip_proxy"].ports["sip.udp"] = 5070;
  EXPECT_TRUE(dns_relevant_change(a, b));
  b = a, b.roles.clear();
  EXPECT_TRUE(dns_relevant_change(a, b));
  b = a, b.attributes["capacity"] = "7";
  EXPECT_TRUE(dns_relevant_change(a, b));
}

TEST(capacity, is_a_decimal_number_or_none) {
  auto p = good();
  EXPECT_EQ(capacity_of(p), std::nullopt);
  for (const auto* none : {"", "-1", "1.5", "many", " 1", "18446744073709551616"}) {
    p.attributes["capacity"] = none;
    EXPECT_EQ(capacity_of(p), std::nullopt) << none;
  }
  p.attributes["capacity"] = "250";
  EXPECT_EQ(capacity_of(p), 250);
}

TEST(dns_relevant_change, is_none_between_programs_of_the_overlay) {
  auto a = good();
  a.roles = {{"thor_manager", {}}};
  auto b = a;
  b.roles["thor_monitor"] = {};
  b.addresses.pop_back();
  EXPECT_FALSE(dns_relevant_change(a, b));
  b.roles["sip_proxy"] = {};
  EXPECT_TRUE(dns_relevant_change(a, b));
  a = b, a.roles["thor_manager"].priority = 1;
  EXPECT_FALSE(dns_relevant_change(a, b));
}

TEST(is_in_dns, excludes_members_with_nothing_but_roles_of_the_overlay) {
  auto p = good();
  EXPECT_TRUE(is_in_dns(p));
  p.roles["thor_monitor"] = {};
  EXPECT_TRUE(is_in_dns(p));
  p.roles = {{"thor_manager", {}}, {"thor_database", {}}};
  EXPECT_FALSE(is_in_dns(p));
  p.roles.clear();
  EXPECT_TRUE(is_in_dns(p));
}

} // namespace
} // namespace thor::model
