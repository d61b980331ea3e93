#include "coordinator/model/status.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr unix_time now{std::chrono::seconds{1'750'000'000}};
const epoch first{1'750'000'000, "m1"};

node_id id(std::string_view text) {
  return *node_id::parse(text);
}

member make(std::string_view name, std::uint64_t sequence = 1) {
  return {{.id = id(name),
           .at = {100, sequence},
           .addresses = {*ip_address::parse("192.0.2.1")},
           .roles = {},
           .site = "",
           .software = "",
           .attributes = {}},
          now};
}

member_map members(std::initializer_list<member> list) {
  member_map out;
  for (const auto& m : list)
    out.emplace(m.what.id, m);
  return out;
}

status_full full(std::uint64_t sequence, member_map all, epoch at = first) {
  return {{std::move(at), sequence}, 7, std::move(all)};
}

status_delta delta(std::uint64_t sequence, std::vector<member> upserts,
                   std::vector<removal> removals = {}, epoch at = first) {
  return {{std::move(at), sequence}, 8, std::move(upserts), std::move(removals)};
}

status_beat beat(std::uint64_t sequence, const member_map& all, std::uint32_t serial,
                 epoch at = first) {
  return {{std::move(at), sequence}, serial, digest(all)};
}

// A view with n1 and n2 at sequence 5.
struct reducer : testing::Test {
  view v;
  void SetUp() override {
    ASSERT_EQ(reduce(v, full(5, members({make("n1"), make("n2")})), now).what, verdict::applied);
  }
  verdict take(const status_event& e) { return reduce(v, e, now).what; }
};

TEST(digest, has_a_test_vector) {
  // XXH64, seed 0, of "n1 100 1" and "n2 100 1", computed by another implementation.
  EXPECT_EQ(digest_of(id("n1"), {100, 1}), 0x98de9b40ac6ddc57U);
  EXPECT_EQ(digest_of(id("n2"), {100, 1}), 0x41bc4a447941866eU);
  EXPECT_EQ(digest({}), 0U);
  EXPECT_EQ(digest(members({make("n1")})), digest_of(id("n1"), {100, 1}));
  EXPECT_EQ(digest(members({make("n1"), make("n2")})),
            digest_of(id("n2"), {100, 1}) ^ digest_of(id("n1"), {100, 1}));
}

TEST(reduce, knows_nothing_before_the_first_full_status) {
  view v;
  EXPECT_EQ(reduce(v, delta(1, {make("n1")}), now).what, verdict::gap);
  EXPECT_EQ(reduce(v, beat(0, {}, 0, epoch{}), now).what, verdict::gap);
  EXPECT_FALSE(v.known);
  const auto r = reduce(v, full(5, members({make("n2"), make("n1")})), now);
  EXPECT_EQ(r.what, verdict::applied);
  EXPECT_THAT(r.changed, ElementsAre(id("n1"), id("n2")));
  EXPECT_TRUE(v.known);
  EXPECT_EQ(v.where, (position{first, 5}));
  EXPECT_EQ(v.serial, 7U);
}

TEST(reduce, accepts_an_empty_network_as_known) {
  view v;
  EXPECT_EQ(reduce(v, full(0, {}), now).what, verdict::applied);
  EXPECT_TRUE(v.known);
}

TEST_F(reducer, follows_a_delta) {
  const auto r =
      reduce(v, delta(6, {make("n3"), make("n1", 2)}, {{id("n2"), withdrawal::left}}), now);
  EXPECT_EQ(r.what, verdict::applied);
  EXPECT_THAT(r.changed, ElementsAre(id("n1"), id("n2"), id("n3")));
  EXPECT_EQ(v.members, members({make("n1", 2), make("n3")}));
  EXPECT_EQ(v.serial, 8U);
  EXPECT_EQ(v.where.sequence, 6U);
}

TEST_F(reducer, reports_only_what_differs) {
  const auto r = reduce(v, delta(6, {make("n1")}, {{id("n9"), withdrawal::left}}), now);
  EXPECT_EQ(r.what, verdict::applied);
  EXPECT_THAT(r.changed, IsEmpty());
  const auto f = reduce(v, full(9, members({make("n1", 2), make("n3")})), now);
  EXPECT_THAT(f.changed, ElementsAre(id("n1"), id("n2"), id("n3")));
}

TEST_F(reducer, removes_before_it_adds) {
  const auto r = reduce(v, delta(6, {make("n2", 3)}, {{id("n2"), withdrawal::silent}}), now);
  EXPECT_THAT(r.changed, ElementsAre(id("n2")));
  EXPECT_EQ(v.members.at(id("n2")), make("n2", 3));
}

TEST_F(reducer, takes_the_same_delta_from_several_event_servers_once) {
  EXPECT_EQ(take(delta(6, {make("n3")})), verdict::applied);
  const auto before = v.members;
  EXPECT_EQ(take(delta(6, {make("n3")})), verdict::current);
  EXPECT_EQ(take(delta(7, {}, {{id("n3"), withdrawal::left}})), verdict::applied);
  EXPECT_EQ(take(delta(6, {make("n3")})), verdict::stale) << "late copy from a slower server";
  EXPECT_FALSE(v.members.contains(id("n3")));
}

TEST_F(reducer, sees_a_gap_and_keeps_the_last_good_view) {
  const auto before = v.members;
  EXPECT_EQ(take(delta(7, {make("n3")})), verdict::gap);
  EXPECT_EQ(take(beat(6, before, 8)), verdict::gap);
  EXPECT_EQ(v.members, before);
  EXPECT_EQ(v.where.sequence, 5U);
  EXPECT_EQ(take(full(7, members({make("n3")}))), verdict::applied) << "a full status heals it";
}

TEST_F(reducer, agrees_with_a_beat_or_finds_the_difference) {
  EXPECT_EQ(take(beat(5, v.members, 7)), verdict::current);
  EXPECT_EQ(take(beat(5, members({make("n1")}), 7)), verdict::gap) << "other members";
  EXPECT_EQ(take(beat(5, v.members, 9)), verdict::gap) << "other serial";
  EXPECT_EQ(take(beat(4, v.members, 7)), verdict::stale);
}

TEST_F(reducer, is_healed_by_a_full_status_of_its_own_position) {
  ASSERT_EQ(take(beat(5, members({make("n1")}), 7)), verdict::gap);
  EXPECT_EQ(take(full(5, members({make("n1")}))), verdict::applied);
  EXPECT_EQ(v.members, members({make("n1")}));
  EXPECT_EQ(take(full(5, members({make("n1")}))), verdict::current);
  EXPECT_EQ(take(full(4, {})), verdict::stale);
}

TEST_F(reducer, refuses_lower_epochs_whatever_their_sequence) {
  for (const epoch& low : {epoch{first.counter - 1, "m1"}, epoch{first.counter, "m0"}}) {
    EXPECT_EQ(take(full(99, {}, low)), verdict::stale);
    EXPECT_EQ(take(delta(6, {}, {}, low)), verdict::stale);
    EXPECT_EQ(take(beat(5, v.members, 7, low)), verdict::stale);
  }
  EXPECT_EQ(v.where, (position{first, 5}));
}

TEST_F(reducer, enters_a_higher_epoch_only_by_a_full_status) {
  const epoch next{first.counter + 1, "m0"};
  EXPECT_EQ(take(delta(6, {make("n3")}, {}, next)), verdict::gap);
  EXPECT_EQ(take(beat(5, v.members, 7, next)), verdict::gap);
  EXPECT_EQ(take(full(0, members({make("n1")}), next)), verdict::applied);
  EXPECT_EQ(v.where, (position{next, 0}));
  EXPECT_EQ(take(delta(6, {make("n9")})), verdict::stale) << "the manager before cannot come back";
}

TEST_F(reducer, refuses_an_epoch_far_ahead_of_the_local_clock) {
  const auto limit = static_cast<std::uint64_t>((now + epoch_lead_max).time_since_epoch().count());
  EXPECT_EQ(take(full(0, {}, {limit + 1, "m1"})), verdict::far_future);
  EXPECT_EQ(take(delta(6, {}, {}, {limit + 1, "m1"})), verdict::far_future);
  EXPECT_EQ(take(beat(0, {}, 0, {UINT64_MAX, "m1"})), verdict::far_future);
  EXPECT_EQ(v.members.size(), 2U);
  EXPECT_EQ(take(full(0, {}, {limit, "m1"})), verdict::applied);
}

TEST_F(reducer, keeps_following_its_epoch_when_the_local_clock_steps_back) {
  const auto past = now - std::chrono::hours{24};
  EXPECT_EQ(reduce(v, delta(6, {make("n3")}), past).what, verdict::applied);
}

TEST(reduce, keeps_to_a_position_remembered_from_an_earlier_run) {
  view v;
  v.where = {first, 5};
  EXPECT_EQ(reduce(v, full(4, {}), now).what, verdict::stale);
  EXPECT_EQ(reduce(v, full(9, {}, {first.counter - 1, "m1"}), now).what, verdict::stale);
  EXPECT_EQ(reduce(v, full(5, members({make("n1")})), now).what, verdict::applied);
}

TEST(words, are_stable) {
  EXPECT_EQ(to_string(withdrawal::left), "left");
  EXPECT_EQ(to_string(withdrawal::expired), "expired");
  EXPECT_EQ(to_string(verdict::far_future), "far_future");
  EXPECT_EQ(to_string(role_state::draining), "draining");
  EXPECT_EQ(to_string(errc::bad_address), "bad_address");
}

} // namespace
} // namespace thor::model
