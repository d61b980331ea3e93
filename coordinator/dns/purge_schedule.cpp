#include "coordinator/dns/purge_schedule.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace thor::dns {

namespace {

/// In place of a name: all of them. PURGE without a name clears every cache.
const std::string every_name;

/// Both absolute, in canonical form; `name` may be a suffix to purge ("apex$").
bool is_at_or_below(std::string_view name, std::string_view apex) {
  if (name.ends_with('$'))
    name.remove_suffix(1);
  return name == apex || (name.ends_with(apex) && name[name.size() - apex.size() - 1] == '.');
}

} // namespace

void purge_schedule::changed(model::time_point now, const std::vector<std::string>& names,
                             const std::string& apex) {
  for (const auto& name : names)
    queue(name, {now, purge_repeat_first});
  if (due_count(now) <= purge_names_max)
    return;
  for (auto one = names_.begin(); one != names_.end();) {
    const auto next = std::next(one);
    if (is_at_or_below(one->first, apex))
      take_turn(one);
    one = next;
  }
  queue(apex + "$", {now, purge_repeat_first});
}

void purge_schedule::serial_changed(model::time_point now, const std::string& apex) {
  turn next{now + purge_serial_after, purge_repeat_last, now + purge_serial_latest};
  if (const auto found = names_.find(apex); found != names_.end()) {
    const turn& before = found->second;
    if (now < before.latest)
      next = {std::min(next.at, before.latest), before.repeat_after, before.latest};
    else // of another change, whose repeats are to be kept
      next = {std::min(next.at, before.at), std::min(before.repeat_after, purge_repeat_last)};
  }
  queue(apex, next);
}

void purge_schedule::everything_changed(model::time_point now) {
  names_.clear();
  order_.clear();
  queue(every_name, {now, purge_repeat_first});
}

std::vector<std::string> purge_schedule::take(model::time_point now) {
  std::vector<std::string> taken;
  std::size_t octets = 0;
  under_way_.clear();
  while (!order_.empty() && order_.begin()->first <= now)
    if (!take(names_.find(order_.begin()->second), octets, taken))
      return taken;
  if (taken.empty())
    return taken;
  for (auto one = names_.begin(); one != names_.end();) {
    const auto next = std::next(one);
    if (one->second.welcome_at <= now && !take(one, octets, taken))
      break;
    one = next;
  }
  return taken;
}

/// Adds the name to the command; false when the command is complete.
bool purge_schedule::take(std::map<std::string, turn>::iterator found, std::size_t& octets,
                          std::vector<std::string>& into) {
  octets += found->first.size() + 1;
  // Everything goes alone: a command with names purges these alone.
  const bool alone = found->first == every_name;
  if (!into.empty() && (alone || octets > purge_names_octets_max))
    return false;
  into.push_back(found->first);
  under_way_.emplace_back(found->first, found->second);
  take_turn(found);
  return !alone;
}

void purge_schedule::purged(model::time_point now) {
  for (const auto& [name, done] : std::exchange(under_way_, {})) {
    const auto after = done.repeat_after;
    if (after > purge_repeat_last || names_.contains(name))
      continue;
    const bool is_serial = done.latest != model::time_point{};
    queue(name, {.at = now + after,
                 .repeat_after = after * 2,
                 .welcome_at = now + (is_serial ? after : after / 2)});
  }
}

void purge_schedule::put_back(model::time_point now) {
  for (const auto& [name, failed] : std::exchange(under_way_, {}))
    if (const auto found = names_.find(name); found == names_.end() || found->second.at > now)
      queue(name, {.at = now, .repeat_after = failed.repeat_after, .latest = failed.latest});
}

model::time_point purge_schedule::next_due() const {
  return order_.empty() ? model::never : order_.begin()->first;
}

/// In the place of the name's turn before.
void purge_schedule::queue(const std::string& name, turn next) {
  if (const auto found = names_.find(name); found != names_.end())
    take_turn(found);
  names_.emplace(name, next);
  order_.emplace(next.at, name);
}

void purge_schedule::take_turn(std::map<std::string, turn>::iterator found) {
  order_.erase({found->second.at, found->first});
  names_.erase(found);
}

std::size_t purge_schedule::due_count(model::time_point now) const {
  const auto due = [now](const auto& one) { return one.first <= now; };
  return static_cast<std::size_t>(
      std::ranges::distance(order_.begin(), std::ranges::partition_point(order_, due)));
}

} // namespace thor::dns
