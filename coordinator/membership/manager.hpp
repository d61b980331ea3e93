// A whole manager but its I/O: judge, survey, election and publisher, wired.
//
// Active or not, it judges and collects all the time on the same facts, so that it can take over in
// the moment in which the active manager goes. The edge hands in what event servers say and
// performs publish, persist and resubscribe; the other effects are for log and counters. It also
// has to announce this process in role `manager_role` with its priority: managers are members like
// all others, and see each other as such.
//
// PURE, one owner, one thread.
#pragma once

#include "coordinator/election/election.hpp"
#include "coordinator/membership/membership.hpp"
#include "coordinator/membership/status_publisher.hpp"
#include "coordinator/membership/survey.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace thor::membership {

inline constexpr std::string_view manager_role = "thor_manager";

struct manager_options {
  std::string id;                ///< our node id
  std::uint16_t priority = 50;   ///< as announced: the lower the earlier it takes over
  model::partition_rule rule{};  ///< the overlay's
  std::size_t event_servers = 0; ///< how many are configured; 0 = found by DNS
  persist kept{};                ///< of an earlier run; zeros when there was none
};

/// Subscribe on each event server in this order, so that with the last `synced` everything that it
/// retains is known.
inline constexpr wire::topic manager_topics[] = {wire::topic::members, wire::topic::statistics,
                                                 wire::topic::leave, wire::topic::presence};

class manager {
 public:
  explicit manager(const manager_options& how);

  void on_event(model::time_point now, model::unix_time wall, const input& in, effects& out);
  void on_status(model::time_point now, model::unix_time wall, const std::string& server,
                 const model::status_event& heard, effects& out);
  /// What a thor-dns serves. The caller checked that it may say so.
  void on_zone_report(model::time_point now, model::unix_time wall, const std::string& member,
                      const wire::zone_report& zone, effects& out);
  void on_full_status_needed(model::time_point now, model::unix_time wall,
                             const std::string& server, effects& out);
  /// Another process has our identity: this one never publishes again.
  void on_replaced(model::time_point now, model::unix_time wall, effects& out);
  void on_deadline(model::time_point now, model::unix_time wall, effects& out);
  [[nodiscard]] model::time_point next_deadline() const;

  /// It has surveyed the network, at the start and whenever it had been cut off from all event
  /// servers: it can begin to publish.
  [[nodiscard]] bool warm() const { return warm_; }
  [[nodiscard]] const membership& judge() const { return judge_; }
  [[nodiscard]] const election::election& choice() const { return election_; }
  [[nodiscard]] const status_publisher& publisher() const { return publisher_; }
  /// The managers alive, ourselves included, by our own judge: their priority.
  [[nodiscard]] const std::map<model::node_id, std::uint16_t>& managers() const {
    return managers_;
  }

 private:
  void take(model::unix_time wall, effects decided, effects& out);
  void note_manager(const model::presence& what);
  void look_around(model::time_point now, model::unix_time wall, effects& out);
  void perform(model::time_point now, model::unix_time wall,
               const std::vector<election::effect>& decided, effects& out);
  void take_over(model::time_point now, model::unix_time wall, const election::take_over& how,
                 effects& out);
  [[nodiscard]] election::outlook outlook() const;
  [[nodiscard]] bool has_synced(const std::string& server) const;

  std::string id_;
  membership judge_;
  std::size_t event_servers_;
  survey survey_;
  bool status_heard_ = false; ///< since the survey began
  bool warm_ = false;
  election::election election_;
  election::outlook seen_; ///< as told to the election
  status_publisher publisher_;
  std::map<model::node_id, std::uint16_t> managers_;
};

} // namespace thor::membership
