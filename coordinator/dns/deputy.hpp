// The deputy: who is a member by our own judgement, for the time when no manager lives.
//
// It runs the judge of a manager on what the event servers tell, all the time: so it is warm when
// it is needed, and knows whether a manager lives. Whether the zone shows its members is the
// coordinator's decision. PURE: a state machine, one owner, one thread.
#pragma once

#include "coordinator/membership/membership.hpp"
#include "coordinator/membership/survey.hpp"
#include "coordinator/model/status.hpp"

#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace thor::dns {

class deputy {
 public:
  /// What a step led to.
  struct outcome {
    std::vector<model::node_id> changed;  ///< members that came, changed or went; ascending
    std::vector<std::string> resubscribe; ///< links that have to be made anew
    std::vector<membership::note> notes;
  };

  /// `event_servers`: how many are configured; 0 = found by DNS.
  explicit deputy(std::size_t event_servers)
      : survey_(event_servers, true) {}

  outcome on_event(model::time_point now, model::unix_time wall, const membership::input& in);
  outcome on_deadline(model::time_point now, model::unix_time wall);
  [[nodiscard]] model::time_point next_deadline() const;

  /// Admits the members of the last zone that nobody has spoken of since, and judges them like all
  /// others: taking over must not lose anybody whose news has not arrived.
  outcome adopt(model::time_point now, model::unix_time wall, const model::member_map& last);

  /// Enough event servers have told what they know. To be asked after every step. `last_known`:
  /// there is a last zone to adopt; without one the members of event servers that have just
  /// started are given the time to return.
  bool is_informed(model::time_point now, bool last_known) {
    return survey_.complete(now, judge_.servers(), last_known);
  }
  /// An event server is there whose word counts.
  [[nodiscard]] bool hears() const;
  /// Some manager is a member.
  [[nodiscard]] bool sees_manager() const { return !managers_.empty(); }

  [[nodiscard]] const model::member_map& members() const { return members_; }
  [[nodiscard]] std::span<const membership::event_server> servers() const {
    return judge_.servers();
  }

 private:
  outcome take(model::unix_time wall, const membership::effects& decided);

  membership::membership judge_;
  membership::survey survey_;
  model::member_map members_;
  std::set<model::node_id> managers_; ///< of the members
};

} // namespace thor::dns
