// One member's history of silences, and how long it has to wait for re-admission because of them.
#pragma once

#include "coordinator/membership/limits.hpp"
#include "coordinator/model/time.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace thor::membership {

class flap_damper {
 public:
  flap_damper() { silences_.fill(model::time_point::min()); }

  /// The member fell silent. Returns the delay of its re-admission, 0 = none.
  std::chrono::seconds fell_silent(model::time_point now) {
    const bool calm = now >= readmit_from_ + flap_window;
    std::ranges::rotate(silences_, silences_.begin() + 1);
    silences_.back() = now;
    const bool flaps = silences_.front() + flap_window > now;
    if (delay_.count() > 0 && !calm)
      delay_ = std::min(2 * delay_, flap_delay_max);
    else
      delay_ = flaps ? flap_delay_min : std::chrono::seconds{0};
    if (delay_.count() > 0)
      readmit_from_ = now + delay_;
    return delay_;
  }

  [[nodiscard]] model::time_point readmit_from() const { return readmit_from_; }

 private:
  std::array<model::time_point, flap_silences_max> silences_{}; ///< the last ones, oldest first
  model::time_point readmit_from_ = model::time_point::min();
  std::chrono::seconds delay_{0};
};

} // namespace thor::membership
