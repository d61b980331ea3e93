#include "coordinator/model/address.hpp"

#include <gtest/gtest.h>

namespace thor::model {
namespace {

std::string canonical(std::string_view text) {
  const auto a = ip_address::parse(text);
  return a ? a->text() : "refused";
}

TEST(ip_address, writes_canonical_text) {
  EXPECT_EQ(canonical("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(canonical("2001:DB8:0:0:0:0:0:1"), "2001:db8::1");
  EXPECT_EQ(canonical("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");
  EXPECT_EQ(canonical("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");
  EXPECT_EQ(canonical("::"), "::");
  EXPECT_EQ(canonical("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

TEST(ip_address, sees_the_same_peer_through_both_kinds_of_socket) {
  EXPECT_EQ(ip_address::parse("::ffff:192.0.2.1"), ip_address::parse("192.0.2.1"));
  EXPECT_TRUE(ip_address::parse("::ffff:192.0.2.1")->is_v4());
  EXPECT_EQ(ip_address::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}),
            ip_address::v4({127, 0, 0, 1}));
}

TEST(ip_address, refuses_everything_else) {
  for (const std::string& text :
       {std::string(), std::string("192.0.2"), std::string("192.0.2.256"),
        std::string("192.0.2.01"), std::string("192.0.2.1 "), std::string("fe80::1%eth0"),
        std::string("[::1]"), std::string("1::2::3"), std::string("192.0.2.1\0", 10),
        std::string("host.example"), std::string(100, '1')}) {
    const auto a = ip_address::parse(text);
    ASSERT_FALSE(a) << text;
    EXPECT_EQ(a.error().code, errc::bad_address);
  }
}

bool covers(std::string_view network, std::string_view address) {
  return ip_network::parse(network)->contains(*ip_address::parse(address));
}

TEST(ip_network, contains_its_addresses_only) {
  EXPECT_TRUE(covers("192.0.2.0/24", "192.0.2.255"));
  EXPECT_FALSE(covers("192.0.2.0/24", "192.0.3.0"));
  EXPECT_TRUE(covers("192.0.2.128/25", "192.0.2.128"));
  EXPECT_FALSE(covers("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(covers("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(covers("192.0.2.1", "192.0.2.2"));
  EXPECT_TRUE(covers("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(covers("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(covers("::/0", "2001:db8::1"));
}

TEST(ip_network, keeps_the_families_apart) {
  EXPECT_FALSE(covers("::/0", "192.0.2.1"));
  EXPECT_FALSE(covers("0.0.0.0/0", "2001:db8::1"));
}

TEST(ip_network, writes_the_prefix_length_always) {
  EXPECT_EQ(ip_network::parse("192.0.2.1")->text(), "192.0.2.1/32");
  EXPECT_EQ(ip_network::parse("2001:db8::/32")->text(), "2001:db8::/32");
}

TEST(ip_network, refuses_what_is_no_prefix) {
  for (const std::string_view text :
       {"192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/8x", "192.0.2.0/24/1", "/24", "",
        "2001:db8::/129", "192.0.2.0/256"}) {
    EXPECT_FALSE(ip_network::parse(text)) << text;
  }
}

TEST(ip_network, refuses_host_bits) {
  const auto n = ip_network::parse("192.0.2.1/24");
  ASSERT_FALSE(n);
  EXPECT_EQ(n.error().detail, "\"192.0.2.1/24\" has address bits set behind its prefix length");
  EXPECT_FALSE(ip_network::parse("2001:db8::1/64"));
}

} // namespace
} // namespace thor::model
