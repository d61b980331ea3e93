#include "coordinator/election/election.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::election {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr model::unix_time wall{std::chrono::seconds{1'750'000'000}};
constexpr std::uint64_t unix_now = 1'750'000'000;

/// A manager m2 of priority 50 on injected time.
struct election_test : testing::Test {
  election_test() { be({.id = "m2", .priority = 50}); }

  void be(options how) { machine = election(std::move(how)); }

  /// What the last call decided.
  const std::vector<effect>& tell(const input& in) {
    out.clear();
    machine.on_event(now, wall, in, out);
    return out;
  }
  const std::vector<effect>& see(std::map<std::string, rival> rivals, bool able = true) {
    return tell(outlook{able, std::move(rivals)});
  }
  const std::vector<effect>& hear(std::uint64_t counter, std::string manager) {
    return tell(heard_status{{counter, std::move(manager)}});
  }
  const std::vector<effect>& find_retained(std::uint64_t counter, std::string manager) {
    return tell(heard_status{{counter, std::move(manager)}, true});
  }
  /// Lets time pass, calling whenever the machine asks for it; `beating` is heard every second.
  const std::vector<effect>& run(model::duration time, const model::epoch* beating = nullptr) {
    std::vector<effect> all;
    auto beat_at = now + 500ms;
    for (const auto end = now + time; now < end;) {
      now = std::min({end, std::max(now, machine.next_deadline()), beat_at});
      out.clear();
      if (now == beat_at && beating != nullptr)
        machine.on_event(now, wall, heard_status{*beating}, out);
      else
        machine.on_deadline(now, wall, out);
      if (now == beat_at)
        beat_at += 1s;
      all.insert(all.end(), out.begin(), out.end());
    }
    return out = all;
  }

  election machine{options{}};
  model::time_point now{1h};
  std::vector<effect> out;

  static inline const model::epoch m1{unix_now - 100, "m1"};
  static inline const std::map<std::string, rival> both{{"m1", {}}, {"m3", {}}};
  static effect leads(std::uint64_t counter, reason why) { return take_over{{counter, "m2"}, why}; }
};

/// m2 follows the incumbent m1; m3 is there, too.
struct standby : election_test {
  void SetUp() override {
    find_retained(m1.counter, "m1");
    see(both);
    ASSERT_THAT(run(return_max, &m1), IsEmpty());
    ASSERT_THAT(hear(m1.counter, "m1"), IsEmpty());
    ASSERT_EQ(machine.state(), role::standby);
  }
};

/// m2 is the active manager; m1 and m3 are there, too.
struct active : election_test {
  void SetUp() override {
    see({});
    see(both);
    run(return_max);
    ASSERT_TRUE(machine.active());
  }
};

// ---- the first manager

TEST_F(election_test, a_lone_manager_leads_a_new_overlay_from_unix_time_on) {
  EXPECT_EQ(machine.state(), role::starting);
  EXPECT_THAT(see({}), ElementsAre(leads(unix_now, reason::no_incumbent)));
  EXPECT_EQ(machine.state(), role::active);
}

TEST_F(election_test, nobody_leads_before_it_knows_enough) {
  EXPECT_THAT(see({}, false), IsEmpty());
  EXPECT_THAT(run(1min), IsEmpty());
  EXPECT_EQ(machine.state(), role::starting);
}

TEST_F(election_test, of_several_the_lowest_priority_leads_and_of_equal_ones_the_lowest_id) {
  EXPECT_THAT(see({{"m1", {.priority = 51}}, {"m3", {.priority = 50}}}),
              ElementsAre(leads(unix_now, reason::no_incumbent)));
  be({.id = "m2", .priority = 50});
  EXPECT_THAT(see({{"m3", {.priority = 49}}}), IsEmpty());
  be({.id = "m2", .priority = 50});
  EXPECT_THAT(see({{"m1", {.priority = 50}}}), IsEmpty());
}

