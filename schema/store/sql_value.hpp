// SQLite's integers are signed and it knows no time: how ours are stored. Pure.
#pragma once

#include "coordinator/model/time.hpp"

#include <chrono>
#include <cstdint>

namespace thor::store {

inline std::int64_t stored(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}
inline std::uint64_t restored(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}
inline std::int64_t stored(model::unix_time t) {
  return t.time_since_epoch().count();
}
inline model::unix_time time_of(std::int64_t s) {
  return model::unix_time(std::chrono::seconds(s));
}

} // namespace thor::store
