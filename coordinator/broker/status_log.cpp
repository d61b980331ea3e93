#include "coordinator/broker/status_log.hpp"

#include <utility>
#include <variant>

namespace thor::broker {
status_log::verdict status_log::judge(const model::status_event& status, std::size_t frame_octets,
                                      model::unix_time now) const {
  const auto& offered = model::position_of(status);
  if (where_ && offered < *where_)
    return verdict::stale;
  // Retaining an epoch from the future would lock out every later manager.
  if ((!where_ || offered.at != where_->at) && model::is_far_future(offered.at, now))
    return verdict::far_future;
  if (std::holds_alternative<model::status_full>(status))
    return verdict::accepted;
  if (!where_ || offered.at != where_->at)
    return verdict::full_needed;
  if (std::holds_alternative<model::status_beat>(status))
    return offered == *where_ ? verdict::accepted : verdict::full_needed;
  if (offered == *where_)
    return verdict::stale;
  const bool continues = offered.sequence == where_->sequence + 1;
  const bool fits =
      retained_.size() <= deltas_max && deltas_octets_ + frame_octets <= deltas_octets_max;
  return continues && fits ? verdict::accepted : verdict::full_needed;
}

void status_log::keep(const model::status_event& status, frame encoded) {
  if (std::holds_alternative<model::status_beat>(status))
    return;
  where_ = model::position_of(status);
  if (std::holds_alternative<model::status_full>(status)) {
    retained_.clear();
    deltas_octets_ = 0;
  } else {
    deltas_octets_ += encoded->size();
  }
  retained_.push_back(std::move(encoded));
}

} // namespace thor::broker
