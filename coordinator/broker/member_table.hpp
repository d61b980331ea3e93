// What an event server retains of each member, and when it has to look at it again.
//
// A record exists from a member's first presence (or leave) until `ended_kept` after its connection
// ended. Exactly one deadline belongs to a record that waits for something: a connected one for
// being late, an ended one for being forgotten. PURE; a plain value inside the broker.
#pragma once

#include "coordinator/broker/limits.hpp"
#include "coordinator/wire/message.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace thor::broker {

/// Never used twice in the life of a process.
using session_id = std::uint64_t;

/// An encoded frame, shared by all the sessions that it is sent to.
using frame = std::shared_ptr<const std::string>;

struct record {
  model::version at;                         ///< of the last presence or leave
  std::optional<wire::signed_body> presence; ///< nothing after a leave
  frame leave;                               ///< nothing unless the member left
  frame statistics;
  std::optional<session_id> session; ///< the connection that announces it
  wire::fact_state state = wire::fact_state::connected;
  model::time_point since; ///< last heard while connected or late, otherwise when that ended
  model::time_point due = model::never;

  /// Counts in the live set: connected, with a presence.
  [[nodiscard]] bool live() const {
    return presence && (state == wire::fact_state::connected || state == wire::fact_state::late);
  }
};

class member_table {
 public:
  using records = std::map<model::node_id, record>;

  [[nodiscard]] const records& all() const { return records_; }
  [[nodiscard]] const record* find(const model::node_id& id) const;
  /// There is a record of `id`, or room for one.
  [[nodiscard]] bool has_room_for(const model::node_id& id) const;

  /// A presence was accepted from `session`.
  void present(const model::node_id& id, const model::version& at, wire::signed_body what,
               session_id session, model::time_point now);
  /// A leave was accepted; it is kept for `hold` more than usual.
  void leave(const model::node_id& id, const model::version& at, frame what, model::duration hold,
             model::time_point now);

  // The following need a record of `id`.

  void keep_statistics(const model::node_id& id, frame what);
  /// A renewal came. True when the member had been late.
  bool heard(const model::node_id& id, model::time_point now);
  /// The same process announces it over another connection.
  void rebind(const model::node_id& id, session_id session);
  /// The connection ended; `how` is closed, revoked or expired.
  void end(const model::node_id& id, wire::fact_state how, model::time_point now);

  /// The process was paused for `pause`: that time does not count as silence.
  void forgive(model::duration pause);

  /// Forgets what has been ended long enough and returns those that have just become late.
  std::vector<model::node_id> on_deadline(model::time_point now);
  [[nodiscard]] model::time_point next_deadline() const;

  struct live_set {
    std::uint64_t members = 0;
    std::uint64_t digest = 0; ///< model::digest_of over them
  };
  [[nodiscard]] live_set live() const;

 private:
  void wait_until(const model::node_id& id, record& r, model::time_point due);

  records records_;
  std::set<std::pair<model::time_point, model::node_id>> due_;
};

} // namespace thor::broker
