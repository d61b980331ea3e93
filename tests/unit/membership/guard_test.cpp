// The mass guard and the flap damper, inside the judge.
#include "tests/unit/membership/world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::membership::test {
namespace {

using model::withdrawal;

struct role : testing::Test, world {
  std::vector<model::presence> nodes;

  void populate(std::size_t count) {
    connect("a");
    for (std::size_t i = 0; i < count; ++i) {
      nodes.push_back(presence("n" + std::to_string(i)));
      present("a", nodes.back());
    }
    run(60s);
  }
  // `count` members fall silent, their leases ending one after the other within a renewal interval.
  void fall_silent(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      late("a", nodes[i], 2000ms + 50ms * i);
  }
};

TEST_F(role, more_than_half_of_it_falling_silent_is_held_and_then_believed) {
  populate(10);
  fall_silent(6);
  run(1s);
  EXPECT_EQ(online().size(), 10U);
  EXPECT_EQ(notes("mass_silence"), 1U);
  run(9s);
  EXPECT_EQ(online().size(), 10U);
  run(2s);
  EXPECT_EQ(online().size(), 4U);
  EXPECT_EQ(notes("mass_silence_believed"), 1U);
  EXPECT_EQ(last_departure("n0").reason, withdrawal::silent);
}

TEST_F(role, is_held_also_when_event_servers_drop_the_silent_connections) {
  populate(10);
  fall_silent(6);
  run(5s);
  for (std::size_t i = 0; i < 6; ++i)
    closed("a", nodes[i]);
  run(3s);
  EXPECT_EQ(online().size(), 10U);
  run(5s);
  EXPECT_EQ(online().size(), 4U);
  EXPECT_EQ(notes("mass_silence_believed"), 1U);
  EXPECT_EQ(last_departure("n0").reason, withdrawal::silent);
}

TEST_F(role, half_of_it_falling_silent_is_believed_at_once) {
  populate(10);
  fall_silent(5);
  run(1s);
  EXPECT_EQ(online().size(), 5U);
  EXPECT_EQ(notes("mass_silence"), 0U);
}

TEST_F(role, of_three_members_has_no_guard) {
  populate(3);
  fall_silent(3);
  run(1s);
  EXPECT_EQ(online().size(), 0U);
}

TEST_F(role, of_four_members_has_one) {
  populate(4);
  fall_silent(3);
  run(5s);
  EXPECT_EQ(online().size(), 4U);
}

TEST_F(role, falling_silent_one_by_one_within_a_lease_is_seen_as_one) {
  populate(4);
  late("a", nodes[0], 2900ms);
  run(200ms);
  EXPECT_EQ(online().size(), 3U) << "one of four is believed";
  late("a", nodes[1], 1500ms);
  run(500ms);
  late("a", nodes[2], 1500ms);
  run(2s);
  EXPECT_EQ(online().size(), 3U) << "three of four within a lease are not";
  EXPECT_EQ(notes("mass_silence"), 1U);
}

TEST_F(role, that_comes_back_during_the_hold_loses_nobody_but_the_dead) {
  populate(10);
  fall_silent(7);
  run(4s);
  for (std::size_t i = 1; i < 7; ++i)
    heard("a", nodes[i]);
  run(2s);
  EXPECT_FALSE(is_online("n0"));
  EXPECT_EQ(online().size(), 9U);
}

TEST_F(role, gets_a_new_hold_for_a_new_disaster) {
  populate(10);
  for (int round = 1; round <= 2; ++round) {
    fall_silent(10);
    run(5s);
    for (const auto& n : nodes)
      heard("a", n);
    run(120s);
    EXPECT_EQ(notes("mass_silence"), static_cast<std::size_t>(round));
  }
  EXPECT_EQ(departures(), 0U);
}

TEST_F(role, is_not_guarded_against_closed_connections) {
  populate(10);
  for (const auto& n : nodes)
    closed("a", n);
  run(1s);
  EXPECT_EQ(online().size(), 0U);
}

TEST_F(role, on_hold_after_a_leave_does_not_count_as_silent) {
  populate(4);
  for (std::size_t i = 1; i < 4; ++i) {
    leave("a", nodes[i], 60'000);
    closed("a", nodes[i]);
  }
  late("a", nodes[0]);
  run(5s);
  EXPECT_FALSE(is_online("n0"));
  EXPECT_EQ(online().size(), 3U);
}

TEST_F(role, other_than_the_silent_one_is_not_held) {
  populate(10);
  const auto relay = presence("relay", 1, 1, "media_relay");
  present("a", relay);
  run(5s);
  fall_silent(10);
  late("a", relay);
  run(5s);
  EXPECT_FALSE(is_online("relay"));
  EXPECT_EQ(online().size(), 10U);
}

TEST_F(role, is_counted_right_after_members_changed_their_roles) {
  populate(6);
  for (std::size_t i = 0; i < 3; ++i)
    present("a", presence("n" + std::to_string(i), 1, 2, "media_relay"));
  // Three proxies are left: too few for a guard.
  for (std::size_t i = 3; i < 6; ++i)
    late("a", nodes[i]);
  run(5s);
  EXPECT_EQ(online().size(), 3U);
}

struct flapping : testing::Test, world {
  model::presence n1 = presence("n1");
  void SetUp() override {
    connect("a");
    present("a", n1);
    run(60s);
  }
  // Falls silent, and renews again after its withdrawal. Returns the wait until it is admitted.
  model::duration flap() {
    late("a", n1);
    run(2s);
    EXPECT_FALSE(is_online("n1"));
    const auto withdrawn_at = last_departure("n1").at;
    heard("a", n1);
    while (!is_online("n1"))
      run(100ms);
    return now - withdrawn_at - 500ms;
  }
};

TEST_F(flapping, twice_a_minute_is_bad_luck) {
  EXPECT_EQ(flap(), 0s);
  EXPECT_EQ(flap(), 0s);
  run(60s);
  EXPECT_EQ(flap(), 0s);
  EXPECT_EQ(notes("flapping"), 0U);
}

TEST_F(flapping, delays_re_admission_and_doubles_the_delay) {
  flap();
  flap();
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 6; ++i)
    waits.push_back(std::chrono::duration_cast<std::chrono::seconds>(flap() + 500ms).count());
  EXPECT_THAT(waits, testing::ElementsAre(5, 10, 20, 40, 60, 60));
  EXPECT_EQ(notes("flapping"), 6U);
}

TEST_F(flapping, is_forgiven_after_a_calm_time) {
  for (int i = 0; i < 4; ++i)
    flap();
  run(flap_window);
  EXPECT_EQ(flap(), 0s);
}

TEST_F(flapping, waits_for_a_member_that_is_there_at_the_end_of_the_delay) {
  flap();
  flap();
  late("a", n1);
  run(2s);
  heard("a", n1);
  run(1s);
  closed("a", n1);
  run(60s);
  EXPECT_FALSE(is_online("n1")) << "it went while it waited";
}

} // namespace
} // namespace thor::membership::test
