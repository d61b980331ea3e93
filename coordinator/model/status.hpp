// The network status: who is online, as the active manager judges it, and how consumers follow it.
//
// A status is ordered by (epoch, sequence). Consumers hold a `view` and fold events into it with
// reduce(); they never go back. Pure values; reduce() is the only way a view changes.
#pragma once

#include "coordinator/model/presence.hpp"
#include "coordinator/model/time.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace thor::model {

/// Fencing token of an active manager: a later one always has the greater epoch.
struct epoch {
  std::uint64_t counter = 0;
  std::string manager; ///< node id text; "" only in the epoch before any manager
  friend auto operator<=>(const epoch&, const epoch&) = default;
};

/// A new epoch's counter may be at most this far ahead of the local clock.
inline constexpr std::chrono::seconds epoch_lead_max{3600};
bool is_far_future(const epoch& e, unix_time now);

struct member {
  presence what;
  unix_time since{}; ///< admitted at; kept across changes of the presence
  friend bool operator==(const member&, const member&) = default;
};

enum class withdrawal : std::uint8_t { left, closed, silent, replaced, revoked, expired };
std::string_view to_string(withdrawal reason);

using member_map = std::map<node_id, member>;

/// A position in the stream of statuses.
struct position {
  epoch at;
  std::uint64_t sequence = 0;
  friend auto operator<=>(const position&, const position&) = default;
};

/// The whole status.
struct status_full {
  position where;
  std::uint32_t serial = 0; ///< SOA serial of the zone that shows this status
  member_map members;
  friend bool operator==(const status_full&, const status_full&) = default;
};

struct removal {
  node_id id;
  withdrawal reason = withdrawal::left;
  friend bool operator==(const removal&, const removal&) = default;
};

/// What changed since the status with sequence `where.sequence - 1` of the same epoch. Removals
/// come before upserts.
struct status_delta {
  position where;
  std::uint32_t serial = 0;
  std::vector<member> upserts;
  std::vector<removal> removals;
  friend bool operator==(const status_delta&, const status_delta&) = default;
};

/// Sent every second by the active manager: nothing changed, this is where I am.
struct status_beat {
  position where;
  std::uint32_t serial = 0;
  std::uint64_t digest = 0; ///< digest(members) at `where`
  friend bool operator==(const status_beat&, const status_beat&) = default;
};

using status_event = std::variant<status_full, status_delta, status_beat>;
const position& position_of(const status_event& e);

/// Order-independent digest of a member set: the exclusive or over all members of
/// XXH64(seed 0) of "<id> <incarnation> <sequence>". 0 for the empty set.
std::uint64_t digest(const member_map& members);
std::uint64_t digest_of(const node_id& id, const version& at);

/// What a consumer knows. `known` is false until the first full status.
struct view {
  bool known = false;
  position where;
  std::uint32_t serial = 0;
  member_map members;
};

enum class verdict : std::uint8_t {
  applied,    ///< the view moved
  current,    ///< nothing new (a beat that agrees, a duplicate)
  stale,      ///< from a lower epoch or an earlier sequence: ignored
  gap,        ///< something was missed: ask for a full status
  far_future, ///< the epoch's counter is more than an hour ahead of the local clock: refused, alarm
};
std::string_view to_string(verdict v);

struct reduced {
  verdict what = verdict::current;
  std::vector<node_id> changed; ///< members added, changed or removed, ascending
};

/// Folds one event into the view. `now` bounds the counter of a new epoch. On every verdict but
/// `applied` the view is unchanged and stays valid. A view that is not known yet may carry a
/// position, remembered from an earlier run: nothing before it is accepted. A full status for the
/// position the view already has is applied when its contents differ, and a beat whose digest or
/// serial differs there is a `gap`.
reduced reduce(view& v, const status_event& event, unix_time now);

} // namespace thor::model
