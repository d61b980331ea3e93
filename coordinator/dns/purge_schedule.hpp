// Which names PowerDNS is to forget, and when once more.
//
// An answer that PowerDNS fetched before a change and stored after the purge would be served for
// its whole query-cache-ttl. So each name is purged again after times that double: soon, because
// such an answer is wrong until then, and late, because a busy PowerDNS takes long to store one.
// Names that are due together go together, and repeats go along with any command after half of
// their time, but for those of a serial: a row of changes then costs one command each. PURE: a
// value, one owner; its size is the number of names that changed within the time of all repeats.
#pragma once

#include "coordinator/model/time.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace thor::dns {

/// Beyond this many names that are due, the whole zone of those that came last is purged instead:
/// `zone$` walks PowerDNS's caches once.
inline constexpr std::size_t purge_names_max = 200;
/// Octets of the names of one command; PowerDNS reads control lines of at most 16 KiB.
inline constexpr std::size_t purge_names_octets_max = 12'000;
/// Between a purge and its first repeat; each time after that is twice as long.
inline constexpr std::chrono::milliseconds purge_repeat_first{8};
/// The longest time between two purges of one change.
inline constexpr std::chrono::milliseconds purge_repeat_last{64};
/// After the last change of a serial the apex is purged after the first of these times, in a row of
/// changes at the latest after the second.
inline constexpr std::chrono::milliseconds purge_serial_after{40};
inline constexpr std::chrono::milliseconds purge_serial_latest{200};

class purge_schedule {
 public:
  /// The answers of these names, absolute and of the zone with this apex, are others now. `apex$`
  /// stands for all names of the zone.
  void changed(model::time_point now, const std::vector<std::string>& names,
               const std::string& apex);

  /// Nothing of the apex changed but the serial. Its purge waits until the changes are over, and is
  /// repeated once: PowerDNS needs the SOA for every answer, and with it forgets the keys and the
  /// metadata of the zone, so that each of these purges holds up what others are to show.
  void serial_changed(model::time_point now, const std::string& apex);

  /// All that PowerDNS keeps is to go.
  void everything_changed(model::time_point now);

  /// What one command is to purge now, empty: nothing. A single empty name stands for everything.
  /// They are under way until purged() or put_back() is called, before the next take().
  std::vector<std::string> take(model::time_point now);
  /// Those under way were purged.
  void purged(model::time_point now);
  /// They were not: they are due again at once.
  void put_back(model::time_point now);

  /// When take() is to be called again; model::never when nothing waits.
  [[nodiscard]] model::time_point next_due() const;

 private:
  struct turn {
    model::time_point at;
    std::chrono::milliseconds repeat_after; ///< above purge_repeat_last: no more
    /// Until when a serial may be put off; in the past for other changes.
    model::time_point latest{};
    /// From when on it goes along with others.
    model::time_point welcome_at = at;
  };
  void queue(const std::string& name, turn next);
  void take_turn(std::map<std::string, turn>::iterator found);
  bool take(std::map<std::string, turn>::iterator found, std::size_t& octets,
            std::vector<std::string>& into);
  [[nodiscard]] std::size_t due_count(model::time_point now) const;

  std::map<std::string, turn> names_;
  std::set<std::pair<model::time_point, std::string>> order_; ///< the same, by time
  std::vector<std::pair<std::string, turn>> under_way_;
};

} // namespace thor::dns
