// When the secondaries of which zone are to be told of a new serial (NOTIFY, RFC 1996).
//
// A zone that changes once is told after notify_delay, one that goes on changing once every
// notify_interval, and the last change is never left untold. Zones do not wait for each other.
// PURE: a value, one owner; its size is the number of zones that changed within notify_interval.
#pragma once

#include "coordinator/model/time.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace thor::dns {

/// A NOTIFY makes secondaries ask for the SOA. PowerDNS may have put an old one into its cache
/// while the change was purged; after this time it was purged once more (purge_schedule.hpp).
inline constexpr std::chrono::milliseconds notify_delay{120};
/// The least time between two notifications of one zone.
inline constexpr std::chrono::seconds notify_interval{1};

class notify_schedule {
 public:
  /// The zone has a new serial.
  void changed(model::time_point now, const std::string& apex);

  /// A zone whose secondaries are to be told now. It counts as told from here on.
  std::optional<std::string> take(model::time_point now);

  /// They were not told: the zone comes again at `when`.
  void put_back(const std::string& apex, model::time_point when);

  /// When take() is to be called again; model::never when nothing waits.
  [[nodiscard]] model::time_point next_due() const;

 private:
  struct turn {
    model::time_point at;
    bool wanted = false; ///< else the zone only waits for its interval to end
  };
  void queue(const std::string& apex, turn next);

  std::map<std::string, turn> zones_;
  std::set<std::pair<model::time_point, std::string>> order_; ///< the same, by time
};

} // namespace thor::dns
