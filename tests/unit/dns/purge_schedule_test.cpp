#include "coordinator/dns/purge_schedule.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace thor::dns {
namespace {

using namespace std::chrono_literals;
using names = std::vector<std::string>;

const model::time_point start{1h};
const std::string apex = "sip.example.";
const std::string proxy = "proxy.sip.example.";
const std::string gw1 = "gw1.node.sip.example.";

/// Purges all that is due, each millisecond, and tells when `name` was.
std::vector<std::chrono::nanoseconds> times_of(const std::string& name, purge_schedule& schedule,
                                               std::chrono::milliseconds length) {
  std::vector<std::chrono::nanoseconds> times;
  for (auto now = start; now <= start + length; now += 1ms) {
    while (schedule.next_due() <= now) {
      const auto taken = schedule.take(now);
      if (std::ranges::find(taken, name) != taken.end()) {
        times.push_back(now - start);
      }
      schedule.purged(now);
    }
  }
  return times;
}

using times = std::vector<std::chrono::nanoseconds>;

TEST(purge_schedule, a_name_is_purged_at_once_and_again_after_doubling_times) {
  purge_schedule schedule;
  EXPECT_EQ(model::never, schedule.next_due());
  schedule.changed(start, {proxy}, apex);
  EXPECT_EQ(start, schedule.next_due());
  EXPECT_EQ((times{0ms, 8ms, 24ms, 56ms, 120ms}), times_of(proxy, schedule, 10s));
  EXPECT_EQ(model::never, schedule.next_due());
}

TEST(purge_schedule, names_that_are_due_together_go_together) {
  purge_schedule schedule;
  schedule.changed(start, {proxy, gw1}, apex);
  EXPECT_EQ((names{gw1, proxy}), schedule.take(start));
  schedule.purged(start);
  EXPECT_EQ(names{}, schedule.take(start + purge_repeat_first - 1ms));
  EXPECT_EQ((names{gw1, proxy}), schedule.take(start + purge_repeat_first));
}

TEST(purge_schedule, a_repeat_goes_along_with_a_command_after_half_of_its_time) {
  purge_schedule schedule;
  schedule.changed(start, {gw1}, apex);
  schedule.take(start);
  schedule.purged(start);
  schedule.changed(start + 3ms, {proxy}, apex);
  EXPECT_EQ(names{proxy}, schedule.take(start + 3ms));
  schedule.purged(start + 3ms);
  schedule.changed(start + 4ms, {proxy}, apex);
  EXPECT_EQ((names{proxy, gw1}), schedule.take(start + 4ms));
}

TEST(purge_schedule, a_row_of_changes_costs_one_command_each) {
  purge_schedule schedule;
  int commands = 0;
  constexpr int changes = 100;
  for (auto now = start; now < start + changes * 5ms; now += 1ms) {
    if ((now - start) % 5ms == 0ms) {
      const auto number = std::to_string((now - start) / 5ms);
      schedule.changed(now, {"n" + number + ".node." + apex, proxy}, apex);
    }
    while (schedule.next_due() <= now) {
      schedule.take(now);
      schedule.purged(now);
      ++commands;
    }
  }
  EXPECT_LE(commands, changes + changes / 5);
}

TEST(purge_schedule, a_serial_does_not_go_along_early) {
  purge_schedule schedule;
  schedule.serial_changed(start, apex);
  schedule.changed(start + purge_serial_after - 1ms, {proxy}, apex);
  EXPECT_EQ(names{proxy}, schedule.take(start + purge_serial_after - 1ms));
}

TEST(purge_schedule, a_change_begins_the_repeats_of_its_names_anew) {
  purge_schedule schedule;
  schedule.changed(start, {proxy}, apex);
  for (int i = 0; i < 3; ++i) {
    schedule.take(schedule.next_due());
    schedule.purged(start);
  }
  schedule.changed(start + 10ms, {proxy}, apex);
  EXPECT_EQ(names{proxy}, schedule.take(start + 10ms));
  schedule.purged(start + 10ms);
  EXPECT_EQ(start + 10ms + purge_repeat_first, schedule.next_due());
}

TEST(purge_schedule, a_change_during_a_command_is_not_taken_for_purged) {
  purge_schedule schedule;
  schedule.changed(start, {proxy}, apex);
  EXPECT_EQ(names{proxy}, schedule.take(start));
  schedule.changed(start + 1ms, {proxy}, apex);
  schedule.purged(start + 2ms);
  EXPECT_EQ(names{proxy}, schedule.take(start + 2ms));
}

TEST(purge_schedule, the_apex_of_which_only_the_serial_changed_waits_and_is_purged_twice) {
  purge_schedule schedule;
  schedule.changed(start, {proxy}, apex);
  schedule.serial_changed(start, apex);
  EXPECT_EQ((times{40ms, 104ms}), times_of(apex, schedule, 10s));
}

TEST(purge_schedule, a_serial_waits_until_the_changes_are_over) {
  purge_schedule schedule;
  for (auto now = start; now < start + 100ms; now += 5ms) {
    schedule.serial_changed(now, apex);
    EXPECT_EQ(names{}, schedule.take(now));
  }
  EXPECT_EQ(start + 95ms + purge_serial_after, schedule.next_due());
}

TEST(purge_schedule, changes_without_end_do_not_put_the_serial_off_for_ever) {
  purge_schedule schedule;
  times seen;
  for (auto now = start; now < start + 1s; now += 1ms) {
    schedule.serial_changed(now, apex);
    if (!schedule.take(now).empty()) {
      seen.push_back(now - start);
      schedule.purged(now);
    }
  }
  ASSERT_GE(seen.size(), 4);
  EXPECT_EQ(purge_serial_latest, seen.front());
}

TEST(purge_schedule, a_serial_does_not_put_off_an_apex_that_is_due) {
  purge_schedule schedule;
  schedule.changed(start, {apex}, apex);
  schedule.serial_changed(start, apex);
  EXPECT_EQ(names{apex}, schedule.take(start));
}

TEST(purge_schedule, a_serial_takes_no_repeats_from_an_apex_that_changed) {
  purge_schedule schedule;
  schedule.changed(start, {apex}, apex);
  schedule.serial_changed(start, apex);
  schedule.serial_changed(start, apex);
  EXPECT_EQ((times{0ms, 8ms, 24ms, 56ms, 120ms}), times_of(apex, schedule, 10s));
}

TEST(purge_schedule, what_failed_is_due_again_and_keeps_its_repeats) {
  purge_schedule schedule;
  schedule.changed(start, {proxy}, apex);
  schedule.take(start);
  schedule.put_back(start + 50ms);
  EXPECT_EQ(names{proxy}, schedule.take(start + 50ms));
  schedule.purged(start + 50ms);
  EXPECT_EQ(start + 50ms + purge_repeat_first, schedule.next_due());
}

TEST(purge_schedule, what_failed_and_changed_since_is_purged_once) {
  purge_schedule schedule;
  schedule.changed(start, {proxy}, apex);
  schedule.take(start);
  schedule.changed(start + 1ms, {proxy}, apex);
  schedule.put_back(start + 2ms);
  EXPECT_EQ(names{proxy}, schedule.take(start + 2ms));
  schedule.purged(start + 2ms);
  EXPECT_EQ(names{}, schedule.take(start + 2ms));
}

TEST(purge_schedule, many_names_become_their_zone) {
  purge_schedule schedule;
  schedule.changed(start, {"other.example."}, "other.example.");
  names many;
  for (std::size_t i = 0; i < purge_names_max; ++i) {
    many.push_back("n" + std::to_string(i) + "." + apex);
  }
  schedule.changed(start, many, apex);
  EXPECT_EQ((names{"other.example.", apex + "$"}), schedule.take(start));
}

TEST(purge_schedule, names_beyond_one_command_go_into_the_next) {
  purge_schedule schedule;
  const std::string label(200, 'x');
  names many;
  for (int i = 0; i < 100; ++i) {
    many.push_back(std::to_string(i) + label + "." + apex);
  }
  schedule.changed(start, many, apex);
  std::size_t count = 0;
  for (auto taken = schedule.take(start); !taken.empty(); taken = schedule.take(start)) {
    std::size_t octets = 0;
    for (const auto& name : taken) {
      octets += name.size() + 1;
    }
    EXPECT_LE(octets, purge_names_octets_max);
    count += taken.size();
    schedule.purged(start);
  }
  EXPECT_EQ(many.size(), count);
}

TEST(purge_schedule, everything_goes_alone) {
  purge_schedule schedule;
  schedule.changed(start, {proxy}, apex);
  schedule.everything_changed(start);
  schedule.changed(start, {gw1}, apex);
  EXPECT_EQ(names{""}, schedule.take(start));
  schedule.purged(start);
  EXPECT_EQ(names{gw1}, schedule.take(start));
}

} // namespace
} // namespace thor::dns
