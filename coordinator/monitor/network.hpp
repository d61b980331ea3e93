// The network as a monitor sees it: the status, how far it can be trusted, the event servers, what
// every thor-dns reports, and each change as it happens.
//
// PURE state machine on injected time. It follows Thor.Members as thor.v1 section 10 says, so it
// never shows an empty network because a connection was lost: it shows the last one, as stale.
#pragma once

#include "coordinator/model/follower.hpp"
#include "coordinator/model/time.hpp"
#include "coordinator/statistics/book.hpp"
#include "coordinator/wire/message.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace thor::monitor {

/// The topics to subscribe to.
inline constexpr wire::topic monitor_topics[] = {wire::topic::members, wire::topic::statistics};
/// The active manager says something every second. Without a word for this long the status is
/// stale.
inline constexpr std::chrono::seconds manager_silence_max{3};
/// Reports of members that are not in the status (yet).
inline constexpr std::size_t reports_max = 1024;

// ---- inputs

struct server_up {
  std::string server;
  wire::welcome hello;
};
struct server_down {
  std::string server;
  std::string why;
};
/// A try to connect failed.
struct server_failed {
  std::string server;
  std::string why;
};
struct heard_heartbeat {
  std::string server;
  wire::heartbeat what;
};
struct heard_synced {
  std::string server;
  wire::topic about = wire::topic::members;
};
struct heard_status {
  std::string server;
  model::status_event what;
};
/// Of an author with OU thor_dnsmanager.
struct heard_report {
  model::node_id id;
  wire::zone_report what;
};
/// Of any author, about itself.
struct heard_statistics {
  wire::statistics what;
};
/// Something the client library would log.
struct heard_complaint {
  std::string text;
};
using input = std::variant<server_up, server_down, server_failed, heard_heartbeat, heard_synced,
                           heard_status, heard_report, heard_statistics, heard_complaint>;

// ---- effects

enum class change_kind : std::uint8_t {
  status,      ///< the first one that is known; subject = its manager
  joined,      ///< subject = the member
  changed,     ///< subject = the member
  gone,        ///< subject = the member; detail = why, when the status says it
  manager,     ///< another one is active; subject = it
  stale,       ///< no manager was heard for manager_silence_max
  confirmed,   ///< a manager is heard again
  refused,     ///< an epoch too far in the future; subject = its manager
  server_up,   ///< subject = the event server
  server_down, ///< subject = the event server
  dns,         ///< a thor-dns became degraded or divergent, or is no more; subject = it
  complaint,   ///< of the client library
};
std::string_view to_string(change_kind kind);

struct change {
  change_kind what = change_kind::status;
  model::unix_time at{};
  std::string subject; ///< as it came from the network
  std::string detail;  ///< as it came from the network
  friend bool operator==(const change&, const change&) = default;
};
/// Something was missed on this link: ask for a new snapshot.
struct resubscribe {
  std::string server;
  friend bool operator==(const resubscribe&, const resubscribe&) = default;
};
using effect = std::variant<change, resubscribe>;

// ---- state

enum class trust : std::uint8_t {
  unknown,   ///< no status yet
  stale,     ///< the last one known; no manager confirms it
  confirmed, ///< a manager was heard within manager_silence_max
};
std::string_view to_string(trust how_far);

struct event_server {
  bool up = false;
  std::string id;  ///< "" before it was up
  std::string why; ///< of its last end or failure
  std::uint64_t members = 0;
  std::uint64_t age_ms = 0; ///< since its start, as of the last heartbeat
  bool admitting = false;
  std::set<wire::topic> synced;
};

class network {
 public:
  void on_event(model::time_point now, model::unix_time wall, const input& what,
                std::vector<effect>& out);
  void on_deadline(model::time_point now, model::unix_time wall, std::vector<effect>& out);
  [[nodiscard]] model::time_point next_deadline() const;

  [[nodiscard]] const model::view& view() const { return follower_.seen(); }
  [[nodiscard]] trust trusted() const { return trust_; }
  /// When a manager was last heard; never, when none was.
  [[nodiscard]] model::time_point heard_at() const { return heard_at_; }
  [[nodiscard]] const std::map<std::string, event_server>& servers() const { return servers_; }
  /// What each thor-dns that is in the status says of the zone it serves.
  [[nodiscard]] std::map<model::node_id, wire::zone_report> dns_reports() const;
  /// The last figures of the members.
  [[nodiscard]] const statistics::book& figures() const { return figures_; }
  /// The last complaint; "" = none.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }
  /// The connected event servers have sent all they retain, and either a manager confirmed it or
  /// none is there.
  [[nodiscard]] bool settled() const;

 private:
  struct call; ///< now, wall and out of one call

  void handle(call& c, const server_up& in);
  void handle(call& c, const server_down& in);
  void handle(call& c, const server_failed& in);
  void handle(call& c, const heard_heartbeat& in);
  void handle(call& c, const heard_synced& in);
  void handle(call& c, const heard_status& in);
  void handle(call& c, const heard_report& in);
  void handle(call& c, const heard_statistics& in);
  void handle(call& c, const heard_complaint& in);

  void tell_members(call& c, const std::vector<model::status_note>& notes);
  void tell_manager(call& c, const model::epoch& before);
  void confirm(call& c);
  event_server* known_server(const std::string& server);

  model::follower follower_;
  trust trust_ = trust::unknown;
  model::time_point heard_at_ = model::never;
  model::time_point stale_at_ = model::never;
  bool silence_is_over_ = false; ///< the first status was there for manager_silence_max
  std::map<std::string, event_server> servers_;
  std::map<model::node_id, wire::zone_report> reports_;
  statistics::book figures_;
  model::unix_time figures_expire_at_{}; ///< the next look for figures that are too old
  std::set<model::epoch> refused_epochs_;
  std::string complaint_;
};

/// The member in a few words: "192.0.2.11 sip_proxy xcap_server(draining)".
std::string describe(const model::presence& p);

/// Members by the roles they offer, in the given state.
std::map<std::string, std::size_t> count_roles(const model::member_map& members,
                                               model::role_state state);

} // namespace thor::monitor
