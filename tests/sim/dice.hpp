// The only source of chance in the simulation: the same seed gives the same numbers everywhere.
#pragma once

#include "coordinator/model/time.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace thor::sim {

class dice {
 public:
  explicit dice(std::uint64_t seed)
      : state_(seed) {}

  /// SplitMix64.
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15;
    auto z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// 0 to n - 1; n > 0.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }
  /// low to high, both included.
  std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }
  bool chance(double probability) { return fraction() < probability; }

  model::duration between(model::duration low, model::duration high) {
    const auto span = static_cast<std::size_t>((high - low).count()) + 1;
    return low + model::duration(static_cast<model::duration::rep>(below(span)));
  }
  /// Each order of magnitude between the two is as likely as the others; low > 0.
  model::duration any_scale(model::duration low, model::duration high) {
    const auto l = static_cast<double>(low.count());
    const auto h = static_cast<double>(high.count());
    return model::duration(static_cast<model::duration::rep>(l * std::pow(h / l, fraction())));
  }
  /// Another generator, so that what one part draws does not shift what another one gets.
  dice fork() { return dice(next()); }

 private:
  double fraction() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  std::uint64_t state_;
};

} // namespace thor::sim
