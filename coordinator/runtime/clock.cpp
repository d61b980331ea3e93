#include "coordinator/runtime/clock.hpp"

#include <ctime>

namespace thor::runtime {

model::time_point monotonic_now() {
  timespec t{};
  ::clock_gettime(CLOCK_BOOTTIME, &t);
  return model::time_point(std::chrono::duration_cast<model::duration>(
      std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec)));
}

model::unix_time unix_now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

} // namespace thor::runtime
