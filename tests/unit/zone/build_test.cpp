#include "tests/unit/zone/support.hpp"
#include "zone/build/build.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::zone {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

contents zone_of(std::vector<rrset> rrsets, const contents* previous = nullptr) {
  const built result = build(input_of(std::move(rrsets)), previous);
  EXPECT_THAT(result.rejected, IsEmpty());
  return *result.zone;
}

std::shared_ptr<const node> node_at(const contents& zone, const name& owner) {
  const auto found = std::ranges::find(zone.nodes, owner, [](const auto& n) { return n->owner; });
  return found == zone.nodes.end() ? nullptr : *found;
}

const rrset* set_at(const contents& zone, const name& owner, rr_type type) {
  const node* const n = zone.find(owner);
  if (n == nullptr) {
    return nullptr;
  }
  const auto found = std::ranges::find(n->rrsets, type, [](const auto& set) { return set->type; });
  return found == n->rrsets.end() ? nullptr : found->get();
}

std::vector<std::string> texts(const std::vector<rdata>& records) {
  std::vector<std::string> all;
  for (const rdata& r : records) {
    all.push_back(to_text(r));
  }
  return all;
}

TEST(build, apex_has_the_soa_with_the_serial) {
  const contents zone = *build(input_of({}, 7), nullptr).zone;
  EXPECT_EQ(zone.serial, 7U);
  EXPECT_EQ(zone.id, 1U);
  const rrset* const soa = set_at(zone, "example"_n, rr_type::soa);
  ASSERT_NE(soa, nullptr);
  EXPECT_EQ(soa->ttl_s, 300U);
  EXPECT_THAT(texts(soa->records),
              ElementsAre("ns1.example. hostmaster.example. 7 3600 600 1209600 15"));
}

TEST(build, every_ancestor_exists) {
  const contents zone =
      zone_of({set_of("_sip._udp.example", rr_type::srv, {"1 1 1 n1.node.example"}),
               set_of("n1.node.example", rr_type::a, {"192.0.2.1"}),
               set_of("x.y.z.example", rr_type::a, {"192.0.2.1"})});
  EXPECT_THAT(owners(zone),
              ElementsAre("example.", "_udp.example.", "_sip._udp.example.", "node.example.",
                          "n1.node.example.", "z.example.", "y.z.example.", "x.y.z.example."));
  EXPECT_THAT(zone.find("_udp.example"_n)->rrsets, IsEmpty());
  EXPECT_EQ(zone.find("_tcp.example"_n), nullptr);
}

TEST(build, promised_names_exist_without_records) {
  zone_input input = input_of({});
  input.promised = {{"xcap.example"_n, true}, {"_sip._tcp.example"_n, true}, {"www.example"_n}};
  const contents zone = *build(input, nullptr).zone;
  EXPECT_THAT(owners(zone), ElementsAre("example.", "_tcp.example.", "_sip._tcp.example.",
                                        "www.example.", "xcap.example."));
  EXPECT_TRUE(zone.find("xcap.example"_n)->available);
}

TEST(build, dynamic_names_are_unavailable_while_membership_is_unknown) {
  zone_input input = input_of({set_of("xcap.example", rr_type::txt, {"static"})});
  input.promised = {{"xcap.example"_n, true}, {"_sip._tcp.example"_n, true}, {"www.example"_n}};
  input.dynamic_known = false;
  const contents zone = *build(input, nullptr).zone;
  EXPECT_FALSE(zone.find("xcap.example"_n)->available);
  EXPECT_FALSE(zone.find("_sip._tcp.example"_n)->available);
  EXPECT_TRUE(zone.find("_tcp.example"_n)->available);
  EXPECT_TRUE(zone.find("www.example"_n)->available);
  EXPECT_TRUE(zone.find("example"_n)->available);
}

TEST(build, merges_rrsets_of_one_owner_and_type) {
  rrset first = set_of("a.example", rr_type::a, {"192.0.2.2", "192.0.2.1"}, 30);
  first.slice = 8;
  const contents zone =
      zone_of({first, set_of("a.example", rr_type::a, {"192.0.2.1", "192.0.2.3"}, 60)});
  const rrset* const set = set_at(zone, "a.example"_n, rr_type::a);
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(set->ttl_s, 30U);
  EXPECT_EQ(set->slice, 8);
  EXPECT_THAT(texts(set->records), ElementsAre("192.0.2.1", "192.0.2.2", "192.0.2.3"));
}

