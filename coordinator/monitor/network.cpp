#include "coordinator/monitor/network.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace thor::monitor {

namespace {

/// Distinct epochs of broken clocks to tell of.
constexpr std::size_t refused_epochs_max = 64;
/// How often figures that are too old are dropped.
constexpr std::chrono::seconds figures_expire_interval{60};

std::string describe(const wire::zone_report& report) {
  std::string out;
  for (const auto& [set, word] :
       {std::pair{report.degraded, "degraded"}, std::pair{report.divergent, "divergent"}})
    if (set)
      out.append(out.empty() ? "" : " ").append(word);
  return out.empty() ? "in order" : out;
}

std::string epoch_text(const model::epoch& e) {
  return "epoch " + std::to_string(e.counter);
}

} // namespace

std::string_view to_string(change_kind kind) {
  switch (kind) {
  case change_kind::status:
    return "status";
  case change_kind::joined:
    return "joined";
  case change_kind::changed:
    return "changed";
  case change_kind::gone:
    return "gone";
  case change_kind::manager:
    return "manager";
  case change_kind::stale:
    return "stale";
  case change_kind::confirmed:
    return "confirmed";
  case change_kind::refused:
    return "refused";
  case change_kind::server_up:
    return "server_up";
  case change_kind::server_down:
    return "server_down";
  case change_kind::dns:
    return "dns";
  case change_kind::complaint:
    return "complaint";
  }
  return "unknown";
}

std::string_view to_string(trust how_far) {
  switch (how_far) {
  case trust::unknown:
    return "unknown";
  case trust::stale:
    return "stale";
  case trust::confirmed:
    return "confirmed";
  }
  return "unknown";
}

std::string describe(const model::presence& p) {
  std::string out = p.addresses.empty() ? "" : p.addresses.front().text();
  for (const auto& [role, offer] : p.roles) {
    out.append(" ").append(role);
    if (offer.state != model::role_state::active)
      out.append("(").append(model::to_string(offer.state)).append(")");
  }
  for (const auto& [role, verdict] : model::health_of(p))
    if (!p.roles.contains(role))
      out.append(" ").append(role).append("(").append(verdict).append(")");
  return out;
}

std::map<std::string, std::size_t> count_roles(const model::member_map& members,
                                               model::role_state state) {
  std::map<std::string, std::size_t> out;
  for (const auto& [id, m] : members)
    for (const auto& [role, offer] : m.what.roles)
      if (offer.state == state)
        ++out[role];
  return out;
}

// ---- network

struct network::call {
  model::time_point now;
  model::unix_time wall;
  std::vector<effect>& out;

  void tell(change_kind what, std::string subject, std::string detail) {
    out.emplace_back(change{what, wall, std::move(subject), std::move(detail)});
  }
};

void network::on_event(model::time_point now, model::unix_time wall, const input& what,
                       std::vector<effect>& out) {
  call c{now, wall, out};
  std::visit([&](const auto& in) { handle(c, in); }, what);
}

void network::on_deadline(model::time_point now, model::unix_time wall, std::vector<effect>& out) {
  if (now < stale_at_)
    return;
  stale_at_ = model::never;
  silence_is_over_ = true;
  trust_ = trust::stale;
  call c{now, wall, out};
  c.tell(change_kind::stale, view().where.at.manager,
         "no manager was heard for " + std::to_string(manager_silence_max.count()) +
             " s; what is shown is the last status known");
}

model::time_point network::next_deadline() const {
  return stale_at_;
}

std::map<model::node_id, wire::zone_report> network::dns_reports() const {
  std::map<model::node_id, wire::zone_report> out;
  std::ranges::copy_if(reports_, std::inserter(out, out.end()), [this](const auto& report) {
    return view().members.contains(report.first);
  });
  return out;
}

bool network::settled() const {
  bool complete = false;
  for (const auto& [where, server] : servers_) {
    if (server.up && server.synced.size() < std::size(monitor_topics))
      return false;
    complete |= server.up;
  }
  return view().known && complete && (trust_ == trust::confirmed || silence_is_over_);
}

event_server* network::known_server(const std::string& server) {
  const auto found = servers_.find(server);
  return found == servers_.end() ? nullptr : &found->second;
}

void network::handle(call& c, const server_up& in) {
  follower_.on_server_down(in.server); // what it retains comes first
  servers_[in.server] = {.up = true,
                         .id = in.hello.server,
                         .why = {},
                         .members = 0,
                         .age_ms = in.hello.age_ms,
                         .admitting = in.hello.admitting,
                         .synced = {}};
  c.tell(change_kind::server_up, in.server, in.hello.server);
}

