#include "coordinator/dns/notify_schedule.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace thor::dns {
namespace {

using namespace std::chrono_literals;

constexpr model::time_point start{1h};
const std::string a = "a.example.";
const std::string b = "b.example.";

TEST(notify_schedule, a_change_is_told_once_after_the_delay) {
  notify_schedule schedule;
  EXPECT_EQ(model::never, schedule.next_due());
  schedule.changed(start, a);
  EXPECT_EQ(start + notify_delay, schedule.next_due());
  EXPECT_EQ(std::nullopt, schedule.take(start + notify_delay - 1ms));
  EXPECT_EQ(a, schedule.take(start + notify_delay));
  EXPECT_EQ(std::nullopt, schedule.take(start + notify_delay));
  EXPECT_EQ(std::nullopt, schedule.take(start + 1h));
  EXPECT_EQ(model::never, schedule.next_due());
}

TEST(notify_schedule, changes_without_end_are_told_once_an_interval_and_the_last_one_too) {
  notify_schedule schedule;
  std::vector<model::time_point> told;
  const auto last_change = start + 3s;
  for (auto now = start; now < start + 10s; now += 1ms) {
    if (now <= last_change) {
      schedule.changed(now, a);
    }
    if (schedule.take(now)) {
      told.push_back(now);
    }
  }
  ASSERT_EQ(4, told.size());
  for (std::size_t i = 1; i < told.size(); ++i) {
    EXPECT_EQ(notify_interval, told[i] - told[i - 1]);
  }
  EXPECT_GT(told.back(), last_change);
  EXPECT_LE(told.back(), last_change + notify_interval);
}

TEST(notify_schedule, zones_do_not_wait_for_each_other) {
  notify_schedule schedule;
  schedule.changed(start, a);
  EXPECT_EQ(a, schedule.take(start + notify_delay));
  schedule.changed(start + 30ms, a);
  schedule.changed(start + 30ms, b);
  EXPECT_EQ(b, schedule.take(start + 30ms + notify_delay));
  EXPECT_EQ(std::nullopt, schedule.take(start + 30ms + notify_delay));
  EXPECT_EQ(a, schedule.take(start + notify_delay + notify_interval));
}

TEST(notify_schedule, a_zone_put_back_comes_again_at_the_time_given) {
  notify_schedule schedule;
  schedule.changed(start, a);
  EXPECT_EQ(a, schedule.take(start + notify_delay));
  schedule.put_back(a, start + 200ms);
  EXPECT_EQ(std::nullopt, schedule.take(start + 199ms));
  EXPECT_EQ(a, schedule.take(start + 200ms));
  EXPECT_EQ(std::nullopt, schedule.take(start + 1h));
}

TEST(notify_schedule, a_change_while_a_zone_is_put_back_is_told_with_it) {
  notify_schedule schedule;
  schedule.changed(start, a);
  EXPECT_EQ(a, schedule.take(start + notify_delay));
  schedule.put_back(a, start + 200ms);
  schedule.changed(start + 150ms, a);
  EXPECT_EQ(a, schedule.take(start + 200ms));
  EXPECT_EQ(std::nullopt, schedule.take(start + 1h));
}

} // namespace
} // namespace thor::dns
