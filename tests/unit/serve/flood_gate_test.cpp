#include "backend/serve/journal.hpp"

#include <gtest/gtest.h>

namespace thor::backend {
namespace {

using namespace std::chrono_literals;

TEST(flood_gate, lets_a_few_lines_pass_and_counts_the_rest) {
  flood_gate gate(2, 10s);
  const flood_gate::time_point begin{1h};
  EXPECT_EQ(gate.pass(begin), 0U);
  EXPECT_EQ(gate.pass(begin + 1s), 0U);
  EXPECT_EQ(gate.pass(begin + 2s), std::nullopt);
  EXPECT_EQ(gate.pass(begin + 9999ms), std::nullopt);
  EXPECT_EQ(gate.pass(begin + 10s), 2U);
  EXPECT_EQ(gate.pass(begin + 11s), 0U);
  EXPECT_EQ(gate.pass(begin + 12s), std::nullopt);
}

TEST(flood_gate, begins_a_period_with_its_first_line) {
  flood_gate gate(1, 10s);
  const flood_gate::time_point begin{1h};
  EXPECT_EQ(gate.pass(begin), 0U);
  EXPECT_EQ(gate.pass(begin + 25s), 0U);
  EXPECT_EQ(gate.pass(begin + 34s), std::nullopt);
  EXPECT_EQ(gate.pass(begin + 35s), 1U);
}

} // namespace
} // namespace thor::backend
