// The clock that tables and answers go by.
#pragma once

#include <chrono>

namespace thor::backend {

/// Since the epoch. May jump.
inline std::chrono::milliseconds unix_time() {
  return std::chrono::floor<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
}

} // namespace thor::backend
