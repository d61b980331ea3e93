#include "tests/unit/zone/support.hpp"
#include "zone/check/check.hpp"

#include <gtest/gtest.h>

namespace thor::zone {
namespace {

constexpr auto caa = static_cast<rr_type>(257);

std::string canonical(std::string_view type, const std::string& content) {
  return value_of(canonical_rdata(value_of(parse_type(type)), content));
}

TEST(check, accepts_what_a_platform_publishes) {
  for (const rrset& set : {
           set_of("n1.node.example", rr_type::a, {"192.0.2.1"}),
           set_of("n1.node.example", rr_type::aaaa, {"2001:db8::1", "::ffff:192.0.2.1", "::"}),
           set_of("_sip._udp.example", rr_type::srv,
                  {"10 100 5060 n1.node.example", "65535 0 0 ."}),
           set_of("example", rr_type::naptr,
                  {R"(10 100 "s" "SIPS+D2T" "" _sips._tcp.example)",
                   R"(100 10 "u" "E2U+sip" "!^(.*)$!sip:\\1@example!" .)"}),
           set_of("x.example", rr_type::txt, {R"-("a\"b\\c\000\255;()" "")-"}),
           set_of("x.example", rr_type::mx, {"10 mail.example"}),
           set_of("example", rr_type::soa,
                  {"ns1.example. host\\.master.example. 1 2 3 4 4294967295"}),
           set_of("\\000\\.\\@\\$\\\"\\;\\(\\)\\032\\255.example", rr_type::ptr,
                  {"\\000\\.\\@\\$\\;\\(\\)\\032\\255.example"}),
           set_of("*.example", rr_type::a, {"192.0.2.1"}, 0x7fff'ffff),
           set_of("x.example", caa, {R"(0 issue "ca.example")"}),
       }) {
    const auto checked = check(set);
    EXPECT_TRUE(checked) << checked.error().detail;
  }
}

TEST(check, refuses_what_only_looks_right) {
  rrset set = set_of("x.example", caa, {R"(0 issue "ca.example")"});
  set.records.push_back(opaque_rdata{R"(256 issue "ca.example")"});
  EXPECT_FALSE(check(set)) << "ldns wraps the flags to 0";
  set.records.back() = opaque_rdata{"0 issue"};
  EXPECT_FALSE(check(set));
  set.records.back() = opaque_rdata{"0 issue \"a\"\nevil.example. 30 IN A 192.0.2.66"};
  EXPECT_FALSE(check(set)) << "a second record in the text of the first";
  const auto refused = check(
      {.owner = "x.example"_n, .type = rr_type::dname, .records = {opaque_rdata{"relative"}}});
  ASSERT_FALSE(refused) << "not in canonical form";
  EXPECT_EQ(refused.error().code, errc::refused);
  EXPECT_EQ(refused.error().detail, "x.example. DNAME relative: ldns reads it as relative.");
}

TEST(check, looks_at_what_clients_elsewhere_get) {
  rrset set = homed_set({{"10 100 5060 a.example", 1}});
  EXPECT_TRUE(check(set));
  EXPECT_TRUE(check_changes(nullptr, *build(input_of({set}), nullptr).zone));
  set.homes.front().elsewhere = opaque_rdata{"70000 100 5060 a.example."};
  EXPECT_FALSE(check(set)) << "ldns wraps the priority";
  EXPECT_FALSE(check_changes(nullptr, *build(input_of({set}), nullptr).zone));
}

TEST(check, changes_only_are_looked_at) {
  rrset bad = set_of("bad.example", caa, {});
  bad.records = {opaque_rdata{"nonsense"}};
  const contents before = *build(input_of({bad}), nullptr).zone;
  EXPECT_FALSE(check_changes(nullptr, before));

  const rrset good = set_of("good.example", rr_type::a, {"192.0.2.1"});
  const contents after = *build(input_of({bad, good}, 2), &before).zone;
  EXPECT_TRUE(check_changes(&before, after)) << "what is served already is not checked again";

  bad.records.push_back(opaque_rdata{"other nonsense"});
  EXPECT_FALSE(check_changes(&after, *build(input_of({bad, good}, 3), &after).zone));
}

TEST(canonical_rdata, writes_names_absolute_and_strings_quoted) {
  EXPECT_EQ(canonical("srv", "10 100 5060 N1.Example"), "10 100 5060 n1.example.");
  EXPECT_EQ(canonical("DNAME", "target.example"), "target.example.");
  EXPECT_EQ(canonical("HINFO", "\"a\" b"), "\"a\" \"b\"");
  EXPECT_EQ(
      canonical("DS", "1 8 2 49FD46E6C4B45C55D4AC69CBD3CD34AC 1AFE51DE49FD46E6C4B45C55D4AC69CB"),
      "1 8 2 49fd46e6c4b45c55d4ac69cbd3cd34ac1afe51de49fd46e6c4b45c55d4ac69cb");
  EXPECT_EQ(canonical("DS", "1 8 2 1234 5678"), "1 8 2 12345678");
  EXPECT_EQ(canonical("TYPE65280", "\\# 2 0AFF"), "\\# 2 0aff");
  EXPECT_EQ(canonical("URI", "10 1 \"https://xcap.example/root\""),
            "10 1 \"https://xcap.example/root\"");
  EXPECT_EQ(canonical("LOC", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"),
            "52 22 23.000 N 04 53 32.000 E -2m 0.00m 10000m 10m");
}

TEST(canonical_rdata, is_stable) {
  for (const auto& [type, content] :
       std::vector<std::pair<std::string, std::string>>{{"NSEC", "a.example. A NS SRV"},
                                                        {"APL", "1:192.168.32.0/21"},
                                                        {"HTTPS", "1 . alpn=h2 port=443"},
                                                        {"SSHFP", "1 1 ABCD"}}) {
    const std::string once = canonical(type, content);
    EXPECT_EQ(canonical(type, once), once);
  }
}

TEST(canonical_rdata, refuses_numbers_that_ldns_wraps) {
  for (const auto& [type, content] : std::vector<std::pair<std::string, std::string>>{
           {"CAA", R"(256 issue "ca.example")"},
           {"CAA", R"(-1 issue "ca.example")"},
           {"CAA", R"(99999999999999999999999 issue "ca.example")"},
           {"URI", "70000 1 \"https://a/\""},
           {"CERT", "65537 2 3 abcd"},
           {"AFSDB", "65536 a.example."},
           {"SRV", "70000 1 1 a.example."}}) {
    EXPECT_FALSE(canonical_rdata(value_of(parse_type(type)), content)) << type << ' ' << content;
  }
}

TEST(canonical_rdata, writes_what_powerdns_reads) {
  EXPECT_EQ(canonical("CERT", "PKIX 2 3 abcd"), "1 2 3 abcd");
  EXPECT_EQ(canonical("CERT", "1 2 3 abcd"), "1 2 3 abcd");
  EXPECT_EQ(canonical("CERT", "99 2 3 abcd"), "99 2 3 abcd") << "a type without a word";
  EXPECT_EQ(canonical("TYPE19", "\"3117\""), "\\# 5 0433313137") << "ldns knows it as X25";
  EXPECT_EQ(canonical("TYPE19", "\\# 5 0433313137"), "\\# 5 0433313137");
  EXPECT_EQ(canonical("TYPE10", "\\# 0"), "\\# 0");
}

TEST(canonical_rdata, refuses_what_powerdns_cannot_read) {
  const auto type = value_of(parse_type("IPSECKEY"));
  EXPECT_TRUE(
      canonical_rdata(type, "10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="));
  EXPECT_FALSE(canonical_rdata(type, "10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="));
  EXPECT_FALSE(canonical_rdata(value_of(parse_type("TYPE57")), "\\# 4 00000108"));
}

TEST(settle, brings_a_record_into_the_form_that_check_accepts) {
  const auto loc = value_of(parse_type("LOC"));
  rrset set =
      set_of("x.example", loc, {"52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m"});
  ASSERT_FALSE(check(set));
  EXPECT_TRUE(settle(set));
  EXPECT_TRUE(check(set));
  EXPECT_EQ(to_text(set.records.front()), "52 22 23.000 N 04 53 32.000 E -2m 0.00m 10000m 10m");
  rrset bad = set_of("x.example", caa, {R"(0 issue "ca.example")"});
  bad.records.push_back(opaque_rdata{R"(256 issue "ca.example")"});
  EXPECT_FALSE(settle(bad));
}

TEST(canonical_rdata, refuses_what_ldns_cannot_read) {
  const auto refused = canonical_rdata(caa, "0 issue unquoted");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::refused);
  EXPECT_FALSE(canonical_rdata(static_cast<rr_type>(65280), "not generic"));
}

} // namespace
} // namespace thor::zone
