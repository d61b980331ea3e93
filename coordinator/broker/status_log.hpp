// The retained part of Thor.Members: the last whole status and the deltas after it, as the frames
// that a new subscriber gets.
//
// It keeps only what continues without a gap, so that a subscriber that folds the frames arrives at
// the manager's position. PURE; a plain value inside the broker.
#pragma once

#include "coordinator/broker/member_table.hpp"
#include "coordinator/model/status.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace thor::broker {

class status_log {
 public:
  enum class verdict : std::uint8_t {
    accepted,
    stale,       ///< below what is retained
    full_needed, ///< does not continue what is retained, or there is no room for it
    far_future,  ///< the epoch's counter is too far ahead of the local clock
  };

  [[nodiscard]] verdict judge(const model::status_event& status, std::size_t frame_octets,
                              model::unix_time now) const;
  /// Precondition: judged accepted. A beat is not retained.
  void keep(const model::status_event& status, frame encoded);

  [[nodiscard]] const std::vector<frame>& retained() const { return retained_; }
  /// Position of the last retained frame.
  [[nodiscard]] const std::optional<model::position>& where() const { return where_; }

 private:
  std::vector<frame> retained_;
  std::size_t deltas_octets_ = 0;
  std::optional<model::position> where_;
};

} // namespace thor::broker
