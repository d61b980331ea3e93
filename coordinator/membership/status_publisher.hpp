// Makes the network status of the judge's decisions: sequences and serials; whole statuses, deltas
// and beats.
//
// It always listens: to the judge, whose members it collects, and to what the active manager
// publishes. So begin() can publish everything at any time, going on with serials and with `since`
// where the last status ended. From then on the first change goes out at once and those within the
// next coalesce_interval together, until end(). The SOA serial steps only when DNS shows the
// change.
//
// PURE: a state machine, one owner, one thread.
#pragma once

#include "coordinator/membership/effect.hpp"
#include "coordinator/membership/limits.hpp"
#include "coordinator/model/status.hpp"
#include "coordinator/wire/message.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

namespace thor::membership {

class status_publisher {
 public:
  /// `kept`: what an earlier run persisted, zeros when there was none.
  explicit status_publisher(persist kept)
      : kept_(kept)
      , highest_serial_(kept.serial_limit) {}

  /// What the judge decided; other effects are ignored. Published by the next on_deadline().
  void on_members(model::unix_time wall, std::span<const effect> decided);
  /// Thor.Members of an event server, also our own words coming back.
  void on_status(model::time_point now, model::unix_time wall, const std::string& server,
                 const model::status_event& heard, effects& out);
  /// What a thor-dns serves. No serial is ever given twice, and one that stood in for a manager is
  /// stepped over at once, so that all serve one serial again.
  void on_zone_report(model::unix_time wall, const std::string& member,
                      const wire::zone_report& zone, effects& out);
  /// The event server has just been connected: it gets everything before any delta.
  void on_server_up(model::time_point now, model::unix_time wall, const std::string& server,
                    effects& out);
  /// The event server refused a delta or beat with `full_status_needed`.
  void on_full_status_needed(model::time_point now, model::unix_time wall,
                             const std::string& server, effects& out);

  /// The members collected so far are the network, in this new epoch.
  void begin(model::time_point now, model::unix_time wall, const model::epoch& at, effects& out);
  /// Another manager publishes now, or nobody.
  void end();

  /// To be called after every other call, too.
  void on_deadline(model::time_point now, model::unix_time wall, effects& out);
  [[nodiscard]] model::time_point next_deadline() const;

  [[nodiscard]] bool publishing() const { return publishing_; }
  /// The network status as consumers know it: ours, or the one we follow.
  [[nodiscard]] const model::view& view() const { return view_; }
  /// The network as our judge sees it.
  [[nodiscard]] const model::member_map& members() const { return members_; }

 private:
  void take(model::unix_time wall, const admitted& e);
  void take(model::unix_time wall, const changed& e);
  void take(model::unix_time wall, const withdrawn& e);
  void take(model::unix_time wall, const auto& other);
  void note_change(const model::node_id& id, std::optional<model::withdrawal> reason,
                   bool dns_shows_it);

  void follow(model::time_point now, model::unix_time wall, const std::string& server,
              const model::status_event& heard, effects& out);
  /// True when kept_ has to be persisted.
  bool step_serial(model::unix_time wall);
  void flush(model::time_point now, model::unix_time wall, effects& out);
  void publish_delta(effects& out);
  void publish_full(effects& out);
  [[nodiscard]] bool shows_another_zone() const;

  persist kept_;
  std::uint32_t highest_serial_;       ///< seen, or perhaps handed out by an earlier run
  std::uint32_t divergent_serial_ = 0; ///< the highest of a thor-dns that stood in for a manager
  model::view view_;
  model::member_map members_;
  bool publishing_ = false;

  /// While publishing, changed since the last status; the reason of those withdrawn.
  std::map<model::node_id, std::optional<model::withdrawal>> pending_;
  bool pending_serial_ = false;                              ///< the next status needs a new serial
  model::time_point quiet_until_ = model::time_point::min(); ///< the next delta not before
  model::time_point beat_at_ = model::never;
  std::size_t deltas_since_full_ = 0;
  std::size_t changes_since_full_ = 0;
  std::map<std::string, model::time_point> full_sent_at_;         ///< by event server
  model::time_point resubscribe_from_ = model::time_point::min(); ///< after a gap, at the earliest
};

} // namespace thor::membership