void network::handle(call& c, const server_down& in) {
  follower_.on_server_down(in.server);
  auto& server = servers_[in.server];
  server = {.up = false,
            .id = server.id,
            .why = in.why,
            .members = 0,
            .age_ms = 0,
            .admitting = false,
            .synced = {}};
  c.tell(change_kind::server_down, in.server, in.why);
}

void network::handle(call&, const server_failed& in) {
  servers_[in.server].why = in.why;
}

void network::handle(call&, const heard_heartbeat& in) {
  if (auto* server = known_server(in.server)) {
    server->members = in.what.members;
    server->age_ms = in.what.age_ms;
    server->admitting = in.what.admitting;
  }
}

void network::handle(call& c, const heard_synced& in) {
  if (auto* server = known_server(in.server))
    server->synced.insert(in.about);
  if (in.about == wire::topic::members) {
    std::vector<model::status_note> notes;
    follower_.on_synced(in.server, notes);
    tell_members(c, notes);
  }
}

void network::handle(call& c, const heard_status& in) {
  const bool began = follower_.began();
  const auto epoch_before = view().where.at;
  std::vector<model::status_note> notes;
  const auto verdict = follower_.on_status(in.server, in.what, c.wall, notes);
  if (verdict == model::verdict::gap)
    c.out.emplace_back(resubscribe{in.server});
  if (verdict == model::verdict::far_future) {
    const auto& epoch = model::position_of(in.what).at;
    if (refused_epochs_.size() < refused_epochs_max && refused_epochs_.insert(epoch).second)
      c.tell(change_kind::refused, epoch.manager,
             epoch_text(epoch) + " is too far in the future: look at its clock");
  }
  if (verdict != model::verdict::applied && verdict != model::verdict::current)
    return;
  if (trust_ == trust::unknown) {
    trust_ = trust::stale;
    stale_at_ = c.now + manager_silence_max;
  }
  if (began)
    tell_manager(c, epoch_before);
  tell_members(c, notes);
  // What an event server retains proves nothing about now: only a beat, or news after `synced`.
  const bool beat = std::holds_alternative<model::status_beat>(in.what);
  if (beat || (follower_.is_live(in.server) && verdict == model::verdict::applied))
    confirm(c);
}

void network::tell_manager(call& c, const model::epoch& before) {
  const auto& now = view().where.at;
  if (now != before)
    c.tell(change_kind::manager, now.manager,
           epoch_text(now) + ", before: " + before.manager + " " + epoch_text(before));
}

void network::tell_members(call& c, const std::vector<model::status_note>& notes) {
  for (const auto& note : notes) {
    if (std::holds_alternative<model::status_began>(note)) {
      c.tell(change_kind::status, view().where.at.manager,
             std::to_string(view().members.size()) + " members, " + epoch_text(view().where.at) +
                 ", serial " + std::to_string(view().serial));
    } else if (const auto* gone = std::get_if<model::member_gone>(&note)) {
      reports_.erase(gone->last.what.id);
      figures_.forget(gone->last.what.id);
      c.tell(change_kind::gone, gone->last.what.id.text(),
             gone->why ? std::string(model::to_string(*gone->why)) : "");
    } else if (const auto* changed = std::get_if<model::member_changed>(&note)) {
      c.tell(change_kind::changed, changed->now.what.id.text(), describe(changed->now.what));
    } else if (const auto* joined = std::get_if<model::member_joined>(&note)) {
      c.tell(change_kind::joined, joined->now.what.id.text(), describe(joined->now.what));
    }
  }
}

void network::confirm(call& c) {
  const bool told_stale = trust_ == trust::stale && silence_is_over_;
  trust_ = trust::confirmed;
  heard_at_ = c.now;
  stale_at_ = c.now + manager_silence_max;
  if (told_stale)
    c.tell(change_kind::confirmed, view().where.at.manager, "is heard");
  silence_is_over_ = false;
}

void network::handle(call& c, const heard_report& in) {
  const auto found = reports_.find(in.id);
  if (found == reports_.end() && reports_.size() >= reports_max)
    return;
  const auto before = found == reports_.end() ? wire::zone_report{} : found->second;
  reports_.insert_or_assign(in.id, in.what);
  if (before.degraded != in.what.degraded || before.divergent != in.what.divergent)
    c.tell(change_kind::dns, in.id.text(), describe(in.what));
}

void network::handle(call& c, const heard_statistics& in) {
  if (figures_expire_at_ <= c.wall) {
    figures_.expire(c.wall);
    figures_expire_at_ = c.wall + figures_expire_interval;
  }
  figures_.hear(in.what, c.wall);
}

void network::handle(call& c, const heard_complaint& in) {
  complaint_ = in.text;
  c.tell(change_kind::complaint, "", in.text);
}

} // namespace thor::monitor
