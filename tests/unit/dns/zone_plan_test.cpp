#include "tests/unit/dns/support.hpp"
#include "zone/check/check.hpp"

#include <gmock/gmock.h>

namespace thor::dns::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

zone::zone_input described(const model::member_map& who,
                           const std::vector<zone::rrset>& operator_rrsets = {}) {
  const auto made = plan();
  node_names names(made.node_parent());
  for (const auto& [id, one] : who)
    names.show(one.what);
  return made.describe(who, names, operator_rrsets, 2025010101).front();
}

TEST(zone_plan, frames_the_zone_with_soa_name_servers_and_bootstrap) {
  const auto zone = described({});
  EXPECT_THAT(lines_at(zone, "@"),
              UnorderedElementsAre(
                  "@ 3600 NS ns1.sipthor.example.", "@ 3600 NS ns2.elsewhere.example.",
                  "@ 300 SOA ns1.sipthor.example. hostmaster.sipthor.example. 2025010101 "
                  "3600 600 1209600 15",
                  "@ 300 NAPTR 10 100 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.sipthor.example.",
                  "@ 300 NAPTR 20 100 \"s\" \"SIP+D2T\" \"\" _sip._tcp.sipthor.example.",
                  "@ 300 NAPTR 30 100 \"s\" \"SIP+D2U\" \"\" _sip._udp.sipthor.example.",
                  "@ 300 NAPTR 40 100 \"s\" \"SIPS+D2W\" \"\" _sips._ws.sipthor.example."));
  EXPECT_THAT(lines_at(zone, "ns1"), ElementsAre("ns1 3600 A 192.0.2.53"));
  EXPECT_THAT(lines_at(zone, "_eventserver._tcp"),
              ElementsAre("_eventserver._tcp 300 SRV 10 0 8000 eventserver.sipthor.example."));
  EXPECT_THAT(lines_at(zone, "eventserver"),
              ElementsAre("eventserver 300 A 192.0.2.10", "eventserver 300 AAAA 2001:db8::10"));
}

TEST(zone_plan, an_soa_of_the_operator_replaces_the_configured_one_but_for_the_serial) {
  const auto data = *zone::parse_rdata(zone::rr_type::soa, "a.example b.example 9 1 2 3 4");
  const auto zone = described({}, {{name("sipthor.example"), zone::rr_type::soa, 60, {data}, 0}});
  EXPECT_THAT(lines_at(zone, "@"), Contains("@ 60 SOA a.example. b.example. 2025010101 1 2 3 4"));
}

TEST(zone_plan, every_role_name_exists_without_any_member) {
  const auto zone = described({});
  for (const auto* owner : {"_sip._udp",
                            "_sip._tcp",
                            "_sips._tcp",
                            "_udp",
                            "_tcp",
                            "node",
                            "proxy",
                            "mediarelay",
                            "voicemail",
                            "ngnpro",
                            "_xcap._tcp",
                            "_voicemail._tcp",
                            "_ngnpro._tcp",
                            "_msrps._tcp",
                            "msrprelay",
                            "conference",
                            "_xmpp-server._tcp",
                            "xmpp",
                            "_sips._ws",
                            "_sips._wss",
                            "_ws",
                            "_wss",
                            "webrtc"})
    EXPECT_THAT(lines_at(zone, owner), ElementsAre(std::string(owner) + " -")) << owner;
  EXPECT_THAT(lines_at(zone, "xcap"),
              ElementsAre("xcap 300 TXT \"https://xcap.sipthor.example/xcap-root\""));
}

TEST(zone_plan, a_proxy_is_in_srv_address_and_node_names) {
  const auto zone =
      described(members({member("n1", {"192.0.2.11", "2001:db8:1::11"}, {"sip_proxy"})}));
  EXPECT_THAT(lines_at(zone, "_sip._udp"),
              ElementsAre("_sip._udp 30 SRV 10 100 5060 n1.node.sipthor.example."));
  EXPECT_THAT(lines_at(zone, "_sips._tcp"),
              ElementsAre("_sips._tcp 30 SRV 10 100 5061 n1.node.sipthor.example."));
  EXPECT_THAT(lines_at(zone, "proxy"),
              ElementsAre("proxy 30 A 192.0.2.11", "proxy 30 AAAA 2001:db8:1::11"));
  EXPECT_THAT(lines_at(zone, "n1.node"),
              ElementsAre("n1.node 30 A 192.0.2.11", "n1.node 30 TXT \"sip_proxy=active\"",
                          "n1.node 30 AAAA 2001:db8:1::11"));
}

