// Makes the network status of the judge's decisions: epochs, sequences, serials; whole statuses,
// deltas and beats.
//
// Before start() it listens: to the judge, whose members it collects, and to the statuses that
// event servers retain from before. start() takes a new epoch and publishes everything; from then
// on the first change goes out at once and those within the next coalesce_interval together. The
// SOA serial steps only when DNS shows the change. Another manager's higher epoch is an alarm, and
// is answered with a yet higher one at most once a lease: there is one manager.
//
// PURE: a state machine, one owner, one thread.
#pragma once

#include "coordinator/membership/effect.hpp"
#include "coordinator/membership/limits.hpp"
#include "coordinator/model/status.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

namespace thor::membership {

class status_publisher {
 public:
  /// `manager`: our node id. `kept`: what an earlier run persisted, zeros when there was none.
  status_publisher(std::string manager, persist kept)
      : manager_(std::move(manager))
      , kept_(kept)
      , highest_counter_(kept.epoch_counter)
      , highest_serial_(kept.serial_limit) {}

  /// What the judge decided; other effects are ignored.
  void on_members(model::time_point now, model::unix_time wall, std::span<const effect> decided,
                  effects& out);
  /// Thor.Members of an event server, also our own words coming back.
  void on_status(model::time_point now, model::unix_time wall, const model::status_event& heard,
                 effects& out);
  /// Once. The members collected so far are the network.
  void start(model::time_point now, model::unix_time wall, effects& out);
  /// The event server has just been connected: it gets everything before any delta.
  void on_server_up(model::time_point now, model::unix_time wall, const std::string& server,
                    effects& out);
  /// The event server refused a delta or beat with `full_status_needed`.
  void on_full_status_needed(model::time_point now, model::unix_time wall,
                             const std::string& server, effects& out);

  void on_deadline(model::time_point now, model::unix_time wall, effects& out);
  [[nodiscard]] model::time_point next_deadline() const;

  [[nodiscard]] bool started() const { return started_; }
  /// The newest status that event servers retained from before start().
  [[nodiscard]] const model::view& retained() const { return retained_; }
  [[nodiscard]] const model::member_map& members() const { return members_; }
  [[nodiscard]] const model::position& where() const { return where_; }
  [[nodiscard]] std::uint32_t serial() const { return serial_; }

 private:
  void take(model::unix_time wall, const admitted& e);
  void take(model::unix_time wall, const changed& e);
  void take(model::unix_time wall, const withdrawn& e);
  void take(model::unix_time wall, const auto& other);

  void take_epoch(model::time_point now, model::unix_time wall, effects& out);
  void contest(model::time_point now, model::unix_time wall, const model::epoch& other,
               effects& out);
  /// True when kept_ has to be persisted.
  bool step_serial(model::unix_time wall);
  void flush(model::time_point now, model::unix_time wall, effects& out);
  void publish_full(const std::string& server, effects& out);
  [[nodiscard]] bool shows_another_zone() const;

  std::string manager_;
  persist kept_;
  std::uint64_t highest_counter_; ///< of all epochs seen
  std::uint32_t highest_serial_;  ///< seen, or perhaps handed out by an earlier run
  model::view retained_;

  bool started_ = false;
  model::member_map members_;
  model::position where_;
  std::uint32_t serial_ = 0;

  /// Changed since the last status; the reason of those withdrawn.
  std::map<model::node_id, std::optional<model::withdrawal>> pending_;
  bool pending_in_dns_ = false;
  model::time_point quiet_until_ = model::time_point::min(); ///< the next delta not before
  model::time_point beat_at_ = model::never;
  std::size_t deltas_since_full_ = 0;
  std::size_t changes_since_full_ = 0;
  std::map<std::string, model::time_point> full_sent_at_; ///< by event server

  model::epoch contested_by_; ///< the last foreign epoch above ours
  model::time_point epoch_taken_at_ = model::time_point::min();
  model::time_point retake_at_ = model::never;
};

} // namespace thor::membership
