#include "coordinator/health/check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::health {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::VariantWith;

class HealthCheck : public testing::Test {
 protected:
  std::vector<effect> due(model::duration after = 0ms) {
    now_ += after;
    std::vector<effect> out;
    check_.on_deadline(now_, out);
    for (const auto& what : out)
      if (const auto* begun = std::get_if<begin_probe>(&what))
        probe_ = begun->probe;
    return out;
  }
  std::vector<effect> hear(const input& what) {
    std::vector<effect> out;
    check_.on_event(now_, what, out);
    return out;
  }
  /// The next probe, with this end.
  std::vector<effect> probe(bool good) {
    now_ = std::max(now_, check_.next_deadline());
    due();
    return good ? hear(succeeded{probe_}) : hear(failed{probe_, "refused"});
  }

  model::time_point now_{1h};
  std::uint64_t probe_ = 0;
  check check_{{.interval = 2000ms, .timeout = 500ms, .fall = 3, .rise = 2}};
};

TEST_F(HealthCheck, BeginsAtOnceAndThenEveryInterval) {
  EXPECT_THAT(due(), ElementsAre(VariantWith<begin_probe>(begin_probe{1})));
  hear(succeeded{1});
  EXPECT_EQ(now_ + 2000ms, check_.next_deadline());
  EXPECT_THAT(due(1999ms), IsEmpty());
  EXPECT_THAT(due(1ms), ElementsAre(VariantWith<begin_probe>(begin_probe{2})));
}

TEST_F(HealthCheck, TakesTheFirstSuccessForUp) {
  EXPECT_EQ(health_state::unknown, check_.state());
  EXPECT_THAT(probe(true), ElementsAre(VariantWith<went_up>(went_up{})));
  EXPECT_EQ(health_state::up, check_.state());
}

TEST_F(HealthCheck, TakesTheFirstFailureForDown) {
  EXPECT_THAT(probe(false), ElementsAre(VariantWith<went_down>(went_down{"refused"})));
  EXPECT_EQ(health_state::down, check_.state());
}

TEST_F(HealthCheck, FallsAfterThreeFailuresInARow) {
  probe(true);
  EXPECT_THAT(probe(false), IsEmpty());
  EXPECT_THAT(probe(false), IsEmpty());
  EXPECT_THAT(probe(true), IsEmpty()); // begins to count anew
  EXPECT_THAT(probe(false), IsEmpty());
  EXPECT_THAT(probe(false), IsEmpty());
  EXPECT_EQ(health_state::up, check_.state());
  EXPECT_EQ("refused", check_.trouble());
  EXPECT_THAT(probe(false), ElementsAre(VariantWith<went_down>(went_down{"refused"})));
}

TEST_F(HealthCheck, RisesAfterTwoSuccessesInARow) {
  probe(false);
  EXPECT_THAT(probe(true), IsEmpty());
  EXPECT_THAT(probe(false), IsEmpty());
  EXPECT_THAT(probe(true), IsEmpty());
  EXPECT_THAT(probe(true), ElementsAre(VariantWith<went_up>(went_up{})));
  EXPECT_EQ("", check_.trouble());
}

TEST_F(HealthCheck, GivesUpAProbeAndIgnoresWhatComesOfItLater) {
  due();
  EXPECT_EQ(now_ + 500ms, check_.next_deadline());
  EXPECT_THAT(due(500ms),
              ElementsAre(VariantWith<give_up>(give_up{1}),
                          VariantWith<went_down>(went_down{"no answer within 500 ms"})));
  EXPECT_THAT(hear(succeeded{1}), IsEmpty());
  EXPECT_EQ(health_state::down, check_.state());
  EXPECT_THAT(due(1500ms), ElementsAre(VariantWith<begin_probe>(begin_probe{2})));
  EXPECT_THAT(hear(succeeded{1}), IsEmpty());
}

TEST_F(HealthCheck, GoesOnAfterTheProcessStoodStill) {
  probe(true);
  EXPECT_THAT(due(1h), ElementsAre(VariantWith<begin_probe>(begin_probe{2})));
  EXPECT_THAT(due(1h), ElementsAre(VariantWith<give_up>(give_up{2}),
                                   VariantWith<begin_probe>(begin_probe{3})));
}

