#include "coordinator/dns/hosting.hpp"
#include "tests/unit/dns/support.hpp"
#include "zone/check/check.hpp"

#include <gmock/gmock.h>

namespace thor::dns::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using zone::rr_type;

/// The template that operator.sqlite3 has from the start.
const std::vector<template_row> sip_template{
    {1, "@", rr_type::naptr, 600, R"(10 100 "s" "SIPS+D2T" "" _sips._tcp.{overlay}.)"},
    {2, "@", rr_type::naptr, 600, R"(20 100 "s" "SIP+D2T" "" _sip._tcp.{overlay}.)"},
    {3, "@", rr_type::naptr, 600, R"(30 100 "s" "SIP+D2U" "" _sip._udp.{overlay}.)"},
    {4, "_sips._tcp", rr_type::srv, 600, "100 100 5061 proxy.{overlay}."},
    {5, "_sip._tcp", rr_type::srv, 600, "100 100 5060 proxy.{overlay}."},
    {6, "_sip._udp", rr_type::srv, 600, "100 100 5060 proxy.{overlay}."}};

std::string second_opinion(zone::rrset& one) {
  const auto settled = zone::settle(one);
  return settled ? "" : settled.error().detail;
}

hosted_domain customer(std::uint32_t serial = 1'800'000'000) {
  return {7, name("customer.example"), serial};
}

hosting made_of(const zone_config& how) {
  return *hosting::make(how.domain, how.soa, how.name_servers);
}

hosted_description described(const std::vector<template_row>& rows,
                             const std::vector<static_row>& records = {},
                             const zone_config& how = config()) {
  return made_of(how).describe(customer(), rows, records, second_opinion);
}

static_row record(std::string_view owner, rr_type type, std::string_view content,
                  std::uint32_t ttl_s = 60) {
  return {11, name(owner), type, ttl_s, *zone::parse_rdata(type, content)};
}

std::vector<std::string> complaints(const hosted_description& made) {
  std::vector<std::string> lines;
  for (const auto& row : made.refused)
    lines.push_back((row.of_template ? "template " : "static ") + std::to_string(row.row) + ": " +
                    row.text + ": " + row.why);
  return lines;
}

TEST(Hosting, points_a_domain_at_the_names_of_the_overlay) {
  const auto made = described(sip_template);
  EXPECT_THAT(made.refused, IsEmpty());
  EXPECT_EQ(made.input.id, 7U);
  EXPECT_THAT(
      lines(made.input),
      ElementsAre("@ 3600 NS ns2.elsewhere.example.", "@ 3600 NS ns1.sipthor.example.",
                  "@ 300 SOA ns1.sipthor.example. hostmaster.sipthor.example. 1800000000 3600 600 "
                  "1209600 15",
                  R"(@ 600 NAPTR 10 100 "s" "SIPS+D2T" "" _sips._tcp.sipthor.example.)",
                  R"(@ 600 NAPTR 20 100 "s" "SIP+D2T" "" _sip._tcp.sipthor.example.)",
                  R"(@ 600 NAPTR 30 100 "s" "SIP+D2U" "" _sip._udp.sipthor.example.)", "_tcp -",
                  "_sip._tcp 600 SRV 100 100 5060 proxy.sipthor.example.",
                  "_sips._tcp 600 SRV 100 100 5061 proxy.sipthor.example.", "_udp -",
                  "_sip._udp 600 SRV 100 100 5060 proxy.sipthor.example."));
}

TEST(Hosting, without_a_template_serves_the_static_records_alone) {
  const auto made = described({}, {record("www.customer.example", rr_type::a, "192.0.2.80")});
  EXPECT_THAT(lines(made.input),
              ElementsAre("@ 3600 NS ns2.elsewhere.example.", "@ 3600 NS ns1.sipthor.example.",
                          HasSubstr("@ 300 SOA "), "www 60 A 192.0.2.80"));
}

TEST(Hosting, a_static_record_replaces_those_of_the_template) {
  const auto made =
      described(sip_template,
                {record("_sip._udp.customer.example", rr_type::srv, "5 0 5062 gw.customer.example"),
                 record("customer.example", rr_type::mx, "10 mail.example")});
  const auto all = lines(made.input);
  EXPECT_THAT(all, testing::Contains("_sip._udp 60 SRV 5 0 5062 gw.customer.example."));
  EXPECT_THAT(all, testing::Not(testing::Contains(HasSubstr("_sip._udp 600"))));
  EXPECT_THAT(all, testing::Contains("_sip._tcp 600 SRV 100 100 5060 proxy.sipthor.example."));
  EXPECT_THAT(all, testing::Contains("@ 60 MX 10 mail.example."));
  EXPECT_THAT(all, testing::Contains(HasSubstr("NAPTR 10")));
}

TEST(Hosting, an_soa_of_the_operator_replaces_the_configured_one_but_for_the_serial) {
  const auto made = described(
      {}, {record("customer.example", rr_type::soa, "a.example b.example 9 1 2 3 4"),
           record("customer.example", rr_type::soa, "c.example d.example 9 1 2 3 4"),
           record("www.customer.example", rr_type::soa, "a.example b.example 9 1 2 3 4")});
  EXPECT_THAT(lines(made.input),
              testing::Contains("@ 60 SOA a.example. b.example. 1800000000 1 2 3 4"));
  EXPECT_THAT(complaints(made), ElementsAre(HasSubstr("another SOA before it"),
                                            HasSubstr("an SOA stands at the apex")));
}

