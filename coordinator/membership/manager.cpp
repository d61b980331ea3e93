#include "coordinator/membership/manager.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace thor::membership {

manager::manager(const manager_options& how)
    : id_(how.id)
    , event_servers_(how.event_servers)
    , survey_(how.event_servers, how.kept.epoch.counter > 0)
    , election_({.id = how.id, .priority = how.priority, .rule = how.rule, .kept = how.kept.epoch})
    , publisher_(how.kept) {}

// Whoever must not publish any more has to know before anything is published: first the election,
// then the publisher.

void manager::on_event(model::time_point now, model::unix_time wall, const input& in,
                       effects& out) {
  effects decided;
  judge_.on_event(now, in, decided);
  take(wall, std::move(decided), out);
  look_around(now, wall, out);
  if (const auto* up = std::get_if<server_up>(&in))
    publisher_.on_server_up(now, wall, up->server, out);
  publisher_.on_deadline(now, wall, out);
}

void manager::on_status(model::time_point now, model::unix_time wall, const std::string& server,
                        const model::status_event& heard, effects& out) {
  std::vector<election::effect> decided;
  election_.on_event(now, wall,
                     election::heard_status{model::position_of(heard).at, !has_synced(server)},
                     decided);
  perform(now, wall, decided, out);
  publisher_.on_status(now, wall, server, heard, out);
  status_heard_ |= publisher_.view().known;
  publisher_.on_deadline(now, wall, out);
}

void manager::on_zone_report(model::time_point now, model::unix_time wall,
                             const std::string& member, const wire::zone_report& zone,
                             effects& out) {
  publisher_.on_zone_report(wall, member, zone, out);
  publisher_.on_deadline(now, wall, out);
}

void manager::on_full_status_needed(model::time_point now, model::unix_time wall,
                                    const std::string& server, effects& out) {
  publisher_.on_full_status_needed(now, wall, server, out);
}

void manager::on_replaced(model::time_point now, model::unix_time wall, effects& out) {
  std::vector<election::effect> decided;
  election_.on_event(now, wall, election::retire{}, decided);
  perform(now, wall, decided, out);
}

void manager::on_deadline(model::time_point now, model::unix_time wall, effects& out) {
  effects decided;
  judge_.on_deadline(now, decided);
  take(wall, std::move(decided), out);
  look_around(now, wall, out);
  publisher_.on_deadline(now, wall, out);
}

model::time_point manager::next_deadline() const {
  return std::min({judge_.next_deadline(), survey_.next_deadline(), election_.next_deadline(),
                   publisher_.next_deadline()});
}

// ---- what the judge decided

void manager::take(model::unix_time wall, effects decided, effects& out) {
  publisher_.on_members(wall, decided);
  for (const auto& one : decided) {
    if (const auto* in = std::get_if<admitted>(&one))
      note_manager(in->what);
    else if (const auto* now = std::get_if<changed>(&one))
      note_manager(now->what);
    else if (const auto* gone = std::get_if<withdrawn>(&one))
      managers_.erase(gone->id);
  }
  std::ranges::move(decided, std::back_inserter(out));
}

void manager::note_manager(const model::presence& what) {
  const auto offer = what.roles.find(std::string(manager_role));
  if (offer == what.roles.end())
    managers_.erase(what.id);
  else
    managers_[what.id] = offer->second.priority;
}

// ---- what the election decides

void manager::look_around(model::time_point now, model::unix_time wall, effects& out) {
  const bool connected = std::ranges::any_of(judge_.servers(), &event_server::reachable);
  if (!connected && warm_) {
    // Members may have come, and event servers been restarted, without our knowing.
    survey_ = survey(event_servers_, true);
    status_heard_ = false;
  }
  warm_ = survey_.complete(now, judge_.servers(), status_heard_);
  std::vector<election::effect> decided;
  if (auto seen = outlook(); seen != seen_)
    election_.on_event(now, wall, seen_ = std::move(seen), decided);
  else
    election_.on_deadline(now, wall, decided);
  perform(now, wall, decided, out);
}

election::outlook manager::outlook() const {
  election::outlook out;
  out.able = warm_ && std::ranges::any_of(judge_.servers(), &event_server::reachable);
  for (const auto& [id, priority] : managers_)
    if (id.text() != id_)
      out.rivals[id.text()] = {priority, judge_.timely(id)};
  return out;
}

bool manager::has_synced(const std::string& server) const {
  return std::ranges::any_of(judge_.servers(), [&](const event_server& s) {
    return s.up && s.synced && s.link == server;
  });
}

void manager::perform(model::time_point now, model::unix_time wall,
                      const std::vector<election::effect>& decided, effects& out) {
  for (const auto& one : decided) {
    if (const auto* lead = std::get_if<election::take_over>(&one)) {
      take_over(now, wall, *lead, out);
    } else if (const auto* follow = std::get_if<election::step_down>(&one)) {
      publisher_.end();
      out.emplace_back(transition{false, follow->why, election_.epoch()});
    } else if (const auto* refused = std::get_if<election::refused_epoch>(&one)) {
      out.emplace_back(note{level::alarm, "far_future_epoch", refused->at.manager,
                            "epoch " + std::to_string(refused->at.counter) +
                                " is more than an hour ahead of the local clock and is ignored; "
                                "check the clocks"});
    }
  }
}

void manager::take_over(model::time_point now, model::unix_time wall,
                        const election::take_over& how, effects& out) {
  effects restored;
  judge_.on_event(now, retained{publisher_.view().members}, restored);
  take(wall, std::move(restored), out);
  out.emplace_back(transition{true, how.why, how.at});
  publisher_.begin(now, wall, how.at, out);
}

} // namespace thor::membership