TEST(zone_plan, ports_priority_and_weight_come_from_the_presence) {
  auto proxy = member("n1", {"192.0.2.11"}, {"sip_proxy"});
  proxy.what.roles["sip_proxy"] = {
      model::role_state::active, {{"sip.udp", 5080}, {"sips.tcp", 0}}, 20, 7};
  const auto zone = described(members({proxy}));
  EXPECT_THAT(lines_at(zone, "_sip._udp"),
              ElementsAre("_sip._udp 30 SRV 20 7 5080 n1.node.sipthor.example."));
  EXPECT_THAT(lines_at(zone, "_sip._tcp"),
              ElementsAre("_sip._tcp 30 SRV 20 7 5060 n1.node.sipthor.example."));
  EXPECT_THAT(lines_at(zone, "_sips._tcp"), ElementsAre("_sips._tcp -")) << "port 0: not offered";
}

TEST(zone_plan, a_draining_member_leaves_srv_and_keeps_its_address) {
  const auto zone = described(
      members({member("n1", {"192.0.2.11"}, {"sip_proxy"}),
               member("n2", {"192.0.2.12"}, {"sip_proxy"}, model::role_state::draining)}));
  EXPECT_THAT(lines_at(zone, "_sip._udp"), SizeIs(1));
  EXPECT_THAT(lines_at(zone, "proxy"), ElementsAre("proxy 30 A 192.0.2.11"));
  EXPECT_THAT(lines_at(zone, "n2.node"),
              ElementsAre("n2.node 30 A 192.0.2.12", "n2.node 30 TXT \"sip_proxy=draining\""));
}

TEST(zone_plan, a_departed_member_keeps_only_its_address) {
  const auto made = plan();
  node_names names(made.node_parent());
  names.show(member("n1", {"192.0.2.11"}, {"sip_proxy"}).what);
  names.show_departed(id("n1"), {ip("192.0.2.11")});
  const auto zone = made.describe({}, names, {}, 7).front();
  EXPECT_THAT(lines_at(zone, "n1.node"), ElementsAre("n1.node 30 A 192.0.2.11"));
  EXPECT_THAT(lines_at(zone, "_sip._udp"), ElementsAre("_sip._udp -"));
}

TEST(zone_plan, while_membership_is_unknown_dynamic_names_are_unavailable_and_static_ones_answer) {
  const auto zone = plan().describe_unknown({}, 7).front();
  for (const auto* owner : {"_sip._udp", "proxy", "xcap", "node"})
    EXPECT_THAT(lines_at(zone, owner), Contains(std::string(owner) + " ?"));
  EXPECT_THAT(lines_at(zone, "_eventserver._tcp"), SizeIs(1));
  EXPECT_THAT(lines_at(zone, "@"), SizeIs(7));
  EXPECT_THAT(lines_at(zone, "n1.node"), IsEmpty());
}

TEST(zone_plan, roles_that_no_definition_knows_are_only_named_at_the_node) {
  const auto zone = described(members({member("n1", {"192.0.2.1"}, {"rating_server"})}));
  EXPECT_THAT(lines(zone), Contains("n1.node 30 TXT \"rating_server=active\""));
  EXPECT_THAT(lines(zone), Not(Contains(HasSubstr("proxy 30"))));
}

TEST(zone_plan, a_role_that_is_not_public_has_no_name_in_the_zone) {
  auto with = config();
  with.roles = {{.role = "hidden",
                 .address_name = "hidden",
                 .services = {{"_hidden._tcp", "hidden.tcp", 1}},
                 .texts = {{"hidden", "text"}},
                 .is_public = false}};
  const auto zone =
      describe(*zone_plan::make(with), members({member("n1", {"192.0.2.1"}, {"hidden"})}), 7)
          .front();
  EXPECT_THAT(lines(zone), Not(Contains(HasSubstr("hidden "))));
  EXPECT_THAT(lines(zone), Contains("n1.node 30 TXT \"hidden=active\""));
}

/// A zone with one role that has one service.
zone::zone_input with_service(role_definition role, model::member_map who) {
  role.role = "billing";
  role.services = {{"_billing._tcp", "billing.tcp", 7000}};
  auto with = config();
  with.roles = {std::move(role)};
  return describe(*zone_plan::make(std::move(with)), who).front();
}

