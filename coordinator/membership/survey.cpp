#include "coordinator/membership/survey.hpp"

#include <algorithm>

namespace thor::membership {

bool survey::complete(model::time_point now, std::span<const event_server> servers,
                      bool status_known) {
  next_ = model::never;
  if (complete_)
    return true;
  std::size_t reachable = 0;
  auto settled_from = model::never;
  for (const auto& s : servers) {
    if (!s.reachable())
      continue;
    ++reachable;
    settled_from = std::min(settled_from, s.may_deny_from());
  }
  if (reachable == 0)
    return false;
  first_sync_ = std::min(first_sync_, now);
  const bool all_there = expected_ > 0 && reachable >= expected_;
  auto from = all_there ? now : first_sync_ + lease;
  if (had_network_ && !status_known)
    from = std::max(from, settled_from);
  if (from <= now)
    return complete_ = true;
  next_ = from;
  return false;
}

} // namespace thor::membership
