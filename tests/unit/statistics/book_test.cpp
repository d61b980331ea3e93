#include "coordinator/statistics/book.hpp"

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

namespace thor::statistics {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Key;

model::node_id id(std::string_view text) {
  return model::node_id::parse(text).value();
}

constexpr model::unix_time start{1'700'000'000s};

wire::statistics said(std::string_view name, std::string figures, std::uint64_t sequence = 0,
                      std::map<std::string, model::unix_time> taken = {}) {
  return {id(name), std::move(figures), {sequence == 0 ? 0U : 1U, sequence}, std::move(taken)};
}

model::member_map members(const std::vector<std::pair<std::string, std::string>>& address_by_id) {
  model::member_map out;
  for (const auto& [name, address] : address_by_id)
    out.emplace(id(name), model::member{{.id = id(name),
                                         .at = {1, 1},
                                         .addresses = {model::ip_address::parse(address).value()},
                                         .roles = {{"sip_proxy", {}}},
                                         .site = {},
                                         .software = {},
                                         .attributes = {}},
                                        {}});
  return out;
}

std::string shown(const book& of, std::string_view name, model::unix_time now = start) {
  return json::serialize(member_statistics(of, id(name), now));
}

TEST(Book, KeepsTheLastFiguresOfEachMember) {
  book b;
  EXPECT_EQ(b.hear(said("n1", R"({"load":{"a":1}})", 1), start), book::verdict::kept);
  EXPECT_EQ(b.hear(said("n1", R"({"load":{"a":2}})", 2), start), book::verdict::kept);
  EXPECT_EQ(b.hear(said("n2", R"({"load":{"a":3}})", 1), start), book::verdict::kept);
  EXPECT_EQ(b.members(), 2U);
  EXPECT_EQ(shown(b, "n1"), R"({"load":{"age_s":0,"figures":{"a":2}}})");
  EXPECT_EQ(shown(b, "n3"), "{}");
}

TEST(Book, IsNotTakenBackByWhatAnotherEventServerStillHas) {
  book b;
  b.hear(said("n1", R"({"load":{"a":2}})", 2), start);
  EXPECT_EQ(b.hear(said("n1", R"({"load":{"a":1}})", 1), start), book::verdict::known);
  EXPECT_EQ(b.hear(said("n1", R"({"load":{"a":9}})", 2), start), book::verdict::known);
  EXPECT_EQ(shown(b, "n1"), R"({"load":{"age_s":0,"figures":{"a":2}}})");
}

TEST(Book, TakesWhatSaysNoVersionAsItComes) {
  book b;
  b.hear(said("n1", R"({"load":{"a":2}})", 2), start);
  EXPECT_EQ(b.hear(said("n1", R"({"load":{"a":1}})"), start), book::verdict::kept);
  EXPECT_EQ(b.hear(said("n1", R"({"load":{"a":0}})"), start), book::verdict::kept);
  EXPECT_EQ(shown(b, "n1"), R"({"load":{"age_s":0,"figures":{"a":0}}})");
}

TEST(Book, ForgetsAMemberThatIsGone) {
  book b;
  b.hear(said("n1", R"({"load":{"a":1}})"), start);
  b.forget(id("n1"));
  b.forget(id("n1"));
  EXPECT_EQ(b.members(), 0U);
  EXPECT_EQ(b.octets(), 0U);
}

TEST(Book, DropsWhatIsOld) {
  book b;
  b.hear(said("n1", R"({"a":{"x":1},"b":{"x":1}})", 1, {{"a", start - 500s}, {"b", start}}), start);
  EXPECT_THAT(b.of(id("n1"), start + 100s), ElementsAre(Key("a"), Key("b")));
  EXPECT_THAT(b.of(id("n1"), start + 101s), ElementsAre(Key("b"))) << "each by itself";
  EXPECT_EQ(b.expire(start + kept_max), 0U);
  EXPECT_EQ(b.expire(start + kept_max + 1s), 1U);
  EXPECT_EQ(b.members(), 0U);
}

TEST(Book, CountsFromWhenItHeardWhatSaysNoTime) {
  book b;
  b.hear(said("n1", R"({"a":{"x":1}})"), start);
  EXPECT_EQ(b.of(id("n1"), start + 10s).at("a").age, 10s);
  EXPECT_EQ(b.expire(start + kept_max), 0U);
  EXPECT_EQ(b.expire(start + kept_max + 1s), 1U);
}

TEST(Book, DoesNotBelieveAClockThatIsAhead) {
  book b;
  b.hear(said("n1", R"({"a":{"x":1}})", 1, {{"a", start + 24h}}), start);
  EXPECT_EQ(b.of(id("n1"), start + 10s).at("a").age, 10s);
  EXPECT_EQ(b.expire(start + kept_max + 1s), 1U);
  book back;
  back.hear(said("n1", R"({"a":{"x":1}})"), start);
  EXPECT_EQ(back.of(id("n1"), start - 10s).at("a").age, 0s) << "our clock went back";
}

TEST(Book, IsBoundedInOctets) {
  book b;
  const auto text = R"({"a":{"x":")" + std::string(16'000, 'x') + R"("}})";
  std::size_t kept = 0;
  for (; b.hear(said("n" + std::to_string(kept), text), start) == book::verdict::kept; ++kept) {
    ASSERT_LE(kept, octets_max / text.size());
  }
  EXPECT_EQ(kept, octets_max / text.size());
  EXPECT_LE(b.octets(), octets_max);
  EXPECT_EQ(b.hear(said("n0", R"({"a":{}})"), start), book::verdict::kept) << "a member it has";
  EXPECT_EQ(b.hear(said("new", R"({"a":{}})"), start), book::verdict::kept) << "there is room now";
}

TEST(Book, IsBoundedInMembers) {
  book b;
  for (std::size_t i = 0; i < members_max; ++i)
    ASSERT_EQ(b.hear(said("n" + std::to_string(i), "{}"), start), book::verdict::kept);
  EXPECT_EQ(b.hear(said("one-more", "{}"), start), book::verdict::full);
  b.forget(id("n0"));
  EXPECT_EQ(b.hear(said("one-more", "{}"), start), book::verdict::kept);
}

TEST(Network, IsShownAsSipThorShowedIt) {
  book b;
  b.hear(said("n1", R"({"sip_proxy":{"online_accounts":{"a.example":3,"b.example":4},"calls":1},)"
                    R"("load":{"average_1m":0.5},"media_relay":{"sessions":5}})"),
         start);
  b.hear(said("n2", R"({"sip_proxy":{"online_accounts":{"a.example":10}}})"), start);
  b.hear(said("n3", R"({"sip_proxy":{"version":"only text"}})"), start);
  b.hear(said("stranger", R"({"sip_proxy":{"online_accounts":{"a.example":1000}}})"), start);
  const auto all =
      members({{"n1", "192.0.2.1"}, {"n2", "192.0.2.2"}, {"n3", "192.0.2.3"}, {"n4", "192.0.2.4"}});
  EXPECT_EQ(json::serialize(network_statistics(b, all, start)),
            R"({"192.0.2.1":{"load":{"average_1m":5E-1},"media_relay":{"sessions":5},)"
            R"("sip_proxy":{"calls":1,"online_accounts":{"a.example":3,"b.example":4}}},)"
            R"("192.0.2.2":{"sip_proxy":{"online_accounts":{"a.example":10}}},)"
            R"("summary":{"sip_proxy":{"calls":1,"online_accounts":17}}})")
      << "summed for roles that a member offers, and for members";
}

TEST(Network, AddsUpMembersAtOneAddress) {
  book b;
  b.hear(said("n1", R"({"sip_proxy":{"calls":1,"online":{"a":1}}})"), start);
  b.hear(said("n2", R"({"sip_proxy":{"calls":2,"online":{"b":1}}})"), start);
  EXPECT_EQ(json::serialize(
                network_statistics(b, members({{"n1", "192.0.2.1"}, {"n2", "192.0.2.1"}}), start)),
            R"({"192.0.2.1":{"sip_proxy":{"calls":3,"online":{"a":1,"b":1}}},)"
            R"("summary":{"sip_proxy":{"calls":3,"online":2}}})");
}

TEST(Network, WithoutFiguresHasAnEmptySummary) {
  EXPECT_EQ(json::serialize(network_statistics({}, members({{"n1", "192.0.2.1"}}), start)),
            R"({"summary":{}})");
}

} // namespace
} // namespace thor::statistics