TEST_F(election_test, each_one_before_us_has_time_to_take_over) {
  see({{"m1", {}}, {"m3", {.priority = 10}}, {"m4", {.priority = 90}}});
  EXPECT_THAT(run(2 * succession_step - 1ms), IsEmpty());
  EXPECT_THAT(run(1ms), ElementsAre(leads(unix_now, reason::no_incumbent)));
}

TEST_F(election_test, somebody_who_takes_over_before_us_is_followed) {
  see(both);
  run(succession_step / 2);
  EXPECT_THAT(hear(unix_now, "m1"), IsEmpty());
  EXPECT_THAT(run(1min, &machine.epoch()), IsEmpty());
  EXPECT_EQ(machine.state(), role::standby);
}

// ---- the incumbent stays

TEST_F(standby, the_incumbent_stays_also_when_an_earlier_one_comes) {
  be({.id = "m2", .priority = 1});
  see({{"m1", {.priority = 99}}});
  hear(m1.counter, "m1");
  EXPECT_THAT(run(1min, &m1), IsEmpty());
}

TEST_F(active, stays_when_an_earlier_one_comes) {
  EXPECT_THAT(see({{"m0", {.priority = 1}}}), IsEmpty());
  EXPECT_THAT(run(1min), IsEmpty());
}

TEST_F(active, stays_without_event_servers_because_nobody_else_is_heard_to_lead) {
  EXPECT_THAT(see({}, false), IsEmpty());
  EXPECT_THAT(run(1min), IsEmpty());
  EXPECT_TRUE(machine.active());
}

TEST_F(standby, takes_over_at_once_when_the_incumbent_is_gone) {
  EXPECT_THAT(see({{"m3", {}}}), ElementsAre(leads(unix_now, reason::incumbent_gone)));
}

TEST_F(standby, takes_over_from_an_incumbent_that_lives_but_publishes_nothing) {
  EXPECT_THAT(run(incumbent_silence_max - 1ms), IsEmpty());
  EXPECT_THAT(run(1ms), ElementsAre(leads(unix_now, reason::incumbent_silent)));
}

TEST_F(standby, waits_for_the_one_before_it) {
  be({.id = "m2", .priority = 50});
  find_retained(m1.counter, "m1");
  see({{"m1", {}}, {"m3", {.priority = 10}}});
  hear(m1.counter, "m1");
  EXPECT_THAT(see({{"m3", {.priority = 10}}}), IsEmpty());
  EXPECT_THAT(run(succession_step), ElementsAre(leads(unix_now, reason::incumbent_gone)));
}

TEST_F(standby, gives_way_when_the_incumbent_returns_before_its_turn) {
  be({.id = "m5", .priority = 50});
  find_retained(m1.counter, "m1");
  see(both);
  see({{"m3", {}}});
  run(succession_step / 2);
  see(both);
  hear(m1.counter, "m1");
  EXPECT_THAT(run(1min, &m1), IsEmpty());
}

TEST_F(standby, takes_a_retained_status_for_no_sign_of_life) {
  be({.id = "m2", .priority = 50});
  find_retained(m1.counter, "m1");
  EXPECT_THAT(see({}), ElementsAre(leads(unix_now, reason::incumbent_gone)));
}

TEST_F(standby, takes_what_is_published_for_a_sign_of_life) {
  be({.id = "m2", .priority = 50});
  hear(m1.counter, "m1");
  EXPECT_THAT(see({}), IsEmpty()) << "our judge does not see m1, but it is heard";
  EXPECT_THAT(run(return_max + incumbent_silence_max),
              ElementsAre(leads(unix_now, reason::incumbent_gone)))
      << "until it is heard no more";
}

TEST_F(active, gives_one_that_took_over_unseen_time_to_be_seen) {
  EXPECT_THAT(see({}), IsEmpty());
  EXPECT_THAT(find_retained(unix_now + 5, "m3"), ElementsAre(step_down{reason::higher_epoch}));
  EXPECT_THAT(run(incumbent_silence_max - 1ms), IsEmpty());
  EXPECT_THAT(run(1ms), ElementsAre(leads(unix_now + 6, reason::incumbent_gone)));
}