TEST(zone_plan, weight_by_capacity_is_the_members_attribute_within_what_srv_can_say) {
  const auto weight = [](const char* capacity) {
    auto one = member("n1", {"192.0.2.1"}, {"billing"});
    one.what.roles["billing"].weight = 77;
    if (capacity != nullptr)
      one.what.attributes["capacity"] = capacity;
    const auto zone =
        with_service({.role = "", .weights = weight_source::capacity}, members({one}));
    const auto line = lines_at(zone, "_billing._tcp").front();
    return line.substr(std::string("_billing._tcp 30 SRV 10 ").size());
  };
  const std::string rest = " 7000 n1.node.sipthor.example.";
  EXPECT_EQ(weight("250"), "250" + rest);
  EXPECT_EQ(weight("0"), "1" + rest);
  EXPECT_EQ(weight("70000"), "65535" + rest);
  EXPECT_EQ(weight(nullptr), "77" + rest);
  EXPECT_EQ(weight("a lot"), "77" + rest);
}

TEST(zone_plan, a_service_without_members_can_be_decidedly_not_available) {
  const role_definition wanted{.role = "", .null_target = true};
  EXPECT_THAT(lines_at(with_service(wanted, {}), "_billing._tcp"),
              ElementsAre("_billing._tcp 15 SRV 0 0 0 ."))
      << "for as long as a negative answer";
  const auto draining =
      members({member("n1", {"192.0.2.1"}, {"billing"}, model::role_state::draining)});
  EXPECT_THAT(lines_at(with_service(wanted, draining), "_billing._tcp"),
              ElementsAre("_billing._tcp 15 SRV 0 0 0 ."));
  const auto active = members({member("n1", {"192.0.2.1"}, {"billing"})});
  EXPECT_THAT(lines_at(with_service(wanted, active), "_billing._tcp"),
              ElementsAre("_billing._tcp 30 SRV 10 100 7000 n1.node.sipthor.example."));
}

TEST(zone_plan, ttls_and_the_slice_are_those_of_the_definition) {
  auto zone = with_service({.role = "",
                            .address_name = "billing",
                            .texts = {{"billing", "v=1"}},
                            .member_ttl_s = 7,
                            .static_ttl_s = 77,
                            .slice = 3},
                           members({member("n1", {"192.0.2.1"}, {"billing"})}));
  EXPECT_THAT(lines_at(zone, "billing"),
              ElementsAre("billing 7 A 192.0.2.1", "billing 77 TXT \"v=1\""));
  EXPECT_THAT(lines_at(zone, "_billing._tcp"),
              ElementsAre("_billing._tcp 7 SRV 10 100 7000 n1.node.sipthor.example."));
  const auto srv =
      std::ranges::find(zone.rrsets, name("_billing._tcp.sipthor.example"), &zone::rrset::owner);
  ASSERT_NE(srv, zone.rrsets.end());
  EXPECT_EQ(srv->slice, 3);
}

TEST(zone_plan, static_records_name_the_domain_and_fit_their_strings) {
  const auto zone = with_service({.role = "",
                                  .texts = {{"long", std::string(300, 'x')}},
                                  .uris = {{"_http._tcp", 5, 6, "https://b.{domain}/{domain}"}}},
                                 {});
  EXPECT_THAT(lines_at(zone, "_http._tcp"),
              ElementsAre("_http._tcp 300 URI 5 6 "
                          "\"https://b.sipthor.example/sipthor.example\""));
  EXPECT_THAT(lines_at(zone, "long"), ElementsAre("long 300 TXT \"" + std::string(255, 'x') +
                                                  "\" \"" + std::string(45, 'x') + "\""));
  EXPECT_TRUE(zone::check_changes(nullptr, *zone::build(zone, nullptr).zone)) << "ldns agrees";
}

TEST(zone_plan, naptr_records_of_several_roles_at_one_name_share_the_lower_ttl) {
  auto with = config();
  with.roles = {{.role = "a", .naptr = {{"@", 1, 1, "s", "A", "x.example."}}, .static_ttl_s = 600},
                {.role = "b", .naptr = {{"@", 2, 1, "s", "B", "x.example."}}, .static_ttl_s = 60}};
  const auto zone = describe(*zone_plan::make(with), {}, 7).front();
  EXPECT_THAT(lines_at(zone, "@"), Contains("@ 60 NAPTR 1 1 \"s\" \"A\" \"\" x.example."));
  EXPECT_THAT(lines_at(zone, "@"), Contains("@ 60 NAPTR 2 1 \"s\" \"B\" \"\" x.example."));
}

