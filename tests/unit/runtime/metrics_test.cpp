#include "coordinator/runtime/metrics.hpp"

#include <gmock/gmock.h>

namespace thor::runtime {
namespace {

using testing::HasSubstr;

TEST(Metrics, TheSameNameAndLabelsAreTheSameMetric) {
  metrics m;
  m.counter("thor_x_total", "help", {{"reason", "a"}}).Increment();
  m.counter("thor_x_total", "help", {{"reason", "a"}}).Increment();
  m.counter("thor_x_total", "help", {{"reason", "b"}}).Increment();
  m.gauge("thor_y", "help").Set(7);
  EXPECT_THAT(m.text(), HasSubstr("thor_x_total{reason=\"a\"} 2\n"));
  EXPECT_THAT(m.text(), HasSubstr("thor_x_total{reason=\"b\"} 1\n"));
  EXPECT_THAT(m.text(), HasSubstr("# TYPE thor_y gauge\nthor_y 7\n"));
}

} // namespace
} // namespace thor::runtime
