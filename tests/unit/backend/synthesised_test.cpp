#include "backend/answer/answer_table.hpp"
#include "tests/support/synthetic_zone.hpp"
#include "zone/build/build.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace thor::backend {
namespace {

namespace json = boost::json;
using test::name_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

zone::rdata v4(std::uint8_t last) {
  return zone::a_rdata{{192, 0, 2, last}};
}

/// Every label has the same hosts, but for "nobody".
class same_hosts final : public zone::synthesis {
 public:
  explicit same_hosts(std::vector<host> hosts)
      : hosts_(std::move(hosts)) {}
  std::size_t find(std::string_view label, std::span<const host*> out) const override {
    asked_ = label;
    const std::size_t count = label == "nobody" ? 0 : std::min(out.size(), hosts_.size());
    for (std::size_t i = 0; i < count; ++i) {
      out[i] = &hosts_[i];
    }
    return count;
  }
  [[nodiscard]] std::uint32_t ttl_s() const override { return 30; }
  [[nodiscard]] bool is_same_as(const zone::synthesis& other) const override {
    return hosts_ == static_cast<const same_hosts&>(other).hosts_;
  }
  [[nodiscard]] const std::string& asked() const { return asked_; }

 private:
  std::vector<host> hosts_;
  mutable std::string asked_;
};

std::shared_ptr<const same_hosts> four_hosts() {
  const zone::rdata v6 =
      zone::aaaa_rdata{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  return std::make_shared<const same_hosts>(std::vector<zone::synthesis::host>{
      {.port = 5060, .target = name_of("n1.node.example."), .addresses = {v4(1), v6}},
      {.port = 5070, .target = name_of(R"(n\.2.node.example.)"), .addresses = {v4(2)}},
      {.port = 0, .target = name_of("n3.node.example."), .addresses = {v4(3)}},
      {.port = 5060, .target = name_of("n4.node.example."), .addresses = {v4(4)}}});
}

zone::zone_input lookup_zone(std::shared_ptr<const zone::synthesis> below, bool known = true) {
  zone::zone_input out{.apex = name_of("lookup.example."),
                       .id = 7,
                       .soa = {.mname = name_of("ns1.example."),
                               .rname = name_of("hostmaster.example."),
                               .serial = 1,
                               .minimum_s = 15},
                       .soa_ttl_s = 300};
  out.promised = {{name_of("sip_proxy.lookup.example."), true, std::move(below), true}};
  out.dynamic_known = known;
  return out;
}

std::shared_ptr<const answer_table> table_of(const zone::zone_input& input,
                                             const answer_table* previous = nullptr,
                                             const zone::contents* before = nullptr) {
  auto known = std::make_shared<secrets>();
  known->keys[input.apex] = {{.id = 1, .flags = 257, .active = true, .content = "secret"}};
  return answer_table::build({.zones = test::snapshot_of({zone::build(input, before).zone}),
                              .metadata = nullptr,
                              .secrets = known,
                              .server_id = "ns1",
                              .complete = true},
                             previous);
}

std::string ask(const answer_table& table, const request& question) {
  std::string out;
  reply made = answer(&table, question, std::chrono::seconds(1'736'000'000), connector::http, out);
  while (!made.rest.empty()) {
    made.rest.append_to(out, 1);
  }
  return out;
}

lookup_request lookup(std::string_view qname, zone::rr_type qtype = zone::rr_type::any) {
  return {.qname = name_of(qname), .qtype = qtype, .zone_id = {}};
}

/// Rows as "owner TYPE ttl auth content"; that each is kept out of PowerDNS's caches is checked.
std::vector<std::string> rows(const answer_table& table, std::string_view qname,
                              zone::rr_type qtype = zone::rr_type::any) {
  const std::string text = ask(table, lookup(qname, qtype));
  std::vector<std::string> out;
  const json::value read = json::parse(text);
  for (const json::value& row : read.at("result").as_array()) {
    EXPECT_EQ(row.at("scopeMask").to_number<int>(), 1);
    EXPECT_EQ(row.at("domain_id").to_number<int>(), 7);
    out.push_back(std::string(row.at("qname").as_string()) + " " +
                  std::string(row.at("qtype").as_string()) + " " + json::serialize(row.at("ttl")) +
                  " " + json::serialize(row.at("auth")) + " " +
                  std::string(row.at("content").as_string()));
  }
  return out;
}

const std::string alice = R"(alice\@example\.com.sip_proxy.lookup.example.)";

TEST(synthesised, a_name_has_three_hosts_and_the_addresses_of_the_first) {
  const auto below = four_hosts();
  const auto table = table_of(lookup_zone(below));
  EXPECT_THAT(rows(*table, alice),
              ElementsAre(alice + " SRV 30 1 10 0 5060 n1.node.example",
                          alice + R"( SRV 30 1 20 0 5070 n\.2.node.example)",
                          alice + " SRV 30 1 30 0 0 n3.node.example", alice + " A 30 1 192.0.2.1",
                          alice + " AAAA 30 1 2001:db8::1"));
  EXPECT_EQ(below->asked(), "alice@example.com");
}

TEST(synthesised, a_type_is_answered_alone) {
  const auto table = table_of(lookup_zone(four_hosts()));
  EXPECT_THAT(rows(*table, alice, zone::rr_type::aaaa),
              ElementsAre(alice + " AAAA 30 1 2001:db8::1"));
  EXPECT_THAT(rows(*table, alice, zone::rr_type::a), ElementsAre(alice + " A 30 1 192.0.2.1"));
  EXPECT_EQ(rows(*table, alice, zone::rr_type::srv).size(), 3);
  EXPECT_THAT(rows(*table, alice, zone::rr_type::txt), IsEmpty());
}

TEST(synthesised, octets_of_any_kind_come_back_as_they_were_asked_in_lower_case) {
  const auto below = four_hosts();
  const auto table = table_of(lookup_zone(below));
  const std::string odd = R"(\"j\\\000\195\137.sip_proxy.lookup.example.)";
  EXPECT_EQ(rows(*table, R"(\"J\\\000\195\137.SIP_Proxy.lookup.example.)").front(),
            odd + " SRV 30 1 10 0 5060 n1.node.example");
  EXPECT_EQ(below->asked(), std::string("\"j\\\0\xc3\x89", 6));
  EXPECT_THAT(rows(*table, "*.sip_proxy.lookup.example."), testing::SizeIs(5));
}

TEST(synthesised, a_name_without_hosts_exists) {
  const auto table = table_of(lookup_zone(four_hosts()));
  EXPECT_THAT(rows(*table, "nobody.sip_proxy.lookup.example."),
              ElementsAre("nobody.sip_proxy.lookup.example.  0 0 "));
  EXPECT_THAT(rows(*table, "nobody.sip_proxy.lookup.example.", zone::rr_type::srv), IsEmpty());
}

TEST(synthesised, nothing_else_is_there) {
  const auto table = table_of(lookup_zone(four_hosts()));
  for (const std::string name : {"a.b.sip_proxy.lookup.example.", "*.b.sip_proxy.lookup.example.",
                                 "x.xcap_server.lookup.example.", "x.lookup.example."}) {
    EXPECT_EQ(ask(*table, lookup(name)), R"({"result":[]})") << name;
  }
  lookup_request for_api = lookup(alice);
  for_api.for_api = true;
  EXPECT_EQ(ask(*table, for_api), R"({"result":[]})");
  EXPECT_THAT(ask(*table, list_request{.zone = name_of("lookup.example.")}),
              testing::Not(HasSubstr("alice")));
}

TEST(synthesised, is_not_answered_while_the_members_are_unknown) {
  const auto table = table_of(lookup_zone(nullptr, false));
  EXPECT_THAT(ask(*table, lookup(alice)), HasSubstr("the members are not known"));
}

TEST(synthesised, changes_with_the_table) {
  const auto first = zone::build(lookup_zone(four_hosts()), nullptr).zone;
  const auto before = table_of(lookup_zone(four_hosts()));
  const auto after =
      table_of(lookup_zone(std::make_shared<const same_hosts>(std::vector<zone::synthesis::host>{
                   {.port = 1, .target = name_of("other.example."), .addresses = {v4(9)}}})),
               before.get(), first.get());
  EXPECT_EQ(rows(*after, alice).front(), alice + " SRV 30 1 10 0 1 other.example");
  EXPECT_EQ(rows(*before, alice).front(), alice + " SRV 30 1 10 0 5060 n1.node.example");
}

TEST(synthesised, makes_no_order_of_denial) {
  const auto table = table_of(lookup_zone(four_hosts()));
  EXPECT_THAT(ask(*table, neighbours_request{7, name_of("sip_proxy.")}),
              HasSubstr("has no order of its names"));
}

TEST(synthesised, the_same_hosts_are_the_same_zone) {
  const auto first = zone::build(lookup_zone(four_hosts()), nullptr).zone;
  const auto again = zone::build(lookup_zone(four_hosts()), first.get()).zone;
  EXPECT_EQ(first->nodes, again->nodes);
  EXPECT_TRUE(again->is_synthesised);
  EXPECT_EQ(lookup_zone(four_hosts()), lookup_zone(four_hosts()));
  EXPECT_NE(lookup_zone(four_hosts()), lookup_zone(nullptr));
}

} // namespace
} // namespace thor::backend
