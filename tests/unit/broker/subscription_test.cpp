// What is retained, in which order it comes, and for how long.
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

TEST(subscription, starts_with_the_retained_events_then_synced_then_the_live_stream) {
  driver d;
  const auto n1 = d.join("n1", 5, "192.0.2.1");
  d.join("n2", 5, "192.0.2.2");
  d.advance(400ms);
  const auto watcher = d.listen({topic::presence});
  d.announce(n1, presence("n1", {5, 2}));
  const auto& stream = d.sent.at(watcher);
  ASSERT_THAT(stream, SizeIs(5));
  EXPECT_TRUE(std::holds_alternative<wire::welcome>(stream[0]));
  EXPECT_EQ(std::get<wire::event>(stream[1]).about,
            (wire::fact{id("n1"), {5, 1}, fact_state::connected, 400}));
  EXPECT_EQ(std::get<wire::event>(stream[2]).about,
            (wire::fact{id("n2"), {5, 1}, fact_state::connected, 400}));
  EXPECT_EQ(std::get<wire::synced>(stream[3]), (wire::synced{topic::presence, 2}));
  EXPECT_EQ(std::get<wire::event>(stream[4]).about,
            (wire::fact{id("n1"), {5, 2}, fact_state::connected, 0}));
}

TEST(subscription, answers_topics_in_the_order_asked) {
  driver d;
  const auto watcher = d.listen({topic::statistics, topic::members, topic::leave});
  EXPECT_THAT(d.got<wire::synced>(watcher),
              ElementsAre(wire::synced{topic::statistics, 0}, wire::synced{topic::members, 0},
                          wire::synced{topic::leave, 0}));
}

TEST(subscription, to_a_topic_again_is_refused_and_brings_nothing_twice) {
  driver d;
  const auto n1 = d.join("n1");
  const auto watcher = d.listen({topic::presence});
  d.say(watcher, wire::subscribe{{topic::leave, topic::presence}});
  EXPECT_THAT(d.refusals(watcher), ElementsAre("already_subscribed"));
  EXPECT_THAT(d.got<wire::synced>(watcher), SizeIs(1));
  d.announce(n1, presence("n1", {5, 2}));
  EXPECT_THAT(d.got<wire::event>(watcher), SizeIs(2));
}

TEST(subscription, retained_part_does_not_count_as_slowness) {
  driver d;
  d.join("n1");
  const auto watcher = d.greet(peer("watcher"), 0);
  effects out;
  d.machine.on_event(
      d.now,
      frame_received{
          watcher, wire::encode(wire::client_message(wire::subscribe{{topic::presence}})), d.wall},
      out);
  int retained = 0;
  for (const auto& e : out)
    if (const auto* s = std::get_if<send>(&e))
      retained += s->retained ? 1 : 0;
  EXPECT_EQ(retained, 2); // the event and synced
}

TEST(subscription, ends_with_its_session) {
  driver d;
  const auto watcher = d.listen({topic::presence});
  d.hang_up(watcher);
  const auto before = d.sent[watcher].size();
  d.join("n1");
  EXPECT_EQ(d.sent[watcher].size(), before);
  EXPECT_EQ(d.machine.subscribers(topic::presence), 0U);
}

TEST(retention, of_a_presence_ends_a_minute_after_its_connection) {
  driver d;
  d.hang_up(d.join("n1"));
  d.advance(59s);
  const auto early = d.listen({topic::presence});
  ASSERT_THAT(d.got<wire::event>(early), SizeIs(1));
  EXPECT_EQ(d.got<wire::event>(early)[0].about,
            (wire::fact{id("n1"), {5, 1}, fact_state::closed, 59'000}));
  d.advance(1s);
  EXPECT_THAT(d.got<wire::event>(d.listen({topic::presence})), IsEmpty());
}

TEST(retention, of_a_presence_lasts_as_long_as_its_connection) {
  driver d;
  const auto n1 = d.join("n1");
  for (int i = 0; i < 300; ++i) {
    d.advance(1s);
    d.say(n1, wire::renew{{5, 1}});
  }
  EXPECT_THAT(d.got<wire::event>(d.listen({topic::presence})), SizeIs(1));
}

TEST(retention, of_a_leave_replaces_the_presence) {
  driver d;
  const auto n1 = d.join("n1");
  d.leave(n1, {id("n1"), {5, 2}, 0});
  d.hang_up(n1);
  const auto watcher = d.listen({topic::presence, topic::leave});
  ASSERT_THAT(d.got<wire::event>(watcher), SizeIs(1));
  EXPECT_EQ(d.got<wire::event>(watcher)[0].what.about, topic::leave);
  d.advance(ended_kept);
  EXPECT_THAT(d.machine.members().all(), IsEmpty());
}

TEST(retention, of_a_leave_with_hold_outlasts_the_hold) {
  driver d;
  const auto n1 = d.join("n1");
  d.leave(n1, {id("n1"), {5, 2}, 10'000});
  d.hang_up(n1);
  d.advance(ended_kept + 9s);
  EXPECT_THAT(d.got<wire::event>(d.listen({topic::leave})), SizeIs(1));
  d.advance(1s);
  EXPECT_THAT(d.machine.members().all(), IsEmpty());
}

TEST(retention, of_a_leave_ends_with_the_next_presence) {
  driver d;
  const auto n1 = d.join("n1", 5);
  d.leave(n1, {id("n1"), {5, 2}, 10'000});
  d.hang_up(n1);
  d.join("n1", 6);
  const auto watcher = d.listen({topic::presence, topic::leave});
  ASSERT_THAT(d.got<wire::event>(watcher), SizeIs(1));
  EXPECT_EQ(d.got<wire::event>(watcher)[0].what.about, topic::presence);
}

TEST(retention, of_a_leave_blocks_the_presence_before_it) {
  driver d;
  const auto n1 = d.join("n1");
  d.leave(n1, {id("n1"), {5, 2}, 0});
  d.announce(n1, presence("n1", {5, 1}));
  EXPECT_THAT(d.refusals(n1), ElementsAre("stale_version"));
  d.announce(n1, presence("n1", {5, 2}));
  EXPECT_THAT(d.refusals(n1), ElementsAre("stale_version", "stale_version"));
  d.announce(n1, presence("n1", {5, 3}));
  EXPECT_EQ(d.machine.members().live().members, 1U);
}

TEST(retention, of_statistics_is_the_latest_of_each_member) {
  driver d;
  const auto n1 = d.join("n1");
  d.publish(n1, "n1", topic::statistics, R"({"id":"n1","statistics":{"calls":1}})");
  d.publish(n1, "n1", topic::statistics, R"({"id":"n1","statistics":{"calls":2}})");
  const auto watcher = d.listen({topic::statistics});
  ASSERT_THAT(d.got<wire::event>(watcher), SizeIs(1));
  EXPECT_EQ(d.got<wire::event>(watcher)[0].what.body, R"({"id":"n1","statistics":{"calls":2}})");
  d.leave(n1, {id("n1"), {5, 2}, 0});
  EXPECT_THAT(d.got<wire::event>(d.listen({topic::statistics})), IsEmpty());
}

} // namespace
} // namespace thor::broker