TEST(Hosting, says_what_a_template_makes_of_a_domain) {
  auto rows = sip_template;
  rows.push_back({7, "@", rr_type::a, 60, "192.0.2.300"});
  const auto sets = made_of(config()).of_template(name("customer.example"), rows, second_opinion);
  ASSERT_EQ(sets.size(), 4U);
  EXPECT_EQ(sets[0].type, rr_type::naptr);
  EXPECT_EQ(sets[0].records.size(), 3U);
  EXPECT_EQ(sets[1].owner, name("_sips._tcp.customer.example"));
}

TEST(Hosting, placeholders_stand_for_both_domains_wherever_they_are) {
  const auto made = described({{1, "www.{domain}.", rr_type::cname, 60, "web.{overlay}."},
                               {2, "info", rr_type::txt, 60, R"("{domain} {domain} {unknown}")"},
                               {3, "*", rr_type::mx, 60, "5 mail.{domain}"}});
  EXPECT_THAT(made.refused, IsEmpty());
  EXPECT_THAT(lines(made.input),
              testing::IsSupersetOf({"www 60 CNAME web.sipthor.example.",
                                     R"(info 60 TXT "customer.example customer.example {unknown}")",
                                     "* 60 MX 5 mail.customer.example."}));
}

TEST(Hosting, refuses_template_rows_one_by_one) {
  const auto made = described({{1, "www.{overlay}.", rr_type::a, 60, "192.0.2.1"},
                               {2, "bad..name", rr_type::a, 60, "192.0.2.1"},
                               {3, "www", rr_type::a, 60, "192.0.2.300"},
                               {4, "@", rr_type::ns, 60, "ns.example"},
                               {5, "@", rr_type::soa, 60, "a. b. 1 2 3 4 5"},
                               {6, "x", rr_type::srv, 60, "1 2 3 proxy.{overlya}."},
                               {7, "{tenant}", rr_type::a, 60, "192.0.2.1"},
                               {8, "good", rr_type::a, 60, "192.0.2.1"}});
  EXPECT_THAT(complaints(made),
              ElementsAre("template 1: www.{overlay}. A 192.0.2.1: www.sipthor.example. is not at "
                          "or below customer.example.",
                          HasSubstr("template 2: bad..name A 192.0.2.1: "),
                          HasSubstr("template 3: www A 192.0.2.300: A address"),
                          HasSubstr("template 4: @ NS ns.example: NS at the apex come from"),
                          HasSubstr("template 5: "),
                          HasSubstr("template 6: x SRV 1 2 3 proxy.{overlya}.: the placeholders"),
                          HasSubstr("template 7: {tenant} A 192.0.2.1: the placeholders")));
  EXPECT_THAT(lines(made.input), testing::Contains("good 60 A 192.0.2.1"));
}

TEST(Hosting, a_refused_static_record_replaces_nothing) {
  const auto made = described({{1, "x", static_cast<rr_type>(257), 60, R"(0 issue "a.example")"}},
                              {{11, name("x.customer.example"), static_cast<rr_type>(257), 60,
                                zone::opaque_rdata{R"(256 issue "b.example")"}}});
  EXPECT_THAT(complaints(made), ElementsAre(HasSubstr("static 11: x.customer.example. CAA 256")));
  EXPECT_THAT(lines(made.input), testing::Contains(R"(x 60 CAA 0 issue "a.example")"));
}

TEST(Hosting, a_name_server_in_the_domain_brings_its_addresses) {
  auto how = config();
  how.name_servers = {{"ns1.customer.example.", {ip("192.0.2.53"), ip("2001:db8::53")}, 0}};
  const auto made = described({}, {record("ns1.customer.example", rr_type::a, "192.0.2.99")}, how);
  EXPECT_THAT(complaints(made), ElementsAre(HasSubstr("come from [[dns.name_server]]")));
  EXPECT_THAT(lines(made.input),
              testing::IsSupersetOf({"@ 3600 NS ns1.customer.example.", "ns1 3600 A 192.0.2.53",
                                     "ns1 3600 AAAA 2001:db8::53"}));
}

TEST(Hosting, hosts_no_part_of_the_overlay) {
  const auto made = made_of(config());
  EXPECT_THAT(made.reserved(name("proxy.sipthor.example")), HasSubstr("the overlay's own domain"));
  EXPECT_THAT(made.reserved(name("sipthor.example")), HasSubstr("the overlay's own domain"));
  EXPECT_THAT(made.reserved(name(".")), HasSubstr("root"));
  EXPECT_EQ(made.reserved(name("example")), "") << "a parent may be";
  EXPECT_EQ(made.reserved(name("customer.example")), "");
}

TEST(Hosting, configuration_without_name_servers_makes_no_zone) {
  auto how = config();
  how.name_servers.clear();
  EXPECT_THAT(hosting::make(how.domain, how.soa, how.name_servers).error().detail,
              HasSubstr("[[dns.name_server]]"));
}

} // namespace
} // namespace thor::dns::test
