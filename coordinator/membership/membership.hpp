// The judge: event servers report facts, this machine says who is a member.
//
// It keeps what every event server says about every member and applies the rules of README.md in
// this folder. What counts is evidence, not events: news about a member, about a server, or the
// passing of a deadline lead to the same question, evidence.hpp answers it. A deadline costs the
// logarithm of the number of members; only a change of an event server itself looks at all members.
//
// PURE: a state machine on injected time, one owner, one thread. Members not admitted are kept for
// a while (gone_memory), so that late copies of what they said earlier stay harmless.
#pragma once

#include "coordinator/membership/effect.hpp"
#include "coordinator/membership/evidence.hpp"
#include "coordinator/membership/flap_damper.hpp"
#include "coordinator/membership/mass_guard.hpp"
#include "coordinator/membership/server_roster.hpp"

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace thor::membership {

// ---- what the judge hears. `server` names the link. The caller verified authors.

/// The event server said welcome; its snapshot follows.
struct server_up {
  std::string server;
  wire::welcome hello;
};
/// Thor.Presence of this server is synced. Subscribe to Thor.Leave before it.
struct server_synced {
  std::string server;
};
struct server_down {
  std::string server;
};
struct server_heartbeat {
  std::string server;
  wire::heartbeat beat;
};
struct heard_presence {
  std::string server;
  model::presence what;
  wire::fact about;
};
struct heard_fact {
  std::string server;
  wire::fact about;
};
struct heard_leave {
  std::string server;
  wire::leave what;
};
/// The members of the last network status, which another manager or an earlier run published. Those
/// that we have not judged yet are admitted, and judged like all others from now on.
struct retained {
  model::member_map members;
};

using input = std::variant<server_up, server_synced, server_down, server_heartbeat, heard_presence,
                           heard_fact, heard_leave, retained>;

class membership {
 public:
  void on_event(model::time_point now, const input& in, effects& out);
  void on_deadline(model::time_point now, effects& out);
  [[nodiscard]] model::time_point next_deadline() const;

  [[nodiscard]] std::span<const event_server> servers() const { return roster_.all(); }
  /// Number of admitted members.
  [[nodiscard]] std::size_t members() const { return records_.size() - gone_.size(); }
  /// Number of members that are gone, or wait for admission, and are not forgotten yet.
  [[nodiscard]] std::size_t gone() const { return gone_.size(); }
  /// It is admitted, and an event server hears it in time.
  [[nodiscard]] bool timely(const model::node_id& id) const;

 private:
  struct record {
    explicit record(model::presence p)
        : what(std::move(p)) {}
    model::presence what; ///< the latest; version 0.0 when only a leave was heard
    std::vector<sighting> sightings;
    bool admitted = false;
    bool withdrawn = false; ///< by us, and not admitted since
    bool overdue = false;   ///< as the mass guard counts it
    model::version left_at;
    std::optional<model::time_point> held_until; ///< it left and means to be back
    bool vouched = false;
    /// While vouched for: without news until then. Otherwise: when it last was.
    model::time_point vouched_until = model::time_point::min();
    /// Set by a newer incarnation: by then every event server should have dropped the older one.
    model::time_point alone_from = model::never;
    flap_damper flaps;
    model::time_point deadline = model::never;
    model::time_point gone_at{}; ///< while not admitted
  };

  // What each input does.
  void on(model::time_point now, const server_up& in, effects& out);
  void on(model::time_point now, const server_synced& in, effects& out);
  void on(model::time_point now, const server_down& in, effects& out);
  void on(model::time_point now, const server_heartbeat& in, effects& out);
  void on(model::time_point now, const heard_presence& in, effects& out);
  void on(model::time_point now, const heard_fact& in, effects& out);
  void on(model::time_point now, const heard_leave& in, effects& out);
  void on(model::time_point now, const retained& in, effects& out);

  // What is known.
  record& find_or_add(model::time_point now, const model::presence& what);
  void see(model::time_point now, record& r, std::size_t server, const wire::fact& about);
  void forget_sighting(record& r, std::size_t server);
  void take_presence(model::time_point now, record& r, const model::presence& what, effects& out);
  void forget_gone(model::time_point now);

  // What follows from it. Each returns when to look again without news.
  [[nodiscard]] evidence evidence_of(const record& r) const;
  void evaluate_all(model::time_point now, effects& out);
  void evaluate(model::time_point now, record& r, effects& out);
  model::time_point judge(model::time_point now, record& r, const support& s, effects& out);
  model::time_point judge_held(model::time_point now, record& r, model::time_point until,
                               effects& out);
  model::time_point consider(model::time_point now, record& r, const support& s, effects& out);

  void check_alone(model::time_point now, record& r, effects& out);
  void admit(record& r, bool overdue, effects& out);
  void withdraw(model::time_point now, record& r, model::withdrawal reason, effects& out);
  void note_silence(model::time_point now, record& r, effects& out);
  void set_overdue(record& r, bool overdue);
  void schedule(record& r, model::time_point when);

  server_roster roster_;
  std::map<model::node_id, record> records_;
  /// Of the records: when to look at which again, and which are not admitted, since when.
  std::set<std::pair<model::time_point, model::node_id>> deadlines_;
  std::set<std::pair<model::time_point, model::node_id>> gone_;
  mass_guard guard_;
};

} // namespace thor::membership
