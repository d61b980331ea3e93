// How often something may happen: an average and a burst, held in one time point (the generic cell
// rate algorithm of ATM Forum TM 4.0 section 4.4.2).
#pragma once

#include "coordinator/broker/limits.hpp"

#include <algorithm>

namespace thor::broker {

class rate_limit {
 public:
  explicit constexpr rate_limit(frame_rate rate)
      : interval_(std::chrono::seconds(1))
      , tolerance_(interval_ / rate.per_second * rate.burst) {
    interval_ /= rate.per_second;
  }

  /// True when one more is within the limit; it is then counted.
  constexpr bool pass(model::time_point now) {
    const auto expected = std::max(expected_, now);
    if (expected + interval_ - now > tolerance_)
      return false;
    expected_ = expected + interval_;
    return true;
  }

 private:
  model::duration interval_; ///< between two at the average rate
  model::duration tolerance_;
  model::time_point expected_ = model::time_point::min();
};

} // namespace thor::broker
