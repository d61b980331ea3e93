// When a starting manager has heard enough to speak: a network status that misses half of the
// members because their news had not arrived yet would empty the DNS.
#pragma once

#include "coordinator/membership/evidence.hpp"

#include <cstddef>
#include <span>

namespace thor::membership {

class survey {
 public:
  /// `event_servers`: how many are configured; 0 = not known, they are found by DNS. `had_network`:
  /// there was a network status before our start.
  survey(std::size_t event_servers, bool had_network)
      : expected_(event_servers)
      , had_network_(had_network) {}

  /// Every configured event server has synced, or a lease has passed since one did. Besides, when
  /// there was a network and no event server retained its status (`status_known`), they have all
  /// restarted: then one of them must have run long enough for the members to return.
  bool complete(model::time_point now, std::span<const event_server> servers, bool status_known);

  /// When complete() may become true without news; never once it is.
  [[nodiscard]] model::time_point next_deadline() const { return next_; }

 private:
  std::size_t expected_;
  bool had_network_;
  bool complete_ = false;
  model::time_point first_sync_ = model::never;
  model::time_point next_ = model::never;
};

} // namespace thor::membership