struct rejected_case {
  std::string what;
  std::vector<rrset> rrsets;
  std::string owner;
  errc code;
  std::size_t records;
};

class build_rejects : public testing::TestWithParam<rejected_case> {};

TEST_P(build_rejects, and_keeps_the_rest) {
  std::vector<rrset> rrsets = GetParam().rrsets;
  rrsets.push_back(set_of("good.example", rr_type::a, {"192.0.2.1"}));
  const built result = build(input_of(rrsets), nullptr);
  ASSERT_EQ(result.rejected.size(), GetParam().records) << GetParam().what;
  EXPECT_EQ(result.rejected.front().owner.text(), GetParam().owner);
  EXPECT_EQ(result.rejected.front().reason.code, GetParam().code);
  EXPECT_NE(result.rejected.front().content, "");
  EXPECT_NE(set_at(*result.zone, "good.example"_n, rr_type::a), nullptr);
}

INSTANTIATE_TEST_SUITE_P(
    all, build_rejects,
    testing::Values(rejected_case{"outside",
                                  {set_of("a.other", rr_type::a, {"192.0.2.1", "192.0.2.2"})},
                                  "a.other.",
                                  errc::out_of_zone,
                                  2},
                    rejected_case{"second SOA",
                                  {set_of("example", rr_type::soa, {"a. b. 1 2 3 4 5"})},
                                  "example.",
                                  errc::conflict,
                                  1},
                    rejected_case{"CNAME at the apex",
                                  {set_of("example", rr_type::cname, {"a.example"})},
                                  "example.",
                                  errc::conflict,
                                  1},
                    rejected_case{"CNAME beside data",
                                  {set_of("c.example", rr_type::cname, {"a.example"}),
                                   set_of("c.example", rr_type::txt, {"x"})},
                                  "c.example.",
                                  errc::conflict,
                                  1},
                    rejected_case{"two CNAMEs",
                                  {set_of("c.example", rr_type::cname, {"a.example", "b.example"})},
                                  "c.example.",
                                  errc::conflict,
                                  1},
                    rejected_case{"DNAME above a name",
                                  {set_of("d.example", rr_type::dname, {"e.example."}),
                                   set_of("a.d.example", rr_type::a, {"192.0.2.1"})},
                                  "d.example.",
                                  errc::conflict,
                                  1},
                    rejected_case{"TTL",
                                  {set_of("t.example", rr_type::a, {"192.0.2.1"}, 0x8000'0000)},
                                  "t.example.",
                                  errc::bad_rdata,
                                  1}),
    [](const auto& param) {
      std::string word = param.param.what;
      std::ranges::replace(word, ' ', '_');
      return word;
    });

TEST(build, conflict_leaves_what_stands_beside_the_cname) {
  const built result = build(input_of({set_of("c.example", rr_type::cname, {"a.example"}),
                                       set_of("c.example", rr_type::txt, {"x"})}),
                             nullptr);
  EXPECT_EQ(set_at(*result.zone, "c.example"_n, rr_type::cname), nullptr);
  EXPECT_NE(set_at(*result.zone, "c.example"_n, rr_type::txt), nullptr);
}

TEST(build, keeps_an_alias_that_stands_alone) {
  const contents zone = zone_of({set_of("c.example", rr_type::cname, {"a.example"}),
                                 set_of("d.example", rr_type::dname, {"e.example."})});
  EXPECT_NE(set_at(zone, "c.example"_n, rr_type::cname), nullptr);
  EXPECT_NE(set_at(zone, "d.example"_n, rr_type::dname), nullptr);
}

TEST(build, reports_a_promise_outside_the_zone) {
  zone_input input = input_of({});
  input.promised = {{"www.other"_n}};
  const built result = build(input, nullptr);
  ASSERT_EQ(result.rejected.size(), 1U);
  EXPECT_EQ(result.rejected[0].reason.code, errc::out_of_zone);
}

TEST(build, an_rrset_without_records_is_as_none) {
  EXPECT_EQ(zone_of({set_of("a.example", rr_type::a, {})}).find("a.example"_n), nullptr);
}

TEST(build, marks_zone_cuts_and_glue) {
  const contents zone = zone_of({
      set_of("child.example", rr_type::ns, {"ns.child.example"}),
      set_of("child.example", rr_type::a, {"192.0.2.9"}),
      set_of("child.example", rr_type::ds, {"1 8 2 ab"}),
      set_of("ns.child.example", rr_type::a, {"192.0.2.8"}),
      set_of("x.y.child.example", rr_type::ns, {"ns.child.example"}),
      set_of("childish.example", rr_type::a, {"192.0.2.7"}),
  });
  const node& apex = *zone.find("example"_n);
  EXPECT_FALSE(apex.delegation);
  EXPECT_TRUE(is_authoritative(apex, rr_type::ns));

  const node& cut = *zone.find("child.example"_n);
  EXPECT_TRUE(cut.delegation);
  EXPECT_TRUE(cut.authoritative);
  EXPECT_FALSE(is_authoritative(cut, rr_type::ns));
  EXPECT_FALSE(is_authoritative(cut, rr_type::a));
  EXPECT_TRUE(is_authoritative(cut, rr_type::ds));

  for (const char* below : {"ns.child.example", "y.child.example", "x.y.child.example"}) {
    const node& n = *zone.find(value_of(name::parse(below)));
    EXPECT_FALSE(n.authoritative) << below;
    EXPECT_FALSE(n.delegation) << below;
  }
  EXPECT_TRUE(zone.find("childish.example"_n)->authoritative);
}

TEST(build, shares_what_did_not_change) {
  const rrset a = set_of("a.example", rr_type::a, {"192.0.2.1"});
  const rrset txt = set_of("a.example", rr_type::txt, {"x"});
  const rrset deep = set_of("x.y.example", rr_type::a, {"192.0.2.1"});
  const contents before = zone_of({a, txt, deep});
  const contents after =
      *build(input_of({a, set_of("a.example", rr_type::txt, {"y"}), deep}, 2), &before).zone;

  EXPECT_EQ(node_at(before, "x.y.example"_n), node_at(after, "x.y.example"_n));
  EXPECT_EQ(node_at(before, "y.example"_n), node_at(after, "y.example"_n));
  EXPECT_NE(node_at(before, "a.example"_n), node_at(after, "a.example"_n));
  EXPECT_EQ(set_at(before, "a.example"_n, rr_type::a), set_at(after, "a.example"_n, rr_type::a));
  EXPECT_NE(set_at(before, "a.example"_n, rr_type::txt),
            set_at(after, "a.example"_n, rr_type::txt));
  EXPECT_NE(node_at(before, "example"_n), node_at(after, "example"_n)) << "the SOA changed";
  EXPECT_EQ(set_at(before, "example"_n, rr_type::ns), set_at(after, "example"_n, rr_type::ns));
}

TEST(build, shares_an_equal_set_that_comes_in_another_order) {
  const contents before = zone_of({set_of("a.example", rr_type::a, {"192.0.2.1", "192.0.2.2"})});
  const contents after =
      zone_of({set_of("a.example", rr_type::a, {"192.0.2.2", "192.0.2.1"})}, &before);
  EXPECT_EQ(node_at(before, "a.example"_n), node_at(after, "a.example"_n));
}

/// "content view elsewhere", one for each record.
std::vector<std::string> homes_of(const contents& zone) {
  const auto set = set_at(zone, "_sip._udp.example"_n, rr_type::srv);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < set->homes.size(); ++i) {
    lines.push_back(to_text(set->records.at(i)) + " | " + std::to_string(set->homes[i].view) +
                    " | " + to_text(set->homes[i].elsewhere));
  }
  return lines;
}

/// A leaf that nobody may look into.
std::shared_ptr<const node> sealed_leaf(const name& owner) {
  return std::make_shared<const node>(node{.owner = owner, .rrsets = {nullptr}});
}

std::shared_ptr<const node> leaf(const char* owner, const char* address) {
  const auto set = set_of(owner, rr_type::a, {address});
  return std::make_shared<const node>(
      node{.owner = set.owner, .rrsets = {std::make_shared<const rrset>(set)}});
}

TEST(build, leaves_that_stay_are_not_looked_into) {
  const auto n1 = sealed_leaf("n1.node.example"_n);
  const auto n3 = sealed_leaf("n3.node.example"_n);
  const auto n5 = sealed_leaf("n5.node.example"_n);
  const auto n7 = sealed_leaf("n7.node.example"_n);
  zone_input input = input_of({set_of("www.example", rr_type::a, {"192.0.2.1"})});
  input.leaves = {n1, leaf("n2.node.example", "192.0.2.2"), n3,
                  n5, leaf("n6.node.example", "192.0.2.6"), n7};
  const auto first = build(input, nullptr).zone;
  input = input_of({set_of("a.example", rr_type::a, {"192.0.2.1"})});
  const auto changed = leaf("n2.node.example", "192.0.2.12");
  const auto fresh = leaf("n4.node.example", "192.0.2.4");
  input.leaves = {n1, changed, n3, fresh, n5, n7}; // n6 left
  const auto second = build(input, first.get()).zone;
  EXPECT_THAT(owners(*second),
              ElementsAre("example.", "a.example.", "node.example.", "n1.node.example.",
                          "n2.node.example.", "n3.node.example.", "n4.node.example.",
                          "n5.node.example.", "n7.node.example."));
  EXPECT_EQ(std::vector(second->nodes.begin() + 3, second->nodes.end()), input.leaves);
}

TEST(build, homes_stay_with_their_records) {
  EXPECT_THAT(homes_of(zone_of({homed_set({{"10 100 5060 b.example", 2},
                                           {"10 100 5060 a.example", 1},
                                           {"10 100 5060 b.example", 2}})})),
              ElementsAre("10 100 5060 a.example. | 1 | 20 100 5060 a.example.",
                          "10 100 5060 b.example. | 2 | 20 100 5060 b.example."));
}

TEST(build, records_without_a_home_look_the_same_from_everywhere) {
  const rrset homed = homed_set({{"10 100 5060 b.example", 2}});
  const rrset plain = set_of("_sip._udp.example", rr_type::srv, {"10 100 5060 a.example"});
  const auto expected = ElementsAre("10 100 5060 a.example. | 0 | 10 100 5060 a.example.",
                                    "10 100 5060 b.example. | 2 | 20 100 5060 b.example.");
  EXPECT_THAT(homes_of(zone_of({homed, plain})), expected);
  EXPECT_THAT(homes_of(zone_of({plain, homed})), expected);
}

TEST(build, a_flag_that_changes_is_a_change) {
  const rrset glue = set_of("a.child.example", rr_type::a, {"192.0.2.1"});
  const contents before = zone_of({glue});
  const contents after =
      zone_of({glue, set_of("child.example", rr_type::ns, {"a.child.example"})}, &before);
  EXPECT_TRUE(before.find("a.child.example"_n)->authoritative);
  EXPECT_FALSE(after.find("a.child.example"_n)->authoritative);
}

std::vector<std::string> summary(const std::vector<change>& changes) {
  std::vector<std::string> lines;
  for (const change& c : changes) {
    std::string line = c.owner.text() + ' ' + to_string(c.type);
    for (const rdata& r : c.added) {
      line += " +" + to_text(r);
    }
    for (const rdata& r : c.removed) {
      line += " -" + to_text(r);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

TEST(diff, shows_records_that_came_and_went) {
  const rrset same = set_of("same.example", rr_type::a, {"192.0.2.1"});
  const contents before =
      zone_of({same, set_of("a.example", rr_type::a, {"192.0.2.1", "192.0.2.2"}),
               set_of("gone.example", rr_type::txt, {"x"})});
  const contents after = zone_of({same, set_of("a.example", rr_type::a, {"192.0.2.2", "192.0.2.3"}),
                                  set_of("a.example", rr_type::txt, {"y"})},
                                 &before);
  EXPECT_THAT(summary(diff(&before, after)),
              ElementsAre("a.example. A +192.0.2.3 -192.0.2.1", "a.example. TXT +\"y\"",
                          "gone.example. TXT -\"x\""));
  EXPECT_THAT(changed_names(&before, after), ElementsAre("a.example"_n, "gone.example"_n));
}

TEST(diff, does_not_depend_on_sharing) {
  const rrset a = set_of("a.example", rr_type::a, {"192.0.2.1"});
  EXPECT_THAT(diff(std::make_unique<contents>(zone_of({a})).get(), zone_of({a})), IsEmpty());
  EXPECT_THAT(changed_names(std::make_unique<contents>(zone_of({a})).get(), zone_of({a})),
              IsEmpty());
}

TEST(diff, a_ttl_change_replaces_all_records) {
  const contents before = zone_of({set_of("a.example", rr_type::a, {"192.0.2.1"}, 30)});
  const contents after = zone_of({set_of("a.example", rr_type::a, {"192.0.2.1"}, 60)});
  const auto changes = diff(&before, after);
  EXPECT_THAT(summary(changes), ElementsAre("a.example. A +192.0.2.1 -192.0.2.1"));
  EXPECT_EQ(changes.front().ttl_s, 60U);
}

TEST(diff, of_a_new_zone_is_everything) {
  EXPECT_THAT(summary(diff(nullptr, zone_of({}))),
              ElementsAre("example. NS +ns1.example.",
                          "example. SOA +ns1.example. hostmaster.example. 1 3600 600 1209600 15"));
}

TEST(changed_names, sees_existence_and_availability) {
  zone_input input = input_of({});
  input.promised = {{"a.example"_n, true}};
  const contents known = *build(input, nullptr).zone;
  input.promised.push_back({"b.c.example"_n});
  input.dynamic_known = false;
  const contents unknown = *build(input, &known).zone;
  EXPECT_THAT(changed_names(&known, unknown),
              ElementsAre("a.example"_n, "c.example"_n, "b.c.example"_n));
  EXPECT_THAT(diff(&known, unknown), IsEmpty());
}

TEST(changed_names, sees_a_new_slice) {
  rrset set = set_of("a.example", rr_type::a, {"192.0.2.1"});
  const contents before = zone_of({set});
  set.slice = 4;
  EXPECT_THAT(changed_names(&before, zone_of({set}, &before)), ElementsAre("a.example"_n));
}

TEST(changed_names, sees_a_record_that_moved_to_another_view) {
  const contents before = zone_of({homed_set({{"10 100 5060 a.example", 1}})});
  const contents after = zone_of({homed_set({{"10 100 5060 a.example", 2}})}, &before);
  EXPECT_THAT(changed_names(&before, after), ElementsAre("_sip._udp.example"_n));
  EXPECT_THAT(diff(&before, after), IsEmpty()) << "no record changed";
  EXPECT_THAT(changed_names(&after, zone_of({homed_set({{"10 100 5060 a.example", 2}})}, &after)),
              IsEmpty());
}

TEST(diff, shows_what_clients_elsewhere_get) {
  const std::string a = "10 100 5060 a.example";
  const std::string b = "10 100 5060 b.example";
  const auto elsewhere = [](const contents& before, const contents& after) {
    std::vector<std::string> texts;
    for (const change& c : diff(&before, after)) {
      for (const rdata& r : c.added_elsewhere) {
        texts.push_back(to_text(r));
      }
    }
    return texts;
  };
  const contents plain = zone_of({set_of("_sip._udp.example", rr_type::srv, {a})});
  const contents one = zone_of({homed_set({{a, 1}})});
  const contents two = zone_of({homed_set({{a, 1}, {b, 1}})});
  EXPECT_THAT(elsewhere(plain, one), ElementsAre("20 100 5060 a.example."));
  EXPECT_THAT(elsewhere(one, two), ElementsAre("20 100 5060 b.example."));
  EXPECT_THAT(elsewhere(two, one), IsEmpty());
  EXPECT_THAT(elsewhere(one, plain), IsEmpty());
}

TEST(next_serial, grows_and_is_never_below_unix_time) {
  EXPECT_EQ(next_serial(0, 1'700'000'000), 1'700'000'000U);
  EXPECT_EQ(next_serial(1'700'000'000, 1'700'000'000), 1'700'000'001U);
  EXPECT_EQ(next_serial(1'800'000'000, 1'700'000'000), 1'800'000'001U);
  EXPECT_EQ(next_serial(0xffff'ffff, 1'700'000'000), 0xffff'ffffU);
  EXPECT_EQ(next_serial(1, 0x1'0000'0000), 0xffff'ffffU);
}

} // namespace
} // namespace thor::zone
