#include "coordinator/health/reading.hpp"

#include <gtest/gtest.h>

namespace thor::health {
namespace {

using namespace std::chrono_literals;

class Reading : public testing::Test {
 protected:
  model::time_point now_{1h};
  reading subject_{{.change_percent = 10, .rest = 10s}};
};

TEST_F(Reading, PublishesTheFirstAtOnce) {
  EXPECT_EQ("", subject_.value());
  EXPECT_EQ(model::never, subject_.next_deadline());
  EXPECT_TRUE(subject_.on_reading(now_, "100"));
  EXPECT_EQ("100", subject_.value());
  EXPECT_EQ(model::never, subject_.next_deadline());
}

TEST_F(Reading, KeepsSmallDifferencesOfNumbersToItself) {
  subject_.on_reading(now_, "100");
  for (const auto* near : {"91", "109", "109.9", "100"})
    EXPECT_FALSE(subject_.on_reading(now_ += 1min, near)) << near;
  EXPECT_TRUE(subject_.on_reading(now_ += 1min, "110"));
  EXPECT_FALSE(subject_.on_reading(now_ += 1min, "100")) << "less than 10 % of 110";
}

TEST_F(Reading, RestsBetweenPublicationsAndThenTellsTheLatest) {
  subject_.on_reading(now_, "100");
  EXPECT_FALSE(subject_.on_reading(now_ + 1s, "200"));
  EXPECT_FALSE(subject_.on_reading(now_ + 2s, "50"));
  EXPECT_EQ(now_ + 10s, subject_.next_deadline());
  EXPECT_FALSE(subject_.on_deadline(now_ + 9s));
  EXPECT_TRUE(subject_.on_deadline(now_ + 10s));
  EXPECT_EQ("50", subject_.value());
}

TEST_F(Reading, ForgetsAPeakThatIsOverBeforeItsTurn) {
  subject_.on_reading(now_, "100");
  subject_.on_reading(now_ + 1s, "200");
  EXPECT_FALSE(subject_.on_reading(now_ + 2s, "101"));
  EXPECT_EQ(model::never, subject_.next_deadline());
  EXPECT_EQ("100", subject_.value());
}

TEST_F(Reading, TellsEveryStepToAndFromZero) {
  subject_.on_reading(now_, "0");
  EXPECT_TRUE(subject_.on_reading(now_ += 1min, "0.01"));
  EXPECT_TRUE(subject_.on_reading(now_ += 1min, "0"));
}

TEST_F(Reading, TellsEveryChangeOfOtherText) {
  subject_.on_reading(now_, "primary");
  EXPECT_TRUE(subject_.on_reading(now_ += 1min, "standby"));
  EXPECT_FALSE(subject_.on_reading(now_ += 1min, "standby"));
  EXPECT_TRUE(subject_.on_reading(now_ += 1min, "7"));
}

} // namespace
} // namespace thor::health