TEST(zone_plan, members_of_one_family_and_of_both_are_each_where_they_have_an_address) {
  const auto zone = described(members({member("both", {"192.0.2.3", "2001:db8::3"}, {"sip_proxy"}),
                                       member("v4", {"192.0.2.1"}, {"sip_proxy"}),
                                       member("v6", {"2001:db8::6"}, {"sip_proxy"})}));
  EXPECT_THAT(lines_at(zone, "proxy"),
              ElementsAre("proxy 30 A 192.0.2.1", "proxy 30 A 192.0.2.3",
                          "proxy 30 AAAA 2001:db8::3", "proxy 30 AAAA 2001:db8::6"));
  EXPECT_THAT(lines_at(zone, "_sip._udp"), SizeIs(3));
  EXPECT_THAT(lines_at(zone, "both.node"), Contains("both.node 30 A 192.0.2.3"));
  EXPECT_THAT(lines_at(zone, "both.node"), Contains("both.node 30 AAAA 2001:db8::3"));
  EXPECT_THAT(lines_at(zone, "v6.node"),
              ElementsAre("v6.node 30 TXT \"sip_proxy=active\"", "v6.node 30 AAAA 2001:db8::6"));
  EXPECT_THAT(lines_at(zone, "v4.node"), Not(Contains(HasSubstr("AAAA"))));
}

TEST(zone_plan, operator_records_stand_beside_ours) {
  const auto zone = described(
      {},
      {{name("www.sipthor.example"), zone::rr_type::a, 60, {zone::a_rdata{{192, 0, 2, 80}}}, 0}});
  EXPECT_THAT(lines_at(zone, "www"), ElementsAre("www 60 A 192.0.2.80"));
}

/// "priority target | view priority elsewhere", one for each record of _sip._udp.
std::vector<std::string> homes_of(const zone_plan& made, std::vector<model::member> who) {
  const auto zone = describe(made, members(std::move(who)), 1).front();
  std::vector<std::string> lines;
  for (const auto& set : zone.rrsets)
    if (set.owner == name("_sip._udp.sipthor.example"))
      for (std::size_t i = 0; i < set.records.size(); ++i)
        lines.push_back(zone::to_text(set.records[i]) +
                        (set.homes.empty() ? ""
                                           : " | " + std::to_string(set.homes.at(i).view) + " " +
                                                 zone::to_text(set.homes.at(i).elsewhere)));
  return lines;
}

model::member proxy_at(std::string_view who, std::string_view site, std::uint16_t priority = 10) {
  auto proxy = member(who, {"192.0.2.11"}, {"sip_proxy"});
  proxy.what.site = site;
  proxy.what.roles["sip_proxy"].priority = priority;
  return proxy;
}

zone_plan plan_with_sites() {
  auto with_sites = config();
  with_sites.sites = {{"ams", {}}, {"nyc", {}}};
  return *zone_plan::make(with_sites);
}

TEST(zone_plan, members_are_at_home_at_their_site) {
  EXPECT_THAT(
      homes_of(plan_with_sites(), {proxy_at("n1", ""), proxy_at("n2", "nyc"),
                                   proxy_at("n3", "ams", 65530), proxy_at("n4", "elsewhere")}),
      ElementsAre("10 100 5060 n1.node.sipthor.example. | 0 20 100 5060 n1.node.sipthor.example.",
                  "10 100 5060 n2.node.sipthor.example. | 2 20 100 5060 n2.node.sipthor.example.",
                  "65530 100 5060 n3.node.sipthor.example. | 1 65535 100 5060 "
                  "n3.node.sipthor.example.",
                  "10 100 5060 n4.node.sipthor.example. | 0 20 100 5060 n4.node.sipthor.example."));
}

TEST(zone_plan, without_a_member_at_a_site_of_the_configuration_there_is_one_view) {
  const auto expected =
      ElementsAre("10 100 5060 n1.node.sipthor.example.", "10 100 5060 n2.node.sipthor.example.");
  EXPECT_THAT(homes_of(plan_with_sites(), {proxy_at("n1", ""), proxy_at("n2", "elsewhere")}),
              expected);
  EXPECT_THAT(homes_of(plan(), {proxy_at("n1", "ams"), proxy_at("n2", "nyc")}), expected);
}

