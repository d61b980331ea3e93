// The machine behind a member: to which event servers it keeps a connection, and what it says
// there.
//
// For every event server: connect, `hello` with the presence right behind it when one was
// announced, wait for `welcome`, subscribe, renew the presence, and start again with a jittered
// exponential backoff when the connection ends or goes silent. A member is connected only after
// `welcome`: with TLS 1.3 a server refuses a certificate after the client believes the handshake
// done. Its presence does not wait for that, because a far server is a round trip away. Messages of
// the event stream pass by this machine: it is told only that something was heard.
//
// PURE. Inputs and effects are values; the caller performs the effects in their order and reports
// what comes of them. Randomness comes from the seed. The effects of one call must be performed
// before the next call.
#pragma once

#include "coordinator/model/address.hpp"
#include "coordinator/model/presence.hpp"
#include "coordinator/model/time.hpp"
#include "coordinator/wire/message.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace thor::agent {

/// Wait before the n-th try in a row: backoff_first * 2^(n-1), at most backoff_max, each time
/// multiplied by a random factor from 0.5 to 1.5 (thor.v1 section 2).
inline constexpr std::chrono::milliseconds backoff_first{100};
inline constexpr std::chrono::milliseconds backoff_max{5000};
/// A connection that was up for this long was no failure: the next wait is the first again.
inline constexpr std::chrono::seconds stable_after{10};
/// From opening a connection to the end of its handshakes, and from `hello` to `welcome`.
inline constexpr std::chrono::seconds handshake_timeout{5};
/// Nothing heard for this long, although heartbeats come every second: the connection is dead.
inline constexpr std::chrono::seconds silence_timeout{3};
/// A deadline noticed this much too late means that this process did not run: what arrived in the
/// meantime is read before anybody is taken for silent.
inline constexpr std::chrono::seconds pause_threshold{1};
inline constexpr std::chrono::milliseconds renew_default{1000};
/// Between look-ups while connected.
inline constexpr std::chrono::seconds resolve_interval{60};
/// How long stop() waits for what was said last to be sent.
inline constexpr std::chrono::seconds stop_timeout{2};
inline constexpr std::size_t servers_max = 16;

struct settings {
  model::node_id id;
  std::uint64_t incarnation = 0; ///< 0 = only listens
  std::string software;
  std::vector<wire::topic> topics;
  std::vector<std::string> servers; ///< fixed, "address:port"; empty = found by `resolve`
};

/// Number of one connection; none is used twice.
using connection = std::uint64_t;

// ---- inputs

struct start {};
/// What `resolve` found. Servers that are no longer listed are given up when their connection ends,
/// never before.
struct resolved {
  std::vector<std::string> servers;
};
struct resolve_failed {};
/// TCP, TLS and WebSocket handshakes are done and the peer is an event server of our domain.
struct opened {
  connection at = 0;
  model::node_id peer; ///< of its certificate
  model::ip_address local;
};
struct welcomed {
  connection at = 0;
  wire::welcome hello;
};
/// Any frame arrived.
struct heard {
  connection at = 0;
};
struct refused {
  connection at = 0;
  wire::refused what;
};
/// The connection failed to open, or ended. `code` is the WebSocket close code, 0 = none.
struct closed {
  connection at = 0;
  std::uint16_t code = 0;
  std::string why;
};
/// Replaces what this member says of itself. Id and version are filled in here. Without addresses
/// the local address of a connection is taken.
struct announce {
  model::presence what;
};
/// These topics, too, from now on.
struct subscribe {
  std::vector<wire::topic> topics;
};
/// Close the connection to `server` and open a new one, which brings a fresh snapshot.
struct resubscribe {
  std::string server;
};
/// Other credentials are in force, ours or a server's: connect anew everywhere, one server after
/// the other, so that the member is never away from all of them.
struct renew_credentials {};
/// Leave for good. `hold` > 0: this member means to be back within that time.
struct stop {
  std::chrono::milliseconds hold{0};
};

using input = std::variant<start, resolved, resolve_failed, opened, welcomed, heard, refused,
                           closed, announce, subscribe, resubscribe, renew_credentials, stop>;

// ---- effects

