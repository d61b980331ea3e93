#include "coordinator/dns/lookup_names.hpp"
#include "coordinator/lookup/key.hpp"
#include "tests/unit/dns/support.hpp"

#include <gmock/gmock.h>

#include <array>

namespace thor::dns::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const looked_up_role proxy{"sip_proxy", 30, "sip.udp", 5060};

lookup_names names_of(const model::member_map& who) {
  return {proxy, who, name("node.sipthor.example")};
}

std::vector<std::string> targets(const zone::synthesis& of, std::string_view label) {
  std::array<const zone::synthesis::host*, zone::synthesised_hosts_max> hosts{};
  std::vector<std::string> out;
  const auto count = of.find(label, hosts);
  for (std::size_t i = 0; i < count; ++i)
    out.push_back(hosts[i]->target.text());
  return out;
}

model::member_map five() {
  return members({member("n1", {"192.0.2.1", "2001:db8::1"}, {"sip_proxy"}),
                  member("n2", {"192.0.2.2"}, {"sip_proxy"}, model::role_state::draining),
                  member("n3", {"192.0.2.3"}, {"sip_proxy", "xcap_server"}),
                  member("n4", {"192.0.2.4"}, {"sip_proxy"}),
                  member("x1", {"192.0.2.9"}, {"xcap_server"})});
}

TEST(lookup_names, are_the_order_of_the_ring) {
  const auto names = names_of(five());
  const lookup::ring ring(five(), "sip_proxy");
  for (int i = 0; i < 100; ++i) {
    const auto key = "user" + std::to_string(i) + "@example.com";
    std::vector<std::string> expected;
    for (const auto node : ring.order(lookup::key_hash(key), 3))
      expected.push_back(std::string(node) + ".node.sipthor.example.");
    EXPECT_EQ(targets(names, key), expected);
    EXPECT_EQ(targets(names, lookup::hash_label(lookup::key_hash(key))), expected);
  }
}

TEST(lookup_names, have_the_port_that_a_member_announces) {
  auto who = members({member("n1", {"192.0.2.1"}, {"sip_proxy"})});
  who.begin()->second.what.roles["sip_proxy"].ports["sip.udp"] = 5099;
  std::array<const zone::synthesis::host*, 3> hosts{};
  const auto told = names_of(who);
  ASSERT_EQ(told.find("a", hosts), 1);
  EXPECT_EQ(hosts[0]->port, 5099);
  EXPECT_THAT(hosts[0]->addresses, SizeIs(1));
  who.begin()->second.what.roles["sip_proxy"].ports.clear();
  const auto untold = names_of(who);
  ASSERT_EQ(untold.find("a", hosts), 1);
  EXPECT_EQ(hosts[0]->port, 5060);
}

TEST(lookup_names, are_the_same_as_long_as_the_members_are) {
  EXPECT_TRUE(names_of(five()).is_same_as(names_of(five())));
  auto other = five();
  other.begin()->second.what.roles["sip_proxy"].weight = 50;
  EXPECT_FALSE(names_of(five()).is_same_as(names_of(other)));
  other = five();
  other.begin()->second.what.addresses.pop_back();
  EXPECT_FALSE(names_of(five()).is_same_as(names_of(other)));
  other = five();
  other.erase(id("x1"));
  EXPECT_TRUE(names_of(five()).is_same_as(names_of(other)));
}

// ---- the zone

zone_plan plan_with(lookup_zone who, deployment how = deployment::whole) {
  auto c = config();
  c.ids[name("lookup.sipthor.example")] = 20;
  c.lookup = who;
  c.internal = who == lookup_zone::internal;
  c.how = how;
  auto media = std::ranges::find(c.roles, "media_relay", &role_definition::role);
  EXPECT_FALSE(media->ring);
  return *zone_plan::make(c);
}

zone::zone_input lookup_input(const zone_plan& plan, bool known, const model::member_map& who,
                              const std::vector<zone::rrset>& operator_rrsets = {}) {
  node_names names(plan.node_parent());
  for (const auto& [id, one] : who)
    names.show(one.what);
  auto all = known ? plan.describe(who, names, operator_rrsets, 7)
                   : plan.describe_unknown(operator_rrsets, 7);
  return *std::ranges::find(all, name("lookup.sipthor.example"), &zone::zone_input::apex);
}