TEST_F(HealthCheck, BlamesNobodyForATimeThatItStoodStillItself) {
  check_ = check({.interval = 2000ms, .timeout = 500ms, .fall = 1, .rise = 1});
  probe(true);
  due(2000ms);
  EXPECT_THAT(due(500ms + stall_min), ElementsAre(VariantWith<give_up>(give_up{2}),
                                                  VariantWith<begin_probe>(begin_probe{3})));
  EXPECT_EQ(health_state::up, check_.state());
  EXPECT_THAT(due(500ms),
              ElementsAre(VariantWith<give_up>(give_up{3}),
                          VariantWith<went_down>(went_down{"no answer within 500 ms"})));
}

class ConfirmingCheck : public HealthCheck {
 protected:
  ConfirmingCheck() {
    check_ = check({.interval = 2000ms, .timeout = 500ms, .fall = 3, .rise = 2, .confirm = 5ms});
  }
};

TEST_F(ConfirmingCheck, ProbesAgainAtOnceUntilTheVerdictIsIn) {
  probe(true);
  due(2000ms);
  const auto died_before = now_;
  EXPECT_THAT(hear(failed{probe_, "refused"}), IsEmpty());
  EXPECT_EQ(now_ + 5ms, check_.next_deadline());
  EXPECT_THAT(probe(false), IsEmpty());
  EXPECT_THAT(probe(false), ElementsAre(VariantWith<went_down>(went_down{"refused"})));
  EXPECT_EQ(died_before + 10ms, now_);
}

TEST_F(ConfirmingCheck, ReturnsToTheIntervalWhenItWasAFalseAlarm) {
  probe(true);
  probe(false);
  EXPECT_THAT(probe(true), IsEmpty());
  EXPECT_EQ(now_ + 2000ms, check_.next_deadline());
  EXPECT_EQ(health_state::up, check_.state());
}

TEST_F(ConfirmingCheck, TakesItsTimeToRise) {
  probe(false);
  probe(true);
  EXPECT_EQ(health_state::down, check_.state());
  EXPECT_EQ(now_ + 2000ms, check_.next_deadline());
}

class GraciousCheck : public HealthCheck {
 protected:
  GraciousCheck() {
    check_ =
        check({.interval = 2000ms, .timeout = 500ms, .fall = 1, .rise = 2, .start_grace = 4000ms});
  }
};

TEST_F(GraciousCheck, SaysNothingOfFailuresAtTheStart) {
  EXPECT_THAT(probe(false), IsEmpty());
  EXPECT_THAT(probe(false), IsEmpty());
  EXPECT_EQ(health_state::unknown, check_.state());
  EXPECT_TRUE(check_.judged());
  EXPECT_EQ("refused", check_.trouble());
  EXPECT_THAT(probe(false), ElementsAre(VariantWith<went_down>(went_down{"refused"})))
      << "the grace is over";
}

TEST_F(GraciousCheck, EndsWithTheFirstSuccess) {
  probe(false);
  EXPECT_THAT(probe(true), ElementsAre(VariantWith<went_up>(went_up{})));
  EXPECT_THAT(probe(false), ElementsAre(VariantWith<went_down>(went_down{"refused"})));
}

class GuessedCheck : public HealthCheck {
 protected:
  GuessedCheck() {
    check_ = check({.interval = 2000ms, .timeout = 500ms, .fall = 2, .rise = 2, .once_seen = true});
  }
};

TEST_F(GuessedCheck, DoesNotCountBeforeItsFirstSuccess) {
  EXPECT_EQ(health_state::unseen, check_.state());
  EXPECT_FALSE(check_.judged());
  for (int i = 0; i < 100; ++i)
    EXPECT_THAT(probe(false), IsEmpty());
  EXPECT_EQ(health_state::unseen, check_.state());
  EXPECT_TRUE(check_.judged());
  EXPECT_EQ("refused", check_.trouble());
}

TEST_F(GuessedCheck, CountsFromItsFirstSuccessOn) {
  probe(false);
  EXPECT_THAT(probe(true), ElementsAre(VariantWith<went_up>(went_up{})));
  EXPECT_THAT(probe(false), IsEmpty());
  EXPECT_THAT(probe(false), ElementsAre(VariantWith<went_down>(went_down{"refused"})));
}

} // namespace
} // namespace thor::health
