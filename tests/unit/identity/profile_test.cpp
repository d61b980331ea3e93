#include "coordinator/identity/peer.hpp"

#include <gtest/gtest.h>

#include <array>

namespace thor::identity {
namespace {

model::ip_address address(std::string_view text) {
  return *model::ip_address::parse(text);
}

subject good_subject() {
  return {.organizations = {"Sip.Example.COM."},
          .common_names = {"gw1"},
          .units = {"sip_proxy", "media_relay"},
          .addresses = {address("192.0.2.11"), address("2001:db8::11")},
          .not_before = model::unix_time(std::chrono::seconds(1000)),
          .not_after = model::unix_time(std::chrono::seconds(2000)),
          .serial = "0a0b",
          .fingerprint = "ff00",
          .issuer = "c0"};
}

peer good_peer() {
  return *read_profile(good_subject());
}

model::presence presence_of(std::string_view id, std::vector<std::string_view> addresses,
                            std::vector<std::string_view> roles) {
  model::presence p{*model::node_id::parse(id), {}, {}, {}, {}, {}, {}};
  for (const auto text : addresses)
    p.addresses.push_back(address(text));
  for (const auto role : roles)
    p.roles[std::string(role)] = {};
  return p;
}

TEST(profile, names_domain_id_roles_and_addresses) {
  const peer p = good_peer();
  EXPECT_EQ(p.domain, "sip.example.com");
  EXPECT_EQ(p.id.text(), "gw1");
  EXPECT_EQ(p.roles, (std::set<std::string>{"media_relay", "sip_proxy"}));
  EXPECT_EQ(p.addresses, good_subject().addresses);
  EXPECT_EQ(p.not_after, good_subject().not_after);
  EXPECT_EQ(p.serial, "0a0b");
  EXPECT_EQ(p.fingerprint, "ff00");
  EXPECT_EQ(p.issuer, "c0");
}

errc refusal_of(const subject& s) {
  const auto p = read_profile(s);
  EXPECT_FALSE(p);
  if (p)
    return errc::bad_signature; // never an answer of read_profile()
  EXPECT_FALSE(p.error().detail.empty());
  return p.error().code;
}

TEST(profile, needs_exactly_one_domain) {
  subject s = good_subject();
  s.organizations = {};
  EXPECT_EQ(refusal_of(s), errc::no_domain);
  s.organizations = {"a.example", "b.example"};
  EXPECT_EQ(refusal_of(s), errc::no_domain);
  s.organizations = {"Example Inc."};
  EXPECT_EQ(refusal_of(s), errc::no_domain);
}

TEST(profile, needs_exactly_one_node_id) {
  subject s = good_subject();
  s.common_names = {};
  EXPECT_EQ(refusal_of(s), errc::bad_node_id);
  s.common_names = {"gw1", "gw2"};
  EXPECT_EQ(refusal_of(s), errc::bad_node_id);
  for (const std::string& id : {std::string("GW1"), std::string("gw1.example"), std::string("-gw"),
                                std::string("gw1\0", 4), std::string(64, 'a')}) {
    s.common_names = {id};
    EXPECT_EQ(refusal_of(s), errc::bad_node_id) << id;
  }
}

TEST(profile, needs_roles_that_are_role_names) {
  subject s = good_subject();
  s.units = {};
  EXPECT_EQ(refusal_of(s), errc::bad_role);
  s.units = {"sip_proxy", "Media Relay"};
  EXPECT_EQ(refusal_of(s), errc::bad_role);
}

TEST(profile, says_which_value_is_wrong) {
  subject s = good_subject();
  s.common_names = {"GW_1"};
  EXPECT_NE(read_profile(s).error().detail.find("GW_1"), std::string::npos);
  s = good_subject();
  s.units = {"Media Relay"};
  EXPECT_NE(read_profile(s).error().detail.find("Media Relay"), std::string::npos);
}

TEST(domain, has_one_form) {
  EXPECT_EQ(parse_domain("SIP.Example.com.").value(), "sip.example.com");
  EXPECT_EQ(parse_domain("lan").value(), "lan");
  EXPECT_EQ(parse_domain("4.example").value(), "4.example");
  EXPECT_TRUE(parse_domain(std::string(60, 'a') + ".abc"));
}

TEST(domain, is_a_host_name) {
  for (const std::string& text :
       {std::string(), std::string("."), std::string("a..b"), std::string(".a"), std::string("a.."),
        std::string("a_b.example"), std::string("-a.example"), std::string("a-.example"),
        std::string("192.0.2.1"), std::string("a b"), std::string("n\xc3\xa9.example"),
        std::string("a\0.b", 4), std::string(61, 'a') + ".abc", std::string(64, 'a')})
    EXPECT_FALSE(parse_domain(text)) << text;
}

TEST(rules, a_peer_belongs_to_one_domain) {
  EXPECT_TRUE(check_domain(good_peer(), "sip.example.com"));
  EXPECT_EQ(check_domain(good_peer(), "example.com").error().code, errc::wrong_domain);
}

TEST(rules, event_servers_and_managers_are_named_by_their_certificates) {
  peer p = good_peer();
  EXPECT_EQ(check_event_server(p).error().code, errc::not_an_event_server);
  EXPECT_EQ(check_manager(p).error().code, errc::not_a_manager);
  p.roles = {"thor_eventserver"};
  EXPECT_TRUE(check_event_server(p));
  EXPECT_EQ(check_manager(p).error().code, errc::not_a_manager);
  p.roles = {"thor_manager"};
  EXPECT_TRUE(check_manager(p));
  EXPECT_EQ(check_event_server(p).error().code, errc::not_an_event_server);
  EXPECT_EQ(check_dns_manager(p).error().code, errc::not_a_dns_manager);
  p.roles = {"thor_dnsmanager"};
  EXPECT_TRUE(check_dns_manager(p));
}

TEST(rules, an_author_claims_its_own_id_and_roles) {
  const peer p = good_peer();
  EXPECT_TRUE(check_author(p, presence_of("gw1", {"198.51.100.1"}, {"sip_proxy"})));
  EXPECT_EQ(check_author(p, presence_of("gw2", {}, {"sip_proxy"})).error().code,
            errc::id_not_in_certificate);
  EXPECT_EQ(check_author(p, presence_of("gw1", {}, {"sip_proxy", "xcap_server"})).error().code,
            errc::role_not_in_certificate);
}

TEST(rules, addresses_of_the_certificate_bound_a_presence) {
  const peer p = good_peer();
  const auto elsewhere = address("198.51.100.1");
  const std::vector ranges{*model::ip_network::parse("198.51.100.0/24")};
  EXPECT_TRUE(check_presence(p, presence_of("gw1", {"192.0.2.11", "2001:db8::11"}, {"sip_proxy"}),
                             elsewhere, ranges));
  // Neither the connection's address nor a configured range adds to what the certificate says.
  EXPECT_EQ(
      check_presence(p, presence_of("gw1", {"192.0.2.11", "198.51.100.1"}, {}), elsewhere, ranges)
          .error()
          .code,
      errc::address_not_in_certificate);
}

TEST(rules, without_addresses_in_the_certificate_the_connection_bounds_a_presence) {
  peer p = good_peer();
  p.addresses.clear();
  const auto from = address("198.51.100.1");
  const auto claim = [&](std::string_view text, const std::vector<model::ip_network>& ranges) {
    return check_presence(p, presence_of("gw1", {text}, {"sip_proxy"}), from, ranges);
  };
  EXPECT_TRUE(claim("198.51.100.1", {}));
  EXPECT_EQ(claim("198.51.100.2", {}).error().code, errc::address_not_in_certificate);
  const std::vector ranges{*model::ip_network::parse("192.0.2.0/24")};
  EXPECT_TRUE(claim("192.0.2.77", ranges));
  EXPECT_EQ(claim("192.0.3.77", ranges).error().code, errc::address_not_in_certificate);
}

TEST(rules, a_connection_over_loopback_is_no_exception) {
  peer p = good_peer();
  p.addresses.clear();
  EXPECT_EQ(check_presence(p, presence_of("gw1", {"192.0.2.1"}, {}), address("127.0.0.1"), {})
                .error()
                .code,
            errc::address_not_in_certificate);
}

TEST(rules, a_presence_is_held_to_id_and_roles_too) {
  const peer p = good_peer();
  EXPECT_EQ(check_presence(p, presence_of("gw2", {"192.0.2.11"}, {}), address("192.0.2.11"), {})
                .error()
                .code,
            errc::id_not_in_certificate);
  EXPECT_EQ(check_presence(p, presence_of("gw1", {"192.0.2.11"}, {"voicemail_server"}),
                           address("192.0.2.11"), {})
                .error()
                .code,
            errc::role_not_in_certificate);
}

TEST(words, are_stable) {
  constexpr std::array<std::pair<errc, std::string_view>, 18> words{{
      {errc::no_domain, "no_domain"},
      {errc::bad_node_id, "bad_node_id"},
      {errc::bad_role, "bad_role"},
      {errc::wrong_domain, "wrong_domain"},
      {errc::id_not_in_certificate, "id_not_in_certificate"},
      {errc::role_not_in_certificate, "role_not_in_certificate"},
      {errc::address_not_in_certificate, "address_not_in_certificate"},
      {errc::not_a_manager, "not_a_manager"},
      {errc::not_an_event_server, "not_an_event_server"},
      {errc::not_a_dns_manager, "not_a_dns_manager"},
      {errc::not_yet_valid, "not_yet_valid"},
      {errc::expired, "expired"},
      {errc::revoked, "revoked"},
      {errc::untrusted, "untrusted"},
      {errc::bad_certificate, "bad_certificate"},
      {errc::bad_signature, "bad_signature"},
      {errc::unreadable, "unreadable"},
      {errc::unsafe_permissions, "unsafe_permissions"},
  }};
  for (const auto& [code, word] : words)
    EXPECT_EQ(to_string(code), word);
}

} // namespace
} // namespace thor::identity
