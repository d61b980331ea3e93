// Stories of members, clones, managers and restarts, as an event server lives through them.
#include "tests/unit/broker/driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::broker {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using wire::close_code;
using wire::fact_state;
using wire::topic;

/// A member process that follows the specification: renews, comes back, and stops for good after
/// close code 4000.
struct process {
  driver* at;
  std::string name;
  std::uint64_t incarnation;
  std::string address;
  session_id session = 0;
  bool over = false;
  int connections = 0;

  void run() {
    if (over)
      return;
    if (const auto end = at->closed.find(session); end != at->closed.end()) {
      over = end->second.code == close_code::replaced;
      session = 0;
    }
    if (!over && session == 0) {
      session = at->greet(peer(name), incarnation, address);
      ++connections;
      if (!at->closed.contains(session))
        at->announce(session, presence(name, {incarnation, 1}, address));
    } else if (!over) {
      at->say(session, wire::renew{{incarnation, 1}});
    }
  }
};

TEST(clones, do_not_play_ping_pong) {
  driver d;
  process original{&d, "n1", 1000, "192.0.2.1"};
  process clone{&d, "n1", 2000, "192.0.2.2"};
  original.run();
  d.advance(1s);
  for (int second = 0; second < 60; ++second) {
    clone.run();
    original.run();
    d.advance(1s);
  }
  EXPECT_TRUE(original.over);
  EXPECT_FALSE(clone.over);
  EXPECT_EQ(original.connections + clone.connections, 2);
  EXPECT_EQ(d.counted(counter::alarms, "duplicate_id"), 1U);
  EXPECT_EQ(d.machine.members().live().members, 1U);
}

TEST(clones, with_the_same_incarnation_leave_one_standing) {
  // A virtual machine copied while it runs: both have the same process in memory.
  driver d;
  process original{&d, "n1", 1000, "192.0.2.1"};
  process copy{&d, "n1", 1000, "192.0.2.2"};
  original.run();
  d.advance(1s);
  for (int second = 0; second < 60; ++second) {
    copy.run();
    original.run();
    d.advance(1s);
  }
  EXPECT_NE(original.over, copy.over);
  EXPECT_EQ(original.connections + copy.connections, 2);
  EXPECT_EQ(d.counted(counter::alarms, "duplicate_id"), 1U);
}

TEST(restart_of_the_event_server, says_that_it_proves_nothing_until_everybody_had_time) {
  driver d; // the new process: it knows nobody
  const auto watcher = d.listen({topic::presence, topic::leave});
  d.advance(500ms);
  d.join("n1", 1000);
  d.advance(2s);
  d.join("n2", 1000); // took longer
  d.advance(lease);
  EXPECT_THAT(d.states(watcher), testing::Not(Contains(fact_state::closed)));
  bool admitting_before_n2 = true;
  for (const auto& beat : d.got<wire::heartbeat>(watcher))
    if (beat.members < 2)
      admitting_before_n2 = admitting_before_n2 && beat.admitting;
  EXPECT_TRUE(admitting_before_n2);
  EXPECT_FALSE(d.got<wire::heartbeat>(watcher).back().admitting);
}

TEST(restart_of_a_member, replaces_what_it_was) {
  driver d;
  const auto watcher = d.listen({topic::presence});
  const auto before = d.join("n1", 1000);
  d.hang_up(before);
  d.advance(100ms);
  d.join("n1", 2000);
  EXPECT_THAT(d.states(watcher), ElementsAre(fact_state::closed));
  const auto events = d.got<wire::event>(watcher);
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[1].about->at, (model::version{2000, 1}));
  EXPECT_EQ(d.counted(counter::alarms, "duplicate_id"), 0U);
}

TEST(dead_connection, is_late_then_closed_and_its_process_comes_back) {
  driver d;
  const auto watcher = d.listen({topic::presence});
  const auto dead = d.join("n1", 1000);
  d.advance(5s);
  const auto alive = d.greet(peer("n1"), 1000); // the process noticed first
  d.announce(alive, presence("n1", {1000, 1}));
  d.hang_up(dead); // the server's pings fail at last
  d.say(alive, wire::renew{{1000, 1}});
  EXPECT_THAT(d.states(watcher), ElementsAre(fact_state::late, fact_state::connected));
  EXPECT_EQ(d.got<wire::event>(watcher).back().about->state, fact_state::connected);
  EXPECT_THAT(d.refusals(alive), IsEmpty());
  EXPECT_EQ(d.machine.members().live().members, 1U);
}

TEST(renewed_certificate, replaces_the_one_that_everybody_holds) {
  driver d;
  const auto n1 = d.join("n1", 1000);
  d.certificates.emplace("n1, renewed", peer("n1"));
  d.publish(n1, "n1, renewed", topic::presence, wire::encode_body(presence("n1", {1000, 1})));
  d.certificates.erase("n1"); // expired
  const auto watcher = d.listen({topic::presence});
  ASSERT_THAT(d.got<wire::event>(watcher), SizeIs(1));
  EXPECT_EQ(d.got<wire::event>(watcher)[0].what.certificate, "n1, renewed");
}

TEST(two_managers, the_higher_epoch_stays_and_the_lower_one_is_told) {
  driver d;
  const auto watcher = d.listen({topic::members});
  const auto m1 = d.greet(peer("m1", {"thor_manager"}), 5);
  const auto m2 = d.greet(peer("m2", {"thor_manager"}), 5);
  const auto full = [](std::uint64_t counter, const char* manager, std::uint64_t sequence) {
    return model::status_full{{{counter, manager}, sequence}, 1, {}};
  };
  d.tell_status(m1, "m1", full(100, "m1", 1));
  d.tell_status(m2, "m2", full(200, "m2", 1));
  d.tell_status(m1, "m1", model::status_delta{{{100, "m1"}, 2}, 1, {}, {}});
  d.tell_status(m1, "m1", full(100, "m1", 2));
  EXPECT_THAT(d.refusals(m1), ElementsAre("stale_status", "stale_status"));
  EXPECT_THAT(d.refusals(m2), IsEmpty());
  d.tell_status(m1, "m1", full(201, "m1", 1)); // it takes over properly
  EXPECT_EQ(d.machine.status().where()->at, (model::epoch{201, "m1"}));
  EXPECT_THAT(d.got<wire::event>(watcher), SizeIs(3));
}

TEST(many_members, come_to_a_late_subscriber_whole) {
  driver d;
  constexpr std::size_t count = 2000;
  for (std::size_t i = 0; i < count; ++i)
    d.join("n" + std::to_string(i));
  const auto watcher = d.listen({topic::presence});
  EXPECT_EQ(d.got<wire::synced>(watcher).back().count, count);
  d.advance(1s);
  EXPECT_EQ(d.got<wire::heartbeat>(watcher).back().members, count);
}

TEST(switch_failure, makes_everybody_late_at_once_and_only_once) {
  driver d;
  const auto watcher = d.listen({topic::presence});
  constexpr std::size_t count = 500;
  for (std::size_t i = 0; i < count; ++i)
    d.join("n" + std::to_string(i));
  d.advance(30s);
  EXPECT_THAT(d.states(watcher), SizeIs(count));
  EXPECT_EQ(d.machine.members().live().members, count) << "late is a fact, not a judgement";
}

} // namespace
} // namespace thor::broker