/// Find the event servers; answer with `resolved` or `resolve_failed`.
struct resolve {
  friend bool operator==(const resolve&, const resolve&) = default;
};
struct open {
  connection at = 0;
  std::string server;
  friend bool operator==(const open&, const open&) = default;
};
struct send {
  connection at = 0;
  wire::client_message what;
  friend bool operator==(const send&, const send&) = default;
};
/// Sign once, send to each.
struct publish {
  std::vector<connection> to;
  wire::topic about = wire::topic::presence;
  std::string body;
  friend bool operator==(const publish&, const publish&) = default;
};
/// Send what is queued and close, or just close when `at_once`. The end is reported as `closed`,
/// which is ignored for connections that this machine has given up.
struct close {
  connection at = 0;
  bool at_once = false;
  friend bool operator==(const close&, const close&) = default;
};
/// `server` is connected.
struct went_up {
  connection at = 0;
  std::string server;
  wire::welcome hello;
  friend bool operator==(const went_up&, const went_up&) = default;
};
/// A try to connect to `server` failed.
struct failed {
  std::string server;
  std::string why;
  friend bool operator==(const failed&, const failed&) = default;
};
/// `server` was connected and is no more.
struct went_down {
  std::string server;
  std::string why;
  friend bool operator==(const went_down&, const went_down&) = default;
};
/// A newer incarnation of this id is at work: everything is closed, nothing will be opened again.
struct replaced {
  std::string server;
  friend bool operator==(const replaced&, const replaced&) = default;
};
/// The end of `stop`.
struct stopped {
  friend bool operator==(const stopped&, const stopped&) = default;
};
/// `server` turned out to be another way to an event server that is connected already.
struct parked {
  std::string server;
  std::string id;
  friend bool operator==(const parked&, const parked&) = default;
};
/// `server` did not accept what we said, and nothing can be done about it here.
struct not_accepted {
  std::string server;
  wire::refused what;
  friend bool operator==(const not_accepted&, const not_accepted&) = default;
};

using effect = std::variant<resolve, open, send, publish, close, went_up, failed, went_down, parked,
                            not_accepted, replaced, stopped>;

class agent {
 public:
  agent(settings how, std::uint32_t seed);

  void on_event(model::time_point now, const input& what, std::vector<effect>& out);
  void on_deadline(model::time_point now, std::vector<effect>& out);
  [[nodiscard]] model::time_point next_deadline() const;

  /// What is announced, with its version; nothing before the first announcement is complete.
  [[nodiscard]] const std::optional<model::presence>& announced() const { return presence_; }
  /// What is announced where no address is configured: our end of a connection; empty while none
  /// is open.
  [[nodiscard]] std::vector<model::ip_address> own_addresses() const;

 private:
  enum class phase : std::uint8_t {
    waiting,  ///< for `due`, to try again; forgotten when no longer listed
    opening,  ///< handshakes under way, until `due`
    greeting, ///< hello sent, welcome awaited until `due`
    up,
    parked, ///< leads to an event server that another link is connected to
  };
  struct link {
    phase state = phase::waiting;
    connection at = 0;
    model::time_point due{};   ///< of the phase; up: the next renewal
    model::time_point heard{}; ///< up: last frame
    model::time_point since{}; ///< up: when it came up
    std::chrono::milliseconds renew_every = renew_default;
    unsigned failures = 0;     ///< in a row
    bool listed = true;        ///< still among the servers found
    bool renew_wanted = false; ///< up with credentials that are no longer in force
    std::optional<model::node_id> peer;
    std::optional<model::ip_address> local;

    /// The peer is known, and what is sent to it follows our `hello`.
    [[nodiscard]] bool is_open() const { return state == phase::greeting || state == phase::up; }
  };
  enum class stage : std::uint8_t { fresh, running, stopping, over };
  using links = std::map<std::string, link>;
  struct call; ///< now and out of one call

  void handle(call& c, const start&);
  void handle(call& c, const resolved&);
  void handle(call& c, const resolve_failed&);
  void handle(call& c, const opened&);
  void handle(call& c, const welcomed&);
  void handle(call& c, const heard&);
  void handle(call& c, const refused&);
  void handle(call& c, const closed&);
  void handle(call& c, const announce&);
  void handle(call& c, const subscribe&);
  void handle(call& c, const resubscribe&);
  void handle(call& c, const renew_credentials&);
  void handle(call& c, const stop&);

  void find_servers(call& c);
  void schedule_resolve(const call& c, bool found);
  void forget_unlisted();
  void open_link(call& c, const std::string& server, link& l);
  /// The connection of this link is over (end), or is closed now by us (close); the link waits for
  /// its next try.
  void end_link(call& c, links::iterator entry, const std::string& why, bool again_at_once = false);
  void close_link(call& c, links::iterator entry, const std::string& why,
                  bool again_at_once = false);
  void park(call& c, links::iterator entry);
  void renew_next_link(call& c);
  /// Publishes what is announced to everybody, in a new version, when it changed.
  bool refresh_presence(call& c);
  void be_replaced(call& c, const std::string& server);
  void finish_stop(call& c);
  model::duration backoff(unsigned failures);

  links::iterator of(connection at);
  [[nodiscard]] std::vector<connection> all_up() const;

  settings how_;
  std::minstd_rand random_;
  stage stage_ = stage::fresh;
  links links_;
  connection next_connection_ = 1;
  bool resolving_ = false;
  unsigned resolve_failures_ = 0; ///< look-ups in a row without a connection in between
  model::time_point resolve_at_ = model::never;
  std::optional<model::presence> wanted_;   ///< as announced, perhaps without addresses
  std::optional<model::presence> presence_; ///< as published
  std::string body_;                        ///< of presence_
  std::set<connection> ending_;             ///< stopping: not yet closed
  model::time_point stop_at_ = model::never;
};

} // namespace thor::agent
