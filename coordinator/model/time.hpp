// Time as the overlay's state machines see it: an argument, never a question.
//
// The monotonic clock has no now() on purpose: PURE code cannot ask, the edge converts. Wall time
// appears only where people or DNS need it (serials, certificates, logs).
#pragma once

#include <chrono>
#include <cstdint>

namespace thor::model {

struct monotonic {
  using rep = std::int64_t;
  using period = std::micro;
  using duration = std::chrono::duration<rep, period>;
  using time_point = std::chrono::time_point<monotonic>;
  static constexpr bool is_steady = true;
};

using time_point = monotonic::time_point;
using duration = monotonic::duration;
/// Unix time in seconds.
using unix_time = std::chrono::sys_seconds;

inline constexpr time_point never = time_point::max();

} // namespace thor::model