TEST_F(standby, does_not_take_its_own_absence_for_silence) {
  see(both, false); // no event server
  EXPECT_THAT(run(1min), IsEmpty());
  EXPECT_THAT(see(both), IsEmpty());
  EXPECT_THAT(run(return_max + incumbent_silence_max - 1ms), IsEmpty())
      << "m1 may be on its way back to our event server";
  EXPECT_THAT(run(1ms), ElementsAre(leads(unix_now, reason::incumbent_silent)));
}

TEST_F(standby, does_not_take_its_own_pause_for_silence) {
  now += 1min;
  out.clear();
  machine.on_deadline(now, wall, out);
  EXPECT_THAT(out, IsEmpty());
  EXPECT_THAT(hear(m1.counter, "m1"), IsEmpty());
  EXPECT_THAT(run(1min, &m1), IsEmpty());
}

// ---- epochs

TEST_F(active, steps_down_when_it_hears_a_higher_epoch) {
  EXPECT_THAT(hear(unix_now + 1, "m1"), ElementsAre(step_down{reason::higher_epoch}));
  EXPECT_EQ(machine.state(), role::standby);
  EXPECT_EQ(machine.epoch(), (model::epoch{unix_now + 1, "m1"}));
}

TEST_F(active, two_that_took_over_at_once_are_told_apart_by_their_ids) {
  EXPECT_THAT(hear(unix_now, "m1"), IsEmpty());
  EXPECT_THAT(hear(unix_now, "m3"), ElementsAre(step_down{reason::higher_epoch}));
}

TEST_F(active, ignores_itself_and_lower_epochs) {
  EXPECT_THAT(hear(unix_now, "m2"), IsEmpty());
  EXPECT_THAT(hear(unix_now - 1, "m3"), IsEmpty());
}

TEST_F(active, does_not_come_back_by_itself_after_it_stepped_down) {
  const model::epoch other{unix_now + 1, "m1"};
  hear(other.counter, other.manager);
  EXPECT_THAT(run(1min, &other), IsEmpty());
  see({}); // not even when our judge does not see the other one
  hear(other.counter, other.manager);
  EXPECT_THAT(run(1min, &other), IsEmpty());
}

TEST_F(standby, takes_a_higher_epoch_than_it_ever_heard) {
  hear(unix_now + 77, "m3");
  EXPECT_THAT(see({}), ElementsAre(leads(unix_now + 78, reason::incumbent_gone)));
}

TEST_F(election_test, takes_a_higher_epoch_than_it_kept) {
  be({.id = "m2", .kept = {unix_now + 5, "m1"}});
  EXPECT_THAT(see({}), ElementsAre(leads(unix_now + 6, reason::incumbent_gone)));
}

TEST_F(election_test, follows_nobody_below_what_it_kept) {
  be({.id = "m2", .kept = {unix_now + 5, "m1"}});
  EXPECT_THAT(hear(unix_now + 4, "m1"), IsEmpty());
  EXPECT_THAT(see({{"m3", {}}}), ElementsAre(leads(unix_now + 6, reason::incumbent_gone)));
  be({.id = "m2", .kept = {unix_now + 5, "m1"}});
  hear(unix_now + 5, "m1");
  EXPECT_THAT(see(both), IsEmpty()) << "the one that it kept";
}

TEST_F(election_test, follows_nobody_whose_epoch_has_the_counter_of_its_own_greater_one) {
  be({.id = "m2", .kept = {unix_now + 5, "m2"}});
  hear(unix_now + 5, "m1");
  EXPECT_THAT(see(both), ElementsAre(leads(unix_now + 6, reason::own_epoch)));
}

TEST_F(election_test, leads_on_after_a_restart_when_nobody_took_over) {
  find_retained(unix_now - 50, "m2");
  EXPECT_THAT(see(both), ElementsAre(leads(unix_now, reason::own_epoch)));
}

TEST_F(active, takes_a_higher_epoch_when_its_own_of_an_earlier_run_turns_up) {
  EXPECT_THAT(
      find_retained(unix_now + 9, "m2"),
      ElementsAre(step_down{reason::higher_epoch}, leads(unix_now + 10, reason::own_epoch)));
}