TEST(zone_plan, the_penalty_of_other_sites_is_configuration) {
  auto with_sites = config();
  with_sites.sites = {{"ams", {}}};
  with_sites.other_site_penalty = 7;
  EXPECT_THAT(
      homes_of(*zone_plan::make(with_sites), {proxy_at("n1", "ams")}),
      ElementsAre("10 100 5060 n1.node.sipthor.example. | 1 17 100 5060 n1.node.sipthor.example."));
}

TEST(zone_plan, a_role_that_is_not_sliced_still_fits_a_dns_message) {
  auto unsliced = config();
  unsliced.roles = {built_in_roles().front()};
  unsliced.roles.front().slice = 0;
  const auto zone = describe(*zone_plan::make(unsliced), members({proxy_at("n1", "")}), 1).front();
  for (const auto& set : zone.rrsets)
    if (set.owner == name("_sip._udp.sipthor.example"))
      EXPECT_EQ(set.slice, answer_records_max);
}

TEST(zone_plan, says_which_records_are_its_own) {
  const auto p = plan();
  using enum zone::rr_type;
  EXPECT_THAT(p.reserved(1, name("x.sipthor.example"), soa), HasSubstr("at the apex"));
  EXPECT_EQ(p.reserved(1, name("sipthor.example"), soa), "");
  EXPECT_THAT(p.reserved(1, name("sipthor.example"), ns), HasSubstr("name_server"));
  EXPECT_THAT(p.reserved(1, name("n7.node.sipthor.example"), a), HasSubstr("members"));
  EXPECT_THAT(p.reserved(1, name("_sip._udp.sipthor.example"), srv), HasSubstr("sip_proxy"));
  EXPECT_THAT(p.reserved(1, name("proxy.sipthor.example"), aaaa), HasSubstr("sip_proxy"));
  EXPECT_THAT(p.reserved(1, name("sipthor.example"), naptr), HasSubstr("role definition"));
  EXPECT_EQ(p.reserved(1, name("sipthor.example"), a), "");
  EXPECT_EQ(p.reserved(1, name("proxy.sipthor.example"), txt), "");
  EXPECT_EQ(p.reserved(1, name("sub.sipthor.example"), ns), "");
  EXPECT_THAT(p.reserved(1, name("sub.elsewhere.example"), a), HasSubstr("no zone of the overlay"));
}

/// The zone with this apex.
zone::zone_input zone_of(const std::vector<zone::zone_input>& zones, std::string_view apex) {
  const auto found = std::ranges::find(zones, name(apex), &zone::zone_input::apex);
  EXPECT_NE(found, zones.end()) << apex;
  return found == zones.end() ? zone::zone_input{} : *found;
}

TEST(zone_plan, lets_nobody_hide_its_own_names) {
  const auto p = plan();
  using enum zone::rr_type;
  EXPECT_THAT(p.reserved(1, name("proxy.sipthor.example"), cname), HasSubstr("CNAME"));
  EXPECT_THAT(p.reserved(1, name("node.sipthor.example"), ns), HasSubstr("hide node"));
  EXPECT_THAT(p.reserved(1, name("_udp.sipthor.example"), ns), HasSubstr("hide _sip._udp"));
  EXPECT_THAT(p.reserved(1, name("sipthor.example"), dname), HasSubstr("hide "));
  EXPECT_EQ(p.reserved(1, name("www.sipthor.example"), cname), "");
  EXPECT_EQ(p.reserved(1, name("sub.sipthor.example"), dname), "");
}

