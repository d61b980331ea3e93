#include "coordinator/dns/deputy.hpp"

#include "coordinator/identity/peer.hpp"

#include <algorithm>
#include <variant>

namespace thor::dns {

deputy::outcome deputy::on_event(model::time_point now, model::unix_time wall,
                                 const membership::input& in) {
  membership::effects decided;
  judge_.on_event(now, in, decided);
  return take(wall, decided);
}

deputy::outcome deputy::on_deadline(model::time_point now, model::unix_time wall) {
  membership::effects decided;
  judge_.on_deadline(now, decided);
  return take(wall, decided);
}

model::time_point deputy::next_deadline() const {
  return std::min(judge_.next_deadline(), survey_.next_deadline());
}

deputy::outcome deputy::adopt(model::time_point now, model::unix_time wall,
                              const model::member_map& last) {
  auto out = on_event(now, wall, membership::retained{last});
  for (auto& [id, member] : members_)
    if (const auto before = last.find(id); before != last.end())
      member.since = before->second.since;
  return out;
}

bool deputy::hears() const {
  return std::ranges::any_of(judge_.servers(), &membership::event_server::reachable);
}

deputy::outcome deputy::take(model::unix_time wall, const membership::effects& decided) {
  outcome out;
  std::set<model::node_id> moved;
  const auto enter = [&](const model::presence& what, model::unix_time since) {
    moved.insert(what.id);
    members_.insert_or_assign(what.id, model::member{what, since});
    if (what.roles.contains(std::string(identity::role_manager)))
      managers_.insert(what.id);
    else
      managers_.erase(what.id);
  };
  for (const auto& e : decided) {
    if (const auto* in = std::get_if<membership::admitted>(&e)) {
      enter(in->what, wall);
    } else if (const auto* again = std::get_if<membership::changed>(&e)) {
      enter(again->what, members_.at(again->what.id).since);
    } else if (const auto* gone = std::get_if<membership::withdrawn>(&e)) {
      moved.insert(gone->id);
      members_.erase(gone->id);
      managers_.erase(gone->id);
    } else if (const auto* link = std::get_if<membership::resubscribe>(&e)) {
      out.resubscribe.push_back(link->server);
    } else if (const auto* said = std::get_if<membership::note>(&e)) {
      out.notes.push_back(*said);
    }
  }
  out.changed.assign(moved.begin(), moved.end());
  return out;
}

} // namespace thor::dns
