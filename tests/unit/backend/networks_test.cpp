#include "backend/answer/networks.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace thor::backend {
namespace {

networks table_of(const std::vector<std::pair<std::string, std::uint16_t>>& all) {
  std::vector<viewing_network> out;
  for (const auto& [text, view] : all) {
    out.push_back({.where = ip_prefix::parse(text).value(), .view = view});
  }
  return networks(std::move(out));
}

/// "view/scope"
std::string seen(const networks& table, std::string_view client) {
  const viewpoint from = table.find(ip_prefix::parse(client).value());
  return std::to_string(from.view) + "/" + std::to_string(from.scope);
}

TEST(networks, the_longest_prefix_wins) {
  const networks table = table_of({{"10.0.0.0/8", 1}, {"10.1.0.0/16", 2}, {"10.1.2.0/24", 1}});
  EXPECT_EQ(seen(table, "10.9.9.9"), "1/13") << "10.8.0.0/13 lies clear of 10.1.0.0/16";
  EXPECT_EQ(seen(table, "10.0.0.1"), "1/16");
  EXPECT_EQ(seen(table, "10.1.9.9"), "2/21");
  EXPECT_EQ(seen(table, "10.1.2.3"), "1/24");
  EXPECT_EQ(seen(table, "11.0.0.0"), "0/8");
  EXPECT_EQ(seen(table, "192.0.2.1"), "0/1");
}

TEST(networks, a_client_network_with_several_views_sees_the_plain_one) {
  const networks table = table_of({{"192.0.2.0/26", 1}, {"192.0.2.64/26", 1}, {"10.0.0.0/8", 2}});
  EXPECT_EQ(seen(table, "192.0.2.0/25"), "1/25") << "two networks of one view side by side";
  EXPECT_EQ(seen(table, "192.0.2.0/24"), "0/25") << "the scope asks for more of the address";
  EXPECT_EQ(seen(table, "192.0.2.200/32"), "0/25");
  EXPECT_EQ(seen(table, "10.0.0.0/8"), "2/8");
  EXPECT_EQ(seen(table, "10.0.0.0/7"), "0/8");
}

TEST(networks, the_families_keep_apart) {
  const networks table = table_of({{"::/0", 1}, {"2001:db8::/32", 2}, {"192.0.2.0/24", 3}});
  EXPECT_EQ(seen(table, "2001:db8::1/128"), "2/32");
  EXPECT_EQ(seen(table, "2001:db9::/56"), "1/32");
  EXPECT_EQ(seen(table, "8000::/128"), "1/1");
  EXPECT_EQ(seen(table, "192.0.2.7"), "3/24");
  EXPECT_EQ(seen(table, "198.51.100.7"), "0/6") << "IPv4 is in no network of IPv6";
  EXPECT_EQ(seen(table, "::ffff:192.0.2.7"), "3/120") << "told in the bits it was asked with";
}

TEST(networks, all_of_ipv4_can_be_one_network) {
  const networks table = table_of({{"0.0.0.0/0", 1}});
  EXPECT_EQ(seen(table, "192.0.2.7"), "1/1");
  EXPECT_EQ(seen(table, "2001:db8::1"), "0/3");
}

TEST(networks, reach_to_both_ends_of_the_addresses) {
  const networks table = table_of({{"ffff::/16", 1}, {"::/128", 2}, {"255.255.255.255/32", 3}});
  EXPECT_EQ(seen(table, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "1/16");
  EXPECT_EQ(seen(table, "::"), "2/128");
  EXPECT_EQ(seen(table, "::1"), "0/128");
  EXPECT_EQ(seen(table, "255.255.255.255"), "3/32");
}

TEST(networks, who_asks_for_nobody_sees_the_plain_view_and_is_not_cached) {
  const networks table = table_of({{"0.0.0.0/0", 1}, {"::/0", 1}});
  EXPECT_EQ(seen(table, "0.0.0.0/0"), "0/1");
  EXPECT_EQ(seen(table, "::/0"), "0/1");
  EXPECT_EQ(table.find(std::nullopt), (viewpoint{.view = 0, .scope = 1}));
  EXPECT_EQ(seen(table_of({}), "192.0.2.1"), "0/1");
}

TEST(ip_prefix, reads_what_powerdns_writes) {
  const auto v4 = ip_prefix::parse("192.0.2.129/25");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4, ip_prefix::parse("192.0.2.128/25"));
  EXPECT_TRUE(v4->is_ipv4);
  EXPECT_EQ(v4->length, 96 + 25);
  EXPECT_EQ(v4->first, (ip_number{.high = 0, .low = 0xffff'c000'0280}));
  EXPECT_EQ(ip_prefix::parse("192.0.2.1"), ip_prefix::parse("192.0.2.1/32"));
  EXPECT_EQ(ip_prefix::parse("::ffff:192.0.2.1")->first, ip_prefix::parse("192.0.2.1")->first);
  const auto v6 = ip_prefix::parse("2001:db8:a:1::/48");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->first, (ip_number{.high = 0x2001'0db8'000a'0000, .low = 0}));
  EXPECT_EQ(ip_prefix::parse("fe80::1%eth0/64"), ip_prefix::parse("fe80::/64"));
  EXPECT_EQ(ip_prefix::parse("::/0")->length, 0);
}

TEST(ip_prefix, refuses_what_is_no_network) {
  for (const char* const text : {"",
                                 "/",
                                 "/24",
                                 "192.0.2.1/",
                                 "192.0.2.1/33",
                                 "192.0.2.1/-1",
                                 "192.0.2.1/24x",
                                 "192.0.2",
                                 "192.0.2.",
                                 "192.0.2.1.",
                                 "192.0.2.01",
                                 "192.0.2.256",
                                 "192.0..1",
                                 ".0.2.1",
                                 "192.0.2.-1",
                                 "2001:db8::/129",
                                 ":::",
                                 "example.",
                                 "192.0.2.1 ",
                                 "192.0.2.1/2 4",
                                 "192.0.2.1/4294967297"}) {
    EXPECT_EQ(ip_prefix::parse(text), std::nullopt) << text;
  }
}

} // namespace
} // namespace thor::backend