TEST(lookup_zone, has_a_name_for_each_role_with_a_ring) {
  const auto plan = plan_with(lookup_zone::everyone);
  const auto zone = lookup_input(plan, true, five());
  EXPECT_THAT(lines_at(zone, "@"), Contains("@ 3600 NS ns1.sipthor.example."));
  EXPECT_THAT(lines_at(zone, "sip_proxy"), ElementsAre("sip_proxy -"));
  EXPECT_THAT(lines_at(zone, "media_relay"), IsEmpty());
  const auto made = zone::build(zone, nullptr).zone;
  const auto* role = made->find(name("sip_proxy.lookup.sipthor.example"));
  ASSERT_NE(role->below, nullptr);
  EXPECT_THAT(targets(*role->below, "alice"), SizeIs(3));
  EXPECT_EQ(role->below->ttl_s(), 30);
  const auto* nobody = made->find(name("conference_server.lookup.sipthor.example"));
  ASSERT_NE(nobody->below, nullptr);
  EXPECT_THAT(targets(*nobody->below, "alice"), IsEmpty());
}

TEST(lookup_zone, is_unknown_as_long_as_the_members_are) {
  const auto zone = lookup_input(plan_with(lookup_zone::everyone), false, {});
  EXPECT_THAT(lines_at(zone, "sip_proxy"), ElementsAre("sip_proxy ?"));
  EXPECT_TRUE(zone::build(zone, nullptr).zone->is_synthesised);
}

TEST(lookup_zone, is_described_alike_while_the_members_are_the_same) {
  const auto plan = plan_with(lookup_zone::everyone);
  EXPECT_EQ(lookup_input(plan, true, five()), lookup_input(plan, true, five()));
  auto fewer = five();
  fewer.erase(id("n1"));
  EXPECT_NE(lookup_input(plan, true, five()), lookup_input(plan, true, fewer));
}

TEST(lookup_zone, is_delegated_by_the_zone_above) {
  const auto whole = describe(plan_with(lookup_zone::everyone), {}).front();
  EXPECT_THAT(lines_at(whole, "lookup"),
              UnorderedElementsAre("lookup 3600 NS ns1.sipthor.example.",
                                   "lookup 3600 NS ns2.elsewhere.example."));
  const auto delegated = plan_with(lookup_zone::everyone, deployment::delegated);
  EXPECT_THAT(delegated.parent_rrsets(),
              Contains(::testing::Field(&zone::rrset::owner, name("lookup.sipthor.example"))));
}

TEST(lookup_zone, that_is_internal_is_delegated_by_nobody) {
  const auto plan = plan_with(lookup_zone::internal);
  EXPECT_THAT(lines_at(describe(plan, {}).front(), "lookup"), IsEmpty());
  const auto* zone = plan.find_zone(20);
  EXPECT_TRUE(zone->internal && zone->synthesised);
  EXPECT_THAT(lines_at(lookup_input(plan, true, five()), "sip_proxy"), SizeIs(1));
}

TEST(lookup_zone, leaves_its_apex_to_the_operator_and_its_ds_to_the_zone_above) {
  const auto plan = plan_with(lookup_zone::everyone);
  const auto apex = name("lookup.sipthor.example");
  EXPECT_EQ(plan.reserved(20, apex, zone::rr_type::txt), "");
  EXPECT_THAT(plan.reserved(20, name("x.sip_proxy.lookup.sipthor.example"), zone::rr_type::srv),
              HasSubstr("are worked out from the members"));
  EXPECT_THAT(plan.reserved(20, apex, zone::rr_type::ds), Not(IsEmpty()));
  EXPECT_EQ(plan.reserved(1, apex, zone::rr_type::ds), "");
  const auto ds = *zone::parse_rdata(zone::rr_type::ds, "1 13 2 " + std::string(64, 'A'));
  const auto parent = plan.describe({}, node_names(plan.node_parent()),
                                    {{apex, zone::rr_type::ds, 300, {ds}, 0}}, 7)
                          .front();
  EXPECT_THAT(lines_at(parent, "lookup"), Contains(HasSubstr(" DS ")));
}

TEST(lookup_zone, shows_a_role_that_is_not_public_to_those_who_may_ask_for_it_alone) {
  auto c = config();
  c.ids[name("lookup.sipthor.example")] = 20;
  for (auto& role : c.roles)
    role.is_public = role.role != "sip_proxy";
  c.internal = true;
  c.lookup = lookup_zone::everyone;
  EXPECT_THAT(lines_at(lookup_input(*zone_plan::make(c), true, five()), "sip_proxy"), IsEmpty());
  c.lookup = lookup_zone::internal;
  EXPECT_THAT(lines_at(lookup_input(*zone_plan::make(c), true, five()), "sip_proxy"), SizeIs(1));
}

} // namespace
} // namespace thor::dns::test
