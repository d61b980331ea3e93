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

} // namespace
} // namespace thor::health
