// What one side of an overlay that fell apart may do.
#pragma once

#include <cstddef>
#include <cstdint>

namespace thor::model {

enum class partition_policy : std::uint8_t {
  /// Each side serves what it sees; where no manager is alive, every thor-dns judges for itself.
  available,
  /// A side without the majority of the configured managers publishes nothing and keeps its zone.
  majority,
};

/// The operator's choice, the same on every manager and thor-dns of an overlay.
struct partition_rule {
  partition_policy policy = partition_policy::available;
  /// How many managers the operator has set up. At least 1 under `majority`; otherwise unused.
  std::size_t managers = 0;

  /// So many of them, of those that are set up, may go on.
  [[nodiscard]] bool allows(std::size_t alive) const {
    return policy == partition_policy::available || 2 * alive > managers;
  }
};

/// An overlay has at most this many managers.
inline constexpr std::size_t managers_max = 99;

} // namespace thor::model