TEST_F(active, is_not_led_into_the_far_future) {
  EXPECT_THAT(hear(unix_now + 3601, "m3"), ElementsAre(refused_epoch{{unix_now + 3601, "m3"}}));
  EXPECT_THAT(hear(unix_now + 3601, "m3"), IsEmpty()) << "told once";
  EXPECT_TRUE(machine.active());
  EXPECT_THAT(hear(unix_now + 3600, "m3"), ElementsAre(step_down{reason::higher_epoch}));
}

TEST_F(election_test, does_not_continue_from_a_far_future_that_it_kept) {
  be({.id = "m2", .kept = {unix_now + 3601, "m2"}});
  EXPECT_THAT(see({}), ElementsAre(refused_epoch{{unix_now + 3601, "m2"}},
                                   leads(unix_now, reason::no_incumbent)));
}

// ---- policy majority

struct majority : election_test {
  void SetUp() override {
    be({.id = "m2", .rule = {.policy = model::partition_policy::majority, .managers = 3}});
  }
};

TEST_F(majority, one_of_three_does_not_lead) {
  EXPECT_THAT(see({}), IsEmpty());
  EXPECT_THAT(run(1min), IsEmpty());
  EXPECT_EQ(machine.state(), role::minority);
}

TEST_F(majority, two_of_three_lead) {
  EXPECT_THAT(see({{"m3", {}}}), ElementsAre(leads(unix_now, reason::no_incumbent)));
}

TEST_F(majority, half_is_none) {
  be({.id = "m2", .rule = {.policy = model::partition_policy::majority, .managers = 4}});
  EXPECT_THAT(see({{"m3", {}}}), IsEmpty());
}

TEST_F(majority, stops_as_soon_as_the_others_are_late_and_leads_on_when_they_are_back) {
  see(both);
  run(1s); // behind m1
  ASSERT_TRUE(machine.active());
  EXPECT_THAT(see({{"m1", {.timely = false}}, {"m3", {}}}), IsEmpty());
  EXPECT_THAT(see({{"m1", {.timely = false}}, {"m3", {.timely = false}}}),
              ElementsAre(step_down{reason::majority_lost}));
  EXPECT_THAT(see({{"m1", {}}}), IsEmpty()) << "another one may lead by now";
  EXPECT_THAT(run(incumbent_silence_max - 1ms), IsEmpty());
  EXPECT_THAT(run(1ms), ElementsAre(leads(unix_now + 1, reason::own_epoch)));
}

TEST_F(majority, stops_when_it_has_no_event_server) {
  see({{"m3", {}}});
  EXPECT_THAT(see({}, false), ElementsAre(step_down{reason::majority_lost}));
}

TEST_F(majority, does_not_lead_on_when_the_other_side_took_over) {
  see({{"m3", {}}});
  see({});
  run(10s);
  EXPECT_THAT(see({{"m3", {}}}), IsEmpty());
  run(1s);
  hear(unix_now + 9, "m3");
  EXPECT_THAT(run(1min, &machine.epoch()), IsEmpty());
  EXPECT_EQ(machine.state(), role::standby);
}

TEST_F(majority, waits_for_its_turn_anew_after_it_was_lost) {
  see({{"m1", {}}});
  run(succession_step - 1ms);
  see({});
  run(1s);
  EXPECT_THAT(see({{"m1", {}}}), IsEmpty());
  EXPECT_THAT(run(succession_step - 1ms), IsEmpty());
  EXPECT_THAT(run(1ms), ElementsAre(leads(unix_now, reason::no_incumbent)));
}

// ---- the end

TEST_F(active, never_leads_again_once_it_was_replaced) {
  EXPECT_THAT(tell(retire{}), ElementsAre(step_down{reason::replaced}));
  EXPECT_THAT(see({}), IsEmpty());
  EXPECT_EQ(machine.state(), role::retired);
  EXPECT_EQ(machine.next_deadline(), model::never);
}

} // namespace
} // namespace thor::election
