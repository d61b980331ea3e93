// A whole manager but its I/O: the judge, the survey at the start and the publisher, wired.
//
// The edge hands in what event servers say and performs publish, persist and resubscribe; the other
// effects are for log and counters. PURE, one owner, one thread. One manager runs an overlay.
#pragma once

#include "coordinator/membership/membership.hpp"
#include "coordinator/membership/status_publisher.hpp"
#include "coordinator/membership/survey.hpp"

#include <cstddef>
#include <string>

namespace thor::membership {

struct manager_options {
  std::string id;                ///< our node id
  std::size_t event_servers = 0; ///< how many are configured; 0 = found by DNS
  persist kept;                  ///< of an earlier run; zeros when there was none
};

/// Subscribe on each event server in this order, so that with the last `synced` everything that it
/// retains is known.
inline constexpr wire::topic manager_topics[] = {wire::topic::members, wire::topic::leave,
                                                 wire::topic::presence};

class manager {
 public:
  explicit manager(const manager_options& how)
      : survey_(how.event_servers, how.kept.epoch_counter > 0)
      , publisher_(how.id, how.kept) {}

  void on_event(model::time_point now, model::unix_time wall, const input& in, effects& out);
  void on_status(model::time_point now, model::unix_time wall, const model::status_event& heard,
                 effects& out);
  void on_full_status_needed(model::time_point now, model::unix_time wall,
                             const std::string& server, effects& out);
  void on_deadline(model::time_point now, model::unix_time wall, effects& out);
  [[nodiscard]] model::time_point next_deadline() const;

  [[nodiscard]] const membership& judge() const { return judge_; }
  [[nodiscard]] const status_publisher& publisher() const { return publisher_; }

 private:
  void pass_on(model::time_point now, model::unix_time wall, effects decided, effects& out);

  membership judge_;
  survey survey_;
  status_publisher publisher_;
};

} // namespace thor::membership
