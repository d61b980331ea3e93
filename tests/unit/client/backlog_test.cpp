#include "coordinator/client/backlog.hpp"

#include <gtest/gtest.h>

namespace thor::client {
namespace {

using namespace std::chrono_literals;

const model::time_point start{1h};

TEST(backlog, waits_for_the_news_that_it_may_cause) {
  backlog<int> waiting;
  EXPECT_EQ(model::never, waiting.next_due());
  waiting.put_off(start - 1min);
  waiting.add(start, 1);
  EXPECT_EQ(start + backlog_quiet, waiting.next_due());
  EXPECT_EQ(1, waiting.take());
  EXPECT_EQ(model::never, waiting.next_due());
}

TEST(backlog, waits_behind_what_is_urgent_and_keeps_its_order) {
  backlog<int> waiting;
  waiting.put_off(start);
  waiting.add(start + 1ms, 1);
  waiting.add(start + 2ms, 2);
  EXPECT_EQ(start + 1ms + backlog_quiet, waiting.next_due());
  waiting.put_off(start + 5ms);
  EXPECT_EQ(start + 5ms + backlog_quiet, waiting.next_due());
  EXPECT_EQ(1, waiting.take());
  EXPECT_EQ(2, waiting.take());
  EXPECT_TRUE(waiting.empty());
}

TEST(backlog, what_is_urgent_without_end_does_not_put_it_off_for_ever) {
  backlog<int> waiting;
  waiting.add(start, 1);
  for (auto now = start; now < start + 2s; now += 1ms) {
    waiting.put_off(now);
  }
  EXPECT_EQ(start + backlog_wait_max, waiting.next_due());
}

TEST(backlog, more_than_its_bound_is_due_at_once) {
  backlog<int> waiting;
  waiting.put_off(start);
  for (std::size_t i = 0; i < backlog_max; ++i) {
    waiting.add(start, 1);
  }
  EXPECT_GT(waiting.next_due(), start);
  waiting.add(start, 1);
  EXPECT_LE(waiting.next_due(), start);
}

} // namespace
} // namespace thor::client
