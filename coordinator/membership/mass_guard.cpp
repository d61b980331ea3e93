#include "coordinator/membership/mass_guard.hpp"

namespace thor::membership {

void mass_guard::add(const model::presence& member, bool overdue) {
  for (const auto& [name, offer] : member.roles) {
    auto& r = roles_[name];
    ++r.admitted;
    r.overdue += overdue ? 1 : 0;
  }
}

void mass_guard::remove(const model::presence& member, bool overdue) {
  for (const auto& [name, offer] : member.roles) {
    auto& r = roles_[name];
    --r.admitted;
    r.overdue -= overdue ? 1 : 0;
  }
}

void mass_guard::fell_silent(model::time_point now, const model::presence& member) {
  for (const auto& [name, offer] : member.roles)
    roles_[name].fallen.push_back(now);
}

bool mass_guard::holds(model::time_point now, const model::presence& member, effects& out) {
  bool held = false;
  for (const auto& [name, offer] : member.roles)
    held |= role_holds(now, name, out);
  return held;
}

bool mass_guard::role_holds(model::time_point now, const std::string& name, effects& out) {
  auto& r = roles_[name];
  while (!r.fallen.empty() && r.fallen.front() + lease <= now)
    r.fallen.pop_front();
  const std::size_t members = r.admitted + r.fallen.size();
  const std::size_t silent = r.overdue + r.fallen.size();
  if (members < mass_role_members_min || 2 * silent <= members) {
    r.since = model::never;
    return false;
  }
  // Not needed for a lease means that this is another time.
  if (r.since == model::never || r.asked_at + lease < now) {
    r.since = now;
    r.gave_up = false;
    out.emplace_back(note{level::alarm, "mass_silence", name,
                          std::to_string(silent) + " of " + std::to_string(members) +
                              " fell silent within a lease; they are kept for at most " +
                              std::to_string(mass_hold_max.count()) + " s"});
  }
  r.asked_at = now;
  if (now < r.since + mass_hold_max)
    return true;
  if (!r.gave_up)
    out.emplace_back(note{level::alarm, "mass_silence_believed", name,
                          "still silent after " + std::to_string(mass_hold_max.count()) +
                              " s; they are withdrawn now"});
  r.gave_up = true;
  return false;
}

} // namespace thor::membership
