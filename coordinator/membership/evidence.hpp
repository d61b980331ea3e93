// What the event servers say about one member, and what follows from it at a given time. Pure
// arithmetic, no state: the rules of DESIGN section 5 as functions.
#pragma once

#include "coordinator/membership/limits.hpp"
#include "coordinator/model/status.hpp"
#include "coordinator/wire/message.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace thor::membership {

/// An age as a duration, bounded so that no claim from outside can overflow a time.
model::duration age_of(std::uint64_t age_ms);

/// One connection to an event server, as the judge sees it.
struct event_server {
  std::string link;     ///< how inputs name it
  std::string id;       ///< node id of the event server
  std::string instance; ///< of its process
  bool up = false;
  bool synced = false;              ///< its retained presences have all arrived
  bool fresh = false;               ///< its heartbeats come
  bool admitting = false;           ///< absence at it proves nothing yet
  model::time_point started_at{};   ///< of its process
  model::time_point heard_at{};     ///< last heartbeat, or welcome
  model::time_point trusted_from{}; ///< until then we doubt its view, or ours of it
  model::time_point resubscribe_from = model::time_point::min(); ///< see check_digest
  std::chrono::seconds resubscribe_interval = resubscribe_interval_min;
  std::uint64_t live_members = 0; ///< members it said are connected or late
  std::uint64_t live_digest = 0;  ///< model::digest_of over them

  /// It takes part in judgements.
  [[nodiscard]] bool reachable() const { return up && synced && fresh; }
  /// Its word is current: were it frozen, a heartbeat would be missing.
  [[nodiscard]] bool is_current(model::time_point now) const {
    return now < heard_at + heartbeat_late_max;
  }
  /// From when on what it saw counts against a member ...
  [[nodiscard]] model::time_point may_accuse_from() const {
    return admitting ? model::never : std::max(trusted_from, started_at + lease);
  }
  /// ... and that it does not know a member at all.
  [[nodiscard]] model::time_point may_deny_from() const {
    return admitting ? model::never : std::max(trusted_from, started_at + absence_grace);
  }
};

/// The last fact of one event server about one member.
struct sighting {
  std::size_t server = 0; ///< index of the event_server
  model::version at;
  wire::fact_state state = wire::fact_state::connected;
  model::time_point since{};                  ///< the state began, or the member was last heard
  model::time_point gone_from = model::never; ///< from then on it speaks against the member
  bool silent = false;                        ///< it fell silent before its connection ended

  [[nodiscard]] bool open() const {
    return state == wire::fact_state::connected || state == wire::fact_state::late;
  }
};

/// The sighting that `about`, received now, makes of the one before.
sighting sight(model::time_point now, std::size_t server, const wire::fact& about,
               const sighting* before);

/// One member's evidence.
struct evidence {
  std::span<const event_server> servers;
  std::span<const sighting> sightings;
  std::uint64_t incarnation = 0;     ///< of its latest presence; sightings of earlier ones are void
  model::version left_at;            ///< sightings up to here are void: the member has left since
  model::time_point vouched_until{}; ///< when it was last vouched for
};

/// Who speaks for the member.
struct support {
  bool present = false; ///< a fresh event server has it connected and heard it within the lease
  bool timely = false;  ///< ... and its renewals come in time there
  bool vouched = false; ///< it is present, or had its connection closed a moment ago
  model::time_point until = model::never; ///< without news it is vouched for until then
};
support support_of(model::time_point now, const evidence& e);

/// Who speaks against a member that nobody vouches for.
struct accusation {
  std::size_t accusers = 0;
  std::size_t needed = 0; ///< min(confirmations_max, reachable event servers)
  model::withdrawal reason = model::withdrawal::silent;
  model::time_point next = model::never; ///< without news it stays as it is until then
  [[nodiscard]] bool holds() const { return needed > 0 && accusers >= needed; }
};
accusation accusation_of(model::time_point now, const evidence& e);

/// Event servers cut the member off because of its certificate.
struct cut_off {
  model::withdrawal reason = model::withdrawal::revoked;
  model::time_point until{}; ///< it holds until then
};
/// Nothing unless as many say so as an accusation needs: a fact bears no signature, so one event
/// server that lies must not be enough. Whoever else vouches for the member does not count.
std::optional<cut_off> cut_off_of(model::time_point now, const evidence& e);

} // namespace thor::membership
