// Coming, greeting, taking a place, going.
#include "tests/unit/broker/driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using wire::close_code;
using wire::fact_state;
using wire::topic;

TEST(greeting, is_answered_with_the_servers_instance_and_timings) {
  driver d;
  d.advance(10s);
  const auto n1 = d.greet(peer("n1"), 5);
  EXPECT_THAT(d.got<wire::welcome>(n1), ElementsAre(wire::welcome{.server = "es1",
                                                                  .instance = "0123456789abcdef",
                                                                  .age_ms = 10'000,
                                                                  .admitting = false,
                                                                  .renew_ms = 1000,
                                                                  .lease_ms = 3000}));
}

TEST(greeting, must_come_first) {
  driver d;
  const auto n1 = d.open(peer("n1"));
  d.say(n1, wire::subscribe{{topic::members}});
  EXPECT_THAT(d.refusals(n1), ElementsAre("unexpected_frame"));
  EXPECT_EQ(d.closed.at(n1).code, close_code::protocol_error);
  EXPECT_EQ(d.machine.sessions(), 0U);
}

TEST(greeting, comes_once) {
  driver d;
  const auto n1 = d.greet(peer("n1"), 5);
  d.say(n1, wire::hello{.incarnation = 5, .software = ""});
  EXPECT_THAT(d.refusals(n1), ElementsAre("unexpected_frame"));
  EXPECT_TRUE(d.closed.contains(n1));
}

TEST(greeting, has_five_seconds) {
  driver d;
  const auto silent = d.open(peer("n1"));
  const auto greeted = d.greet(peer("n2"), 0);
  d.advance(hello_deadline - 1us);
  EXPECT_THAT(d.closed, IsEmpty());
  d.advance(1us);
  EXPECT_EQ(d.closed.at(silent).code, close_code::protocol_error);
  EXPECT_FALSE(d.closed.contains(greeted));
  EXPECT_EQ(d.counted(counter::closed, "no_hello"), 1U);
}

TEST(frames, that_are_malformed_end_the_session) {
  for (const auto* text :
       {"", "nonsense", "[]", R"({"type":"renew","incarnation":-1,"sequence":0})",
        R"({"type":"subscribe","topics":["x"]})"}) {
    driver d;
    const auto n1 = d.greet(peer("n1"), 5);
    d.say_text(n1, text);
    EXPECT_THAT(d.refusals(n1), SizeIs(1)) << text;
    EXPECT_EQ(d.closed.at(n1).code, close_code::protocol_error) << text;
  }
}

TEST(frames, of_a_type_from_the_future_are_refused_and_the_session_goes_on) {
  driver d;
  const auto n1 = d.greet(peer("n1"), 5);
  d.say_text(n1, R"({"type":"sing"})");
  EXPECT_THAT(d.refusals(n1), ElementsAre("unknown_type"));
  EXPECT_EQ(d.counted(counter::refused, "unknown_type"), 1U);
  EXPECT_THAT(d.closed, IsEmpty());
}

TEST(frames, that_come_too_fast_end_the_session_and_nobody_elses) {
  driver d;
  const auto other = d.join("n2");
  const auto n1 = d.greet(peer("n1"), 5);
  for (std::uint32_t i = 1; i < member_rate.burst; ++i) // hello was the first
    d.say(n1, wire::renew{{5, 1}});
  EXPECT_FALSE(d.closed.contains(n1));
  d.say(n1, wire::renew{{5, 1}});
  EXPECT_EQ(d.closed.at(n1).code, close_code::overloaded);
  EXPECT_EQ(d.counted(counter::refused, "too_many_frames"), 1U);
  EXPECT_FALSE(d.closed.contains(other));
}

TEST(frames, at_the_average_rate_may_go_on_for_ever) {
  driver d;
  const auto n1 = d.join("n1");
  for (int i = 0; i < 2000; ++i) {
    d.advance(50ms);
    d.say(n1, wire::renew{{5, 1}});
  }
  EXPECT_THAT(d.closed, IsEmpty());
}

TEST(frames, of_a_closed_session_are_ignored) {
  driver d;
  const auto n1 = d.open(peer("n1"));
  d.say_text(n1, "nonsense");
  const auto before = d.sent[n1].size();
  d.say(n1, wire::hello{.incarnation = 5, .software = ""});
  d.hang_up(n1);
  EXPECT_EQ(d.sent[n1].size(), before);
}

TEST(sessions, are_bounded) {
  driver d;
  for (std::size_t i = 0; i < sessions_max; ++i)
    d.open(peer("n" + std::to_string(i / sessions_per_id_max)));
  const auto last = d.open(peer("other"));
  EXPECT_EQ(d.closed.at(last).code, close_code::overloaded);
  EXPECT_EQ(d.counted(counter::refused, "too_many_sessions"), 1U);
  EXPECT_EQ(d.machine.sessions(), sessions_max);
}

TEST(sessions, of_one_certificate_leave_room_for_others) {
  driver d;
  const auto first = d.open(peer("n1"));
  for (std::size_t i = 1; i < sessions_per_id_max; ++i)
    d.open(peer("n1"));
  const auto last = d.open(peer("n1"));
  EXPECT_EQ(d.closed.at(last).code, close_code::overloaded);
  EXPECT_EQ(d.counted(counter::refused, "too_many_sessions"), 1U);
  EXPECT_TRUE(d.noted(level::warn, "64 sessions are open with its certificate"));
  d.join("n2");
  EXPECT_EQ(d.machine.members().live().members, 1U);
  d.hang_up(first);
  EXPECT_FALSE(d.closed.contains(d.open(peer("n1")))) << "a place is free again";
}

