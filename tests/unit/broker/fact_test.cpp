// Facts, heartbeat, admission, and the machine's own pauses.
#include "tests/unit/broker/driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using wire::fact_state;
using wire::topic;

TEST(facts, a_member_is_late_when_no_renewal_came_for_a_second_and_a_half) {
  driver d;
  const auto watcher = d.listen({topic::presence});
  d.join("n1");
  d.advance(late_after - 1us);
  EXPECT_THAT(d.states(watcher), IsEmpty());
  d.advance(1us);
  EXPECT_THAT(d.got<wire::fact>(watcher),
              ElementsAre(wire::fact{id("n1"), {5, 1}, fact_state::late, 1500}));
  d.advance(10s);
  EXPECT_THAT(d.states(watcher), SizeIs(1));
}

TEST(facts, renewals_are_absorbed) {
  driver d;
  const auto watcher = d.listen({topic::presence});
  const auto n1 = d.join("n1");
  for (int i = 0; i < 60; ++i) {
    d.advance(1s);
    d.say(n1, wire::renew{{5, 1}});
  }
  EXPECT_THAT(d.got<wire::event>(watcher), SizeIs(1));
  EXPECT_THAT(d.states(watcher), IsEmpty());
}

TEST(facts, a_late_member_that_renews_is_connected_again) {
  driver d;
  const auto watcher = d.listen({topic::presence});
  const auto n1 = d.join("n1");
  d.advance(2s);
  d.say(n1, wire::renew{{5, 1}});
  EXPECT_THAT(d.got<wire::fact>(watcher),
              ElementsAre(wire::fact{id("n1"), {5, 1}, fact_state::late, 1500},
                          wire::fact{id("n1"), {5, 1}, fact_state::connected, 0}));
}

TEST(facts, a_closed_connection_is_told_at_once) {
  driver d;
  const auto watcher = d.listen({topic::presence});
  const auto n1 = d.join("n1");
  d.advance(300ms);
  d.hang_up(n1);
  EXPECT_THAT(d.got<wire::fact>(watcher),
              ElementsAre(wire::fact{id("n1"), {5, 1}, fact_state::closed, 0}));
  d.advance(30s);
  EXPECT_THAT(d.states(watcher), SizeIs(1)) << "a closed member is not late, too";
}

TEST(facts, a_late_member_whose_connection_ends_is_closed) {
  driver d;
  const auto watcher = d.listen({topic::presence});
  const auto n1 = d.join("n1");
  d.advance(2s);
  d.hang_up(n1);
  EXPECT_THAT(d.states(watcher), ElementsAre(fact_state::late, fact_state::closed));
}

TEST(facts, a_member_that_came_back_is_told_by_its_presence) {
  driver d;
  const auto watcher = d.listen({topic::presence});
  const auto n1 = d.join("n1");
  d.hang_up(n1);
  d.join("n1"); // same incarnation and version
  const auto events = d.got<wire::event>(watcher);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[1].about->state, fact_state::connected);
}

