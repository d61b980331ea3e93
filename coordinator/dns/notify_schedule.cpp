#include "coordinator/dns/notify_schedule.hpp"

namespace thor::dns {

void notify_schedule::changed(model::time_point now, const std::string& apex) {
  const auto found = zones_.find(apex);
  if (found != zones_.end()) {
    found->second.wanted = true;
  } else {
    queue(apex, {.at = now + notify_delay, .wanted = true});
  }
}

std::optional<std::string> notify_schedule::take(model::time_point now) {
  while (!order_.empty() && order_.begin()->first <= now) {
    const std::string apex = order_.begin()->second;
    if (zones_.at(apex).wanted) {
      queue(apex, {.at = now + notify_interval, .wanted = false});
      return apex;
    }
    order_.erase(order_.begin());
    zones_.erase(apex);
  }
  return std::nullopt;
}

void notify_schedule::put_back(const std::string& apex, model::time_point when) {
  queue(apex, {.at = when, .wanted = true});
}

model::time_point notify_schedule::next_due() const {
  return order_.empty() ? model::never : order_.begin()->first;
}

/// In the place of the zone's turn before.
void notify_schedule::queue(const std::string& apex, turn next) {
  const auto [found, added] = zones_.try_emplace(apex, next);
  if (!added) {
    order_.erase({found->second.at, apex});
    found->second = next;
  }
  order_.emplace(next.at, apex);
}

} // namespace thor::dns
