#include "backend/answer/slice.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

namespace thor::backend {
namespace {

RC_GTEST_PROP(slice, every_member_is_handed_out_equally_often, ()) {
  const auto members = *rc::gen::inRange<std::size_t>(2, 200);
  const auto size = *rc::gen::inRange<std::size_t>(1, members);
  slice_turn turn{.server_seed = *rc::gen::arbitrary<std::uint64_t>(),
                  .serial = *rc::gen::arbitrary<std::uint32_t>(),
                  .unix_time_s = *rc::gen::inRange<std::uint64_t>(0, 1ULL << 40)};
  std::vector<std::size_t> times(members);
  for (std::size_t second = 0; second < members; ++second, ++turn.unix_time_s) {
    const std::size_t first = slice_start(turn, members, size);
    RC_ASSERT(first < members);
    for (std::size_t i = 0; i < size; ++i) {
      ++times[(first + i) % members];
    }
  }
  RC_ASSERT(std::ranges::all_of(times, [&](std::size_t n) { return n == size; }));
}

} // namespace
} // namespace thor::backend