TEST(same_id, newer_incarnation_wins_and_the_older_is_told_not_to_come_back) {
  driver d;
  const auto watcher = d.listen({topic::presence});
  const auto older = d.join("n1", 5);
  const auto newer = d.greet(peer("n1"), 6, "192.0.2.9");
  EXPECT_EQ(d.closed.at(older).code, close_code::replaced);
  EXPECT_FALSE(d.closed.contains(newer));
  EXPECT_THAT(d.states(watcher), ElementsAre(fact_state::closed));
  EXPECT_EQ(d.counted(counter::alarms, "duplicate_id"), 1U);
  EXPECT_TRUE(d.noted(level::error, "n1 is announced by two"));
  d.announce(newer, presence("n1", {6, 1}, "192.0.2.9"));
  EXPECT_EQ(d.machine.members().live().members, 1U);
}

TEST(same_id, older_incarnation_is_refused_while_the_newer_is_there) {
  driver d;
  const auto newer = d.join("n1", 6);
  const auto older = d.greet(peer("n1"), 5, "192.0.2.9");
  EXPECT_THAT(d.refusals(older), ElementsAre("stale_incarnation"));
  EXPECT_EQ(d.closed.at(older).code, close_code::replaced);
  EXPECT_FALSE(d.closed.contains(newer));
  EXPECT_EQ(d.counted(counter::alarms, "duplicate_id"), 1U);
  EXPECT_EQ(d.machine.members().live().members, 1U);
}

TEST(same_id, older_incarnation_may_try_again_once_the_newer_went) {
  driver d;
  d.hang_up(d.join("n1", 6));
  const auto older = d.greet(peer("n1"), 5);
  EXPECT_THAT(d.refusals(older), ElementsAre("stale_incarnation"));
  EXPECT_EQ(d.closed.at(older).code, close_code::overloaded);
  d.advance(ended_kept);
  EXPECT_FALSE(d.closed.contains(d.greet(peer("n1"), 5)));
}

TEST(same_id, same_incarnation_is_the_same_process_and_takes_its_place_without_a_fact) {
  driver d;
  const auto watcher = d.listen({topic::presence});
  const auto first = d.join("n1", 5);
  const auto second = d.greet(peer("n1"), 5);
  EXPECT_EQ(d.closed.at(first).code, close_code::replaced);
  EXPECT_FALSE(d.closed.contains(second));
  EXPECT_THAT(d.states(watcher), IsEmpty());
  EXPECT_EQ(d.counted(counter::alarms, "duplicate_id"), 0U);
  d.say(second, wire::renew{{5, 1}});
  EXPECT_THAT(d.refusals(second), IsEmpty());
  d.hang_up(first);
  EXPECT_THAT(d.states(watcher), IsEmpty());
}

TEST(same_id, same_incarnation_from_another_address_is_an_alarm) {
  driver d;
  d.join("n1", 5);
  d.greet(peer("n1"), 5, "192.0.2.9");
  EXPECT_EQ(d.counted(counter::alarms, "duplicate_id"), 1U);
}

TEST(same_id, a_restart_after_silence_is_no_alarm) {
  driver d;
  const auto dead = d.join("n1", 5);
  d.advance(late_after);
  const auto reborn = d.greet(peer("n1"), 6);
  EXPECT_TRUE(d.closed.contains(dead));
  EXPECT_FALSE(d.closed.contains(reborn));
  EXPECT_EQ(d.counted(counter::alarms, "duplicate_id"), 0U);
}

TEST(same_id, may_listen_any_number_of_times) {
  driver d;
  const auto member = d.join("watcher", 5);
  const auto a = d.listen({topic::members});
  const auto b = d.listen({topic::members});
  EXPECT_THAT(d.closed, IsEmpty());
  EXPECT_EQ(d.machine.subscribers(topic::members), 2U);
  d.hang_up(a);
  d.hang_up(b);
  EXPECT_EQ(d.machine.members().live().members, 1U);
  d.hang_up(member);
  EXPECT_EQ(d.machine.members().live().members, 0U);
}

TEST(barred_peer, is_cut_off_while_connected) {
  for (const auto& [why, state] : {std::pair(identity::errc::revoked, fact_state::revoked),
                                   std::pair(identity::errc::expired, fact_state::expired),
                                   std::pair(identity::errc::untrusted, fact_state::revoked)}) {
    driver d;
    const auto watcher = d.listen({topic::presence});
    const auto n1 = d.join("n1");
    d.perform(peer_barred{n1, {why, "serial 07"}});
    EXPECT_EQ(d.closed.at(n1).code, close_code::revoked);
    EXPECT_THAT(d.states(watcher), ElementsAre(state));
    EXPECT_EQ(d.counted(counter::alarms, identity::to_string(why)), 1U);
    EXPECT_EQ(d.machine.members().live().members, 0U);
  }
}

TEST(barred_peer, that_only_listens_is_cut_off_without_a_fact) {
  driver d;
  const auto watcher = d.listen({topic::presence});
  const auto other = d.listen({topic::presence});
  d.perform(peer_barred{other, {identity::errc::revoked, ""}});
  EXPECT_TRUE(d.closed.contains(other));
  EXPECT_THAT(d.states(watcher), IsEmpty());
}

} // namespace
} // namespace thor::broker
