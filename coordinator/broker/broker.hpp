// The event server as a state machine: who is connected, what each may publish, what is retained,
// who gets what.
//
// PURE: sessions, frames and time come in, effects go out in the order in which they are to be
// performed. The edge (coordinator/daemon/eventserver) owns the sockets: it opens a session when a
// peer has completed TLS and WebSocket handshakes with a certificate of this overlay, hands in
// whole text frames, and performs the effects; a slow or dead subscriber is its business, which the
// machine hears of as session_closed. The protocol is coordinator/wire/README.md.
//
// The machine reports facts about connections and never judges membership. It verifies what it
// relays, so that a refusal reaches the author; consumers verify again.
//
// One thread. Sessions that the machine closes are gone for it at once: later inputs of theirs are
// ignored.
#pragma once

#include "coordinator/broker/member_table.hpp"
#include "coordinator/broker/rate_limit.hpp"
#include "coordinator/broker/status_log.hpp"
#include "coordinator/identity/peer.hpp"
#include "coordinator/wire/codec.hpp"

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace thor::broker {

// ---- inputs

/// A peer with a verified certificate of this overlay has connected.
struct session_opened {
  session_id session;
  identity::peer who;
  model::ip_address from;
};
/// `wall` is the unix time of its arrival: certificates and epochs are judged by it.
struct frame_received {
  session_id session;
  std::string text;
  model::unix_time wall;
};
/// The connection ended, whoever ended it.
struct session_closed {
  session_id session;
};
/// The peer's certificate is no longer good: revoked, expired, or its CA is gone.
struct peer_barred {
  session_id session;
  identity::error why;
};
/// Connections wait to be accepted or to complete their handshakes (`queued`), or no longer do.
struct admission_changed {
  bool queued;
};
using input =
    std::variant<session_opened, frame_received, session_closed, peer_barred, admission_changed>;

// ---- effects

/// `retained`: part of a subscription's snapshot, which does not count as being slow.
struct send {
  session_id to;
  frame text;
  bool retained = false;
};
/// After everything sent before.
struct close {
  session_id which;
  wire::close_code code;
  std::string reason;
};
enum class level : std::uint8_t { debug, info, warn, error };
struct note {
  level how;
  std::string text;
};
/// What is counted; the label's meaning in brackets.
enum class counter : std::uint8_t {
  frames,  ///< accepted [their type]
  refused, ///< frames or sessions not accepted [the reason]
  closed,  ///< sessions closed by this machine [the reason]
  alarms,  ///< what a person must look at [its kind]
};
struct count {
  counter what;
  std::string_view label; ///< of static storage
};
using effect = std::variant<send, close, note, count>;
using effects = std::vector<effect>;

/// Who signed these octets, by the rules of wire/README.md section 7: a pure function of the
/// operator's CA and the arguments (identity::x509::author_verifier::verify).
using author_check = std::function<std::expected<identity::peer, identity::error>(
    std::string_view octets, std::string_view signature, std::string_view certificate,
    model::unix_time now)>;

struct options {
  std::string server;   ///< node id of this event server
  std::string instance; ///< 16 hex digits, new at every start
  /// What members without SAN addresses may publish beyond their connection's address.
  std::vector<model::ip_network> address_ranges;
};

class broker {
 public:
  broker(options how, author_check authors, model::time_point started);

  void on_event(model::time_point now, const input& in, effects& out);
  void on_deadline(model::time_point now, effects& out);
  [[nodiscard]] model::time_point next_deadline() const;

  // For people.
  [[nodiscard]] const member_table& members() const { return members_; }
  [[nodiscard]] const status_log& status() const { return status_; }
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
  [[nodiscard]] std::size_t subscribers(wire::topic about) const;
  /// Reconnections may be under way: absence proves nothing.
  [[nodiscard]] bool admitting(model::time_point now) const;

 private:
  struct session {
    session_id number;
    identity::peer who;
    model::ip_address from;
    model::time_point opened;
    rate_limit frames;
    std::optional<wire::hello> greeting{};

    [[nodiscard]] bool announcing() const { return greeting && greeting->incarnation != 0; }
    [[nodiscard]] std::string name() const { return who.id.text() + " at " + from.text(); }
  };
  /// A frame that was not accepted: why, and what then.
  struct refusal {
    std::string_view reason; ///< of static storage
    std::string detail;
    std::optional<wire::close_code> then{};
  };
  using accepted = std::expected<void, refusal>;

  static void refuse_session(const session_opened& in, std::size_t open, effects& out);
  void handle(model::time_point now, const session_opened& in, effects& out);
  void handle(model::time_point now, const frame_received& in, effects& out);
  void handle(model::time_point now, const session_closed& in, effects& out);
  void handle(model::time_point now, const peer_barred& in, effects& out);
  void handle(model::time_point now, const admission_changed& in, effects& out);

  accepted receive(model::time_point now, session& from, const frame_received& in, effects& out);
  accepted greet(model::time_point now, session& from, const wire::hello& m, effects& out);
  accepted take_place(model::time_point now, const session& newcomer, std::uint64_t incarnation,
                      effects& out);
  accepted subscribe(model::time_point now, const session& from, const wire::subscribe& m,
                     effects& out);
  accepted renew(model::time_point now, const session& from, const wire::renew& m, effects& out);
  accepted publish(model::time_point now, const session& from, const wire::signed_body& what,
                   model::unix_time wall, effects& out);
  accepted publish_presence(model::time_point now, const session& from,
                            const identity::peer& author, const wire::signed_body& what,
                            effects& out);
  accepted publish_leave(model::time_point now, const session& from, const identity::peer& author,
                         const wire::signed_body& what, effects& out);
  accepted publish_status(const identity::peer& author, const wire::signed_body& what,
                          model::unix_time wall, effects& out);
  accepted publish_statistics(const session& from, const identity::peer& author,
                              const wire::signed_body& what, effects& out);
  [[nodiscard]] accepted check_version(const session& from, const model::node_id& id,
                                       const model::version& at) const;

  void refuse(const session& who, const refusal& why, effects& out) const;
  void drop(model::time_point now, session_id which, wire::close_code code, std::string reason,
            std::string_view label, wire::fact_state how, effects& out);
  void forget_session(model::time_point now, session_id which, wire::fact_state how, effects& out);
  void notice_pause(model::time_point now, effects& out);
  void beat(model::time_point now, effects& out);
  void report(model::time_point now, const model::node_id& id, effects& out) const;
  std::uint64_t send_retained(model::time_point now, session_id to, wire::topic about,
                              effects& out) const;
  void broadcast(wire::topic about, const frame& text, effects& out) const;
  [[nodiscard]] std::uint64_t age_ms(model::time_point now) const;

  options how_;
  author_check authors_;
  model::time_point started_;
  std::map<session_id, session> sessions_;
  std::map<model::node_id, std::size_t> sessions_of_; ///< how many
  std::map<model::node_id, session_id> announcing_;
  std::array<std::set<session_id>, 4> subscribers_; ///< by topic
  /// Sessions without hello, in the order of their opening, which is that of their deadlines.
  std::set<std::pair<model::time_point, session_id>> silent_;
  member_table members_;
  status_log status_;
  std::uint64_t beats_ = 0;
  model::time_point next_beat_;
  model::time_point last_call_;
  model::time_point settled_at_; ///< until then the server is too young or was paused
  bool queued_ = false;
};

} // namespace thor::broker
