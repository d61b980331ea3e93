#include "backend/answer/slice.hpp"

#include <gtest/gtest.h>

namespace thor::backend {
namespace {

TEST(slice, moves_on_by_its_size_every_second) {
  const slice_turn now{
      .server_seed = server_seed("ns1"), .serial = 7, .unix_time_s = 1'736'000'000};
  slice_turn next = now;
  ++next.unix_time_s;
  const std::size_t start = slice_start(now, 10, 3);
  EXPECT_EQ(slice_start(next, 10, 3), (start + 3) % 10);
  EXPECT_EQ(slice_start(now, 10, 3), start);
}

} // namespace
} // namespace thor::backend
