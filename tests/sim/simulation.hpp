// One history from its seed: an overlay starts, agrees, suffers, is healed, and agrees again.
#pragma once

#include "tests/sim/laws.hpp"
#include "tests/sim/planted.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace thor::sim {

/// After healing, and after the start, every thor-dns shows exactly the live set within this time:
/// a member that flapped waits a minute for re-admission, the others need a quarter of that.
inline constexpr std::chrono::seconds agreement_max{75};

struct outcome {
  std::optional<violation> broken;
  std::chrono::milliseconds simulated{};
  std::chrono::milliseconds healed_within{};
};

outcome simulate(std::uint64_t seed, fault planted = fault::none, bool trace = false);

} // namespace thor::sim
