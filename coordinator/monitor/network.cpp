#include "coordinator/monitor/network.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace thor::monitor {

namespace {

/// Distinct epochs of broken clocks to tell of.
constexpr std::size_t refused_epochs_max = 64;

/// The members that `event` may change, as they are before it.
model::member_map touched_by(const model::view& v, const model::status_event& event) {
  if (std::holds_alternative<model::status_full>(event))
    return v.members;
  model::member_map out;
  const auto keep = [&](const model::node_id& id) {
    if (const auto found = v.members.find(id); found != v.members.end())
      out.insert(*found);
  };
  if (const auto* delta = std::get_if<model::status_delta>(&event)) {
    for (const auto& upsert : delta->upserts)
      keep(upsert.what.id);
    for (const auto& removal : delta->removals)
      keep(removal.id);
  }
  return out;
}

std::string reason_of_removal(const model::status_event& event, const model::node_id& id) {
  const auto* delta = std::get_if<model::status_delta>(&event);
  if (delta == nullptr)
    return {};
  const auto found = std::ranges::find(delta->removals, id, &model::removal::id);
  return found == delta->removals.end() ? "" : std::string(model::to_string(found->reason));
}

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
  c.tell(change_kind::stale, view_.where.at.manager,
         "no manager was heard for " + std::to_string(manager_silence_max.count()) +
             " s; what is shown is the last status known");
}

model::time_point network::next_deadline() const {
  return stale_at_;
}

std::map<model::node_id, wire::zone_report> network::dns_reports() const {
  std::map<model::node_id, wire::zone_report> out;
  std::ranges::copy_if(reports_, std::inserter(out, out.end()),
                       [this](const auto& report) { return view_.members.contains(report.first); });
  return out;
}

bool network::settled() const {
  bool complete = false;
  for (const auto& [where, server] : servers_) {
    if (server.up && server.synced.size() < std::size(monitor_topics))
      return false;
    complete |= server.up;
  }
  return view_.known && complete && (trust_ == trust::confirmed || silence_is_over_);
}

event_server* network::known_server(const std::string& server) {
  const auto found = servers_.find(server);
  return found == servers_.end() ? nullptr : &found->second;
}

void network::handle(call& c, const server_up& in) {
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
  if (in.about == wire::topic::members)
    tell_first_status(c);
}

void network::handle(call& c, const heard_status& in) {
  const auto epoch_before = view_.where.at;
  const auto before = touched_by(view_, in.what);
  const auto [verdict, changed] = model::reduce(view_, in.what, c.wall);
  if (verdict == model::verdict::gap)
    c.out.emplace_back(resubscribe{in.server});
  if (verdict == model::verdict::far_future) {
    const auto& epoch = std::visit([](const auto& s) { return s.where.at; }, in.what);
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
  // What an event server retains proves nothing about now: only a beat, or news after `synced`.
  const auto* server = known_server(in.server);
  const bool live = server != nullptr && server->synced.contains(wire::topic::members);
  if (told_first_) {
    tell_manager(c, epoch_before);
    tell_members(c, before, in.what, changed);
  } else if (live) {
    tell_first_status(c);
  }
  const bool beat = std::holds_alternative<model::status_beat>(in.what);
  if (beat || (live && verdict == model::verdict::applied))
    confirm(c);
}

/// What an event server retains is a status and the deltas after it: told as one, when it is
/// complete.
void network::tell_first_status(call& c) {
  if (!view_.known || std::exchange(told_first_, true))
    return;
  c.tell(change_kind::status, view_.where.at.manager,
         std::to_string(view_.members.size()) + " members, " + epoch_text(view_.where.at) +
             ", serial " + std::to_string(view_.serial));
}

void network::tell_manager(call& c, const model::epoch& before) {
  const auto& now = view_.where.at;
  if (now != before)
    c.tell(change_kind::manager, now.manager,
           epoch_text(now) + ", before: " + before.manager + " " + epoch_text(before));
}

void network::tell_members(call& c, const model::member_map& before,
                           const model::status_event& event,
                           const std::vector<model::node_id>& changed) {
  for (const auto& id : changed) {
    const auto now = view_.members.find(id);
    if (now == view_.members.end()) {
      reports_.erase(id);
      c.tell(change_kind::gone, id.text(), reason_of_removal(event, id));
    } else {
      const auto kind = before.contains(id) ? change_kind::changed : change_kind::joined;
      c.tell(kind, id.text(), describe(now->second.what));
    }
  }
}

void network::confirm(call& c) {
  const bool told_stale = trust_ == trust::stale && silence_is_over_;
  trust_ = trust::confirmed;
  heard_at_ = c.now;
  stale_at_ = c.now + manager_silence_max;
  if (told_stale)
    c.tell(change_kind::confirmed, view_.where.at.manager, "is heard");
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

void network::handle(call& c, const heard_complaint& in) {
  complaint_ = in.text;
  c.tell(change_kind::complaint, "", in.text);
}

} // namespace thor::monitor
