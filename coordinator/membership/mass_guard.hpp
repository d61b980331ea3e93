// The mass guard: when more than half of a role falls silent at once, the fault is more likely
// between them and us than in all of them. Then nobody of that role is withdrawn for silence until
// it is over, but for mass_hold_max at most: a real disaster shows, too.
#pragma once

#include "coordinator/membership/effect.hpp"
#include "coordinator/membership/limits.hpp"
#include "coordinator/model/presence.hpp"
#include "coordinator/model/time.hpp"

#include <cstddef>
#include <deque>
#include <map>
#include <string>

namespace thor::membership {

class mass_guard {
 public:
  /// Keeps the books: a member is admitted (and overdue: no event server hears it in time), or not
  /// any more.
  void add(const model::presence& member, bool overdue);
  void remove(const model::presence& member, bool overdue);
  /// The member was withdrawn for silence; remove() follows or went before.
  void fell_silent(model::time_point now, const model::presence& member);

  /// The member, admitted and due to be withdrawn for silence, has to wait.
  [[nodiscard]] bool holds(model::time_point now, const model::presence& member, effects& out);

 private:
  struct role {
    std::size_t admitted = 0;
    std::size_t overdue = 0;
    std::deque<model::time_point> fallen;   ///< withdrawn for silence within the last lease
    model::time_point asked_at{};           ///< holds() last found the guard needed
    model::time_point since = model::never; ///< the guard has been needed since then
    bool gave_up = false;                   ///< mass_hold_max is over
  };
  [[nodiscard]] bool role_holds(model::time_point now, const std::string& name, effects& out);

  std::map<std::string, role> roles_;
};

} // namespace thor::membership