TEST(zone_plan, the_overlay_names_of_roles_are_an_internal_zone) {
  auto with_internal = config();
  with_internal.internal = true;
  const auto p = *zone_plan::make(with_internal);
  ASSERT_THAT(p.zones(), SizeIs(2));
  EXPECT_FALSE(p.zones()[0].internal);
  EXPECT_TRUE(p.zones()[1].internal);

  auto leaving = member("n2", {"192.0.2.2"}, {"sip_proxy"}, model::role_state::draining);
  const auto zones =
      describe(p, members({member("n1", {"192.0.2.1"}, {"sip_proxy", "media_relay"}), leaving}), 7);
  const auto internal = zone_of(zones, "role.sipthor.example");
  EXPECT_THAT(lines_at(internal, "sip_proxy"),
              ElementsAre("sip_proxy 30 TXT \"active=1\" \"draining=1\" \"ring=yes\"",
                          "sip_proxy 30 SRV 10 100 5061 n1.node.sipthor.example."));
  EXPECT_THAT(lines_at(internal, "_sip._udp.sip_proxy"),
              ElementsAre("_sip._udp.sip_proxy 30 SRV 10 100 5060 n1.node.sipthor.example."));
  EXPECT_THAT(lines_at(internal, "media_relay"),
              ElementsAre("media_relay 30 TXT \"active=1\" \"draining=0\"",
                          "media_relay 30 SRV 10 100 0 n1.node.sipthor.example."))
      << "a role without services has no port";
  EXPECT_THAT(lines_at(internal, "xcap_server"),
              ElementsAre("xcap_server 30 TXT \"active=0\" \"draining=0\" \"ring=yes\""));
  EXPECT_THAT(lines_at(internal, "rating_server"), SizeIs(1)) << "not public, but here";
  EXPECT_THAT(lines(zone_of(zones, "sipthor.example")), Not(Contains(HasSubstr("role"))))
      << "what is internal shows nowhere else";

  EXPECT_THAT(p.reserved(1, name("x.role.sipthor.example"), zone::rr_type::a),
              HasSubstr("belongs to the zone role.sipthor.example."));
  EXPECT_THAT(p.reserved(2, name("x.role.sipthor.example"), zone::rr_type::a), HasSubstr("roles"));
}

TEST(zone_plan, delegated_names_are_zones_of_their_own) {
  auto below_another = config();
  below_another.how = deployment::delegated;
  const auto p = *zone_plan::make(below_another);
  const auto zones = describe(p, members({member("n1", {"192.0.2.1"}, {"sip_proxy"})}), 7);
  EXPECT_THAT(zones, SizeIs(10)) << "nine public roles, and the nodes";

  const auto proxy = zone_of(zones, "proxy.sipthor.example");
  EXPECT_THAT(lines_at(proxy, "@"),
              UnorderedElementsAre(
                  HasSubstr("SOA ns1.sipthor.example."), "@ 3600 NS ns1.sipthor.example.",
                  "@ 3600 NS ns2.elsewhere.example.", "@ 30 A 192.0.2.1",
                  "@ 300 NAPTR 10 100 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.proxy.sipthor.example.",
                  "@ 300 NAPTR 20 100 \"s\" \"SIP+D2T\" \"\" _sip._tcp.proxy.sipthor.example.",
                  "@ 300 NAPTR 30 100 \"s\" \"SIP+D2U\" \"\" _sip._udp.proxy.sipthor.example."));
  EXPECT_THAT(lines_at(proxy, "_sip._udp"),
              ElementsAre("_sip._udp 30 SRV 10 100 5060 n1.node.sipthor.example."));
  EXPECT_THAT(lines_at(zone_of(zones, "node.sipthor.example"), "n1"),
              Contains("n1 30 A 192.0.2.1"));
  EXPECT_THAT(lines_at(zone_of(zones, "xcap.sipthor.example"), "@"),
              Contains("@ 300 TXT \"https://xcap.sipthor.example/xcap-root\""));
}

TEST(zone_plan, delegated_names_that_lie_in_their_zone_stay_where_they_are) {
  auto below_another = config();
  below_another.how = deployment::delegated;
  below_another.roles = {{.role = "gateway",
                          .address_name = "proxy",
                          .services = {{"_sips._tcp.proxy", "sips.tcp", 5061}},
                          .naptr = {{"proxy", 1, 1, "s", "SIPS+D2T", "_sips._tcp.proxy"}}}};
  const auto zones = describe(*zone_plan::make(below_another), {}, 7);
  const auto proxy = zone_of(zones, "proxy.sipthor.example");
  EXPECT_THAT(lines_at(proxy, "_sips._tcp"), ElementsAre("_sips._tcp -"));
  EXPECT_THAT(lines_at(proxy, "@"), Contains("@ 300 NAPTR 1 1 \"s\" \"SIPS+D2T\" \"\" "
                                             "_sips._tcp.proxy.sipthor.example."));
}

