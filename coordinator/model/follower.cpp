#include "coordinator/model/follower.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace thor::model {

namespace {

/// The members that `event` may change, as they are before it.
member_map touched_by(const view& v, const status_event& event) {
  if (std::holds_alternative<status_full>(event))
    return v.members;
  member_map out;
  const auto keep = [&](const node_id& id) {
    if (const auto found = v.members.find(id); found != v.members.end())
      out.insert(*found);
  };
  if (const auto* delta = std::get_if<status_delta>(&event)) {
    for (const auto& upsert : delta->upserts)
      keep(upsert.what.id);
    for (const auto& removal : delta->removals)
      keep(removal.id);
  }
  return out;
}

std::optional<withdrawal> reason_of(const status_event& event, const node_id& id) {
  const auto* delta = std::get_if<status_delta>(&event);
  if (delta == nullptr)
    return {};
  const auto found = std::ranges::find(delta->removals, id, &removal::id);
  return found == delta->removals.end() ? std::nullopt : std::optional(found->reason);
}

/// `changed` in the promised order.
void tell_difference(const member_map& before, const view& after, const status_event& event,
                     const std::vector<node_id>& changed, std::vector<status_note>& out) {
  std::vector<status_note> changes;
  std::vector<status_note> joins;
  for (const auto& id : changed) {
    const auto was = before.find(id);
    const auto is = after.members.find(id);
    if (is == after.members.end())
      out.emplace_back(member_gone{was->second, reason_of(event, id)});
    else if (was == before.end())
      joins.emplace_back(member_joined{is->second});
    else if (was->second != is->second)
      changes.emplace_back(member_changed{was->second, is->second});
  }
  std::ranges::move(changes, std::back_inserter(out));
  std::ranges::move(joins, std::back_inserter(out));
}

} // namespace

verdict follower::on_status(const std::string& server, const status_event& event, unix_time now,
                            std::vector<status_note>& out) {
  const auto before = began_ ? touched_by(view_, event) : member_map{};
  const auto [what, changed] = reduce(view_, event, now);
  if (!began_) {
    if (is_live(server) && (what == verdict::applied || what == verdict::current))
      begin_when_known(out);
  } else if (what == verdict::applied) {
    tell_difference(before, view_, event, changed, out);
    out.emplace_back(status_settled{view_.where});
  }
  return what;
}

void follower::on_synced(const std::string& server, std::vector<status_note>& out) {
  live_.insert(server);
  if (!began_)
    begin_when_known(out);
}

void follower::on_server_down(const std::string& server) {
  live_.erase(server);
}

void follower::begin_when_known(std::vector<status_note>& out) {
  began_ = view_.known;
  if (began_)
    out.emplace_back(status_began{});
}

} // namespace thor::model
