// What one serving thread counts and says about whom it turns away.
#pragma once

#include "backend/serve/counters.hpp"
#include "backend/serve/server.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace thor::backend {

/// Lets `lines` pass in each period, and tells with the first of the next one how many it held
/// back.
class flood_gate {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  flood_gate(unsigned lines, std::chrono::steady_clock::duration period)
      : lines_(lines)
      , period_(period) {}

  /// How many lines were held back since the last that passed, or nothing to hold back this one.
  std::optional<std::uint64_t> pass(time_point now);

 private:
  unsigned lines_;
  std::chrono::steady_clock::duration period_;
  std::optional<time_point> begin_; ///< of the period
  unsigned passed_ = 0;             ///< in the period
  std::uint64_t held_ = 0;
};

/// Used by its own thread only; the counters are shared. Both references must outlive it.
class journal {
 public:
  journal(serve_counters& counters, const log_sink& log);

  /// Counts the refusal and logs it: "refused 127.0.0.1:40112 (wrong_token): ...".
  void refuse(refusal reason, std::string_view whom, std::string_view detail);
  void say(log_level level, std::string text);
  /// For the end of a coroutine: an exception is a bug, and is logged. Nothing when it is nullptr.
  void report(const std::exception_ptr& thrown);

  [[nodiscard]] serve_counters& counters() { return counters_; }

 private:
  serve_counters& counters_;
  const log_sink& log_;
  flood_gate gate_;
};

} // namespace thor::backend