TEST(zone_plan, the_parent_of_delegated_zones_is_told_in_full) {
  EXPECT_THAT(plan().parent_rrsets(), IsEmpty());
  auto below_another = config();
  below_another.how = deployment::delegated;
  zone::zone_input parent{.apex = name("sipthor.example"), .id = 1, .soa = {}};
  parent.rrsets = zone_plan::make(below_another)->parent_rrsets();
  EXPECT_THAT(lines_at(parent, "proxy"),
              UnorderedElementsAre("proxy 3600 NS ns1.sipthor.example.",
                                   "proxy 3600 NS ns2.elsewhere.example."));
  EXPECT_THAT(lines_at(parent, "node"), SizeIs(2));
  EXPECT_THAT(lines_at(parent, "ns1"), ElementsAre("ns1 3600 A 192.0.2.53"));
  EXPECT_THAT(lines_at(parent, "_eventserver._tcp"), SizeIs(1));
  EXPECT_THAT(lines_at(parent, "eventserver"), SizeIs(2));
  EXPECT_THAT(lines_at(parent, "_sip._udp"),
              ElementsAre("_sip._udp 300 SRV 10 100 5060 proxy.sipthor.example."));
  EXPECT_THAT(
      lines_at(parent, "@"),
      Contains("@ 300 NAPTR 30 100 \"s\" \"SIP+D2U\" \"\" _sip._udp.proxy.sipthor.example."));
}

TEST(zone_plan, refuses_a_configuration_that_makes_no_zone) {
  auto no_servers = config();
  no_servers.name_servers.clear();
  EXPECT_THAT(zone_plan::make(no_servers).error().detail, HasSubstr("[[dns.name_server]]"));
  auto no_glue = config();
  no_glue.name_servers = {{"ns1", {}, 0}};
  EXPECT_THAT(zone_plan::make(no_glue).error().detail, HasSubstr("ns1"));
  auto no_id = config();
  no_id.ids.clear();
  EXPECT_THAT(zone_plan::make(no_id).error().detail, HasSubstr("no id"));
  auto bad_role = config();
  bad_role.roles.push_back({.role = "billing", .address_name = "proxy"});
  EXPECT_EQ(zone_plan::make(bad_role).error().detail,
            "role billing: address \"proxy\" has addresses of role sip_proxy already");
  auto lost = config();
  lost.roles.push_back(
      {.role = "billing", .naptr = {{"@", 1, 1, "s", "B", "_b._tcp.sipthor.example."}}});
  EXPECT_THAT(zone_plan::make(lost).error().detail,
              HasSubstr("replacement of [[naptr]] 1 \"_b._tcp.sipthor.example.\" leads nowhere"));
  auto bad_name = config();
  bad_name.soa.rname = "two..dots";
  EXPECT_THAT(zone_plan::make(bad_name).error().detail, HasSubstr("soa.rname"));
}

TEST(zone_plan, programs_of_the_overlay_have_no_name) {
  const auto zone =
      described(members({member("m1", {"192.0.2.7"}, {"thor_manager", "thor_monitor"}),
                         member("n1", {"192.0.2.8"}, {"sip_proxy", "thor_monitor"})}));
  EXPECT_THAT(lines_at(zone, "m1.node"), IsEmpty());
  EXPECT_THAT(lines_at(zone, "n1.node"),
              ElementsAre("n1.node 30 A 192.0.2.8", "n1.node 30 TXT \"sip_proxy=active\""));
}

TEST(zone_plan, a_node_that_became_a_program_of_the_overlay_keeps_its_name_for_the_grace) {
  const auto made = plan();
  node_names names(made.node_parent());
  const auto monitor = member("n1", {"192.0.2.8"}, {"thor_monitor"});
  names.show_departed(id("n1"), {ip("192.0.2.9")});
  const auto zone = made.describe(members({monitor}), names, {}, 7).front();
  EXPECT_THAT(lines_at(zone, "n1.node"), ElementsAre("n1.node 30 A 192.0.2.9"));
}

TEST(zone_plan, takes_the_ids_of_the_database_when_they_change) {
  auto all = plan();
  ASSERT_EQ(all.zones().size(), 1U);
  const auto apex = all.domain();
  EXPECT_FALSE(all.set_ids({{apex, 1}, {name("other.example"), 2}}));
  EXPECT_TRUE(all.set_ids({{apex, 7}}));
  ASSERT_NE(all.find_zone(7), nullptr);
  EXPECT_EQ(all.find_zone(7)->apex, apex);
  EXPECT_EQ(all.find_zone(1), nullptr);
  EXPECT_TRUE(all.set_ids({{name("other.example"), 1}})) << "it is not there any more";
  EXPECT_EQ(all.zones().front().id, unlisted_zone_id_first);
}

} // namespace
} // namespace thor::dns::test