TEST(facts, do_not_follow_a_leave) {
  driver d;
  const auto watcher = d.listen({topic::presence});
  const auto n1 = d.join("n1");
  d.leave(n1, {id("n1"), {5, 2}, 10'000});
  d.advance(2s);
  d.hang_up(n1);
  EXPECT_THAT(d.states(watcher), IsEmpty());
}

TEST(facts, go_to_subscribers_of_presence_only) {
  driver d;
  const auto other = d.listen({topic::leave, topic::members, topic::statistics});
  d.hang_up(d.join("n1"));
  EXPECT_THAT(d.states(other), IsEmpty());
}

TEST(heartbeat, comes_every_second_to_everybody_that_was_welcome) {
  driver d;
  const auto greeted = d.greet(peer("n1"), 0);
  const auto silent = d.open(peer("n2"));
  d.advance(3s);
  const auto beats = d.got<wire::heartbeat>(greeted);
  ASSERT_THAT(beats, SizeIs(3));
  EXPECT_EQ(beats[0].beat, 1U);
  EXPECT_EQ(beats[2].beat, 3U);
  EXPECT_EQ(beats[2].age_ms, 3000U);
  EXPECT_THAT(d.got<wire::heartbeat>(silent), IsEmpty());
}

TEST(heartbeat, has_the_digest_of_the_connected_members) {
  driver d;
  const auto watcher = d.listen({topic::members});
  const auto n1 = d.join("n1");
  d.join("n2"); // falls silent, but stays connected
  const auto n3 = d.join("n3");
  const auto n4 = d.join("n4");
  d.greet(peer("n5"), 5); // no presence yet
  d.hang_up(n3);
  d.leave(n4, {id("n4"), {5, 2}, 0});
  d.announce(n1, presence("n1", {5, 2}));
  d.advance(1s);
  const auto beat = d.got<wire::heartbeat>(watcher).back();
  EXPECT_EQ(beat.members, 2U);
  EXPECT_EQ(beat.digest, model::digest_of(id("n1"), {5, 2}) ^ model::digest_of(id("n2"), {5, 1}));
}

TEST(heartbeat, of_an_empty_server_has_digest_zero) {
  driver d;
  const auto watcher = d.listen({topic::members});
  d.advance(1s);
  EXPECT_EQ(d.got<wire::heartbeat>(watcher).back().digest, 0U);
}

TEST(admitting, lasts_for_the_first_lease) {
  driver d;
  const auto watcher = d.listen({topic::members});
  EXPECT_TRUE(d.got<wire::welcome>(watcher)[0].admitting);
  d.advance(4s);
  std::vector<bool> seen;
  for (const auto& beat : d.got<wire::heartbeat>(watcher))
    seen.push_back(beat.admitting);
  EXPECT_THAT(seen, ElementsAre(true, true, false, false));
}

TEST(admitting, lasts_while_connections_queue) {
  driver d;
  d.advance(10s);
  const auto watcher = d.listen({topic::members});
  d.perform(admission_changed{true});
  d.advance(1s);
  EXPECT_TRUE(d.got<wire::heartbeat>(watcher).back().admitting);
  d.perform(admission_changed{false});
  d.advance(1s);
  EXPECT_FALSE(d.got<wire::heartbeat>(watcher).back().admitting);
}

/// The process sleeps: no deadline runs.
void pause(driver& d, model::duration how_long) {
  d.now += how_long;
}

TEST(pause, makes_nobody_late) {
  driver d;
  d.advance(10s);
  const auto watcher = d.listen({topic::presence});
  const auto n1 = d.join("n1");
  d.advance(1s);
  pause(d, 20s);
  d.advance(0s);
  EXPECT_THAT(d.states(watcher), IsEmpty());
  d.say(n1, wire::renew{{5, 1}});
  d.advance(1400ms);
  EXPECT_THAT(d.states(watcher), IsEmpty());
  d.advance(100ms);
  EXPECT_THAT(d.states(watcher), ElementsAre(fact_state::late));
}

TEST(pause, is_noticed_by_a_frame_that_comes_before_the_deadline_runs) {
  driver d;
  d.advance(10s);
  const auto watcher = d.listen({topic::presence});
  d.join("n1");
  const auto n2 = d.join("n2");
  pause(d, 20s);
  d.say(n2, wire::renew{{5, 1}});
  d.advance(0s);
  EXPECT_THAT(d.states(watcher), IsEmpty());
}

TEST(pause, makes_the_server_admitting_until_members_that_gave_it_up_are_back) {
  driver d;
  d.advance(10s);
  const auto watcher = d.listen({topic::presence});
  pause(d, 20s);
  d.advance(0s);
  EXPECT_TRUE(d.got<wire::heartbeat>(watcher).back().admitting);
  EXPECT_TRUE(d.noted(level::warn, "paused"));
  d.advance(return_time - heartbeat_interval);
  EXPECT_TRUE(d.got<wire::heartbeat>(watcher).back().admitting);
  d.advance(2 * heartbeat_interval);
  EXPECT_FALSE(d.got<wire::heartbeat>(watcher).back().admitting);
}

TEST(pause, does_not_hide_real_silence) {
  driver d;
  d.advance(10s);
  const auto watcher = d.listen({topic::presence});
  d.join("n1");
  d.advance(1s);
  pause(d, 20s);
  d.advance(late_after);
  EXPECT_THAT(d.states(watcher), ElementsAre(fact_state::late));
}

TEST(rate_limit, passes_the_burst_then_the_average) {
  rate_limit limit({.per_second = 10, .burst = 3});
  const model::time_point start{1s};
  int passed = 0;
  for (int i = 0; i < 10; ++i)
    passed += limit.pass(start) ? 1 : 0;
  EXPECT_EQ(passed, 3);
  EXPECT_FALSE(limit.pass(start + 99ms));
  EXPECT_TRUE(limit.pass(start + 100ms));
  EXPECT_FALSE(limit.pass(start + 100ms));
}

} // namespace
} // namespace thor::broker
