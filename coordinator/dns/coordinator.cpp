#include "coordinator/dns/coordinator.hpp"

#include <algorithm>
#include <utility>

namespace thor::dns {

namespace {

std::string describe(const model::position& where) {
  return std::to_string(where.at.counter) + "." + where.at.manager + "/" +
         std::to_string(where.sequence);
}

/// The members that `event` may change, as they are before it.
model::member_map affected(const model::view& view, const model::status_event& event) {
  if (std::holds_alternative<model::status_full>(event))
    return view.members;
  model::member_map before;
  const auto keep = [&](const model::node_id& id) {
    if (const auto found = view.members.find(id); found != view.members.end())
      before.insert(*found);
  };
  if (const auto* delta = std::get_if<model::status_delta>(&event)) {
    for (const auto& member : delta->upserts)
      keep(member.what.id);
    for (const auto& gone : delta->removals)
      keep(gone.id);
  }
  return before;
}

bool shows_in_dns(const model::member_map& before, const model::member_map& after,
                  const std::vector<model::node_id>& changed) {
  return std::ranges::any_of(changed, [&](const model::node_id& id) {
    const auto was = before.find(id);
    const auto is = after.find(id);
    if (was == before.end() || is == after.end())
      return true;
    return model::dns_relevant_change(was->second.what, is->second.what);
  });
}

} // namespace

std::string_view to_string(feed_state state) {
  switch (state) {
  case feed_state::unknown:
    return "unknown";
  case feed_state::stale:
    return "stale";
  case feed_state::fresh:
    return "fresh";
  }
  return "unknown";
}

void coordinator::start(model::time_point now, model::unix_time wall,
                        std::vector<zone::rrset> operator_rrsets, const restored* last,
                        std::vector<effect>& out) {
  operator_rrsets_ = std::move(operator_rrsets);
  if (last != nullptr) {
    // The position and the serial hold even when the members are too old to be served: nobody may
    // be led back.
    serial_ = last->serial;
    view_.where = last->where;
    view_.serial = last->serial;
    heard_at_ = last->heard_at;
    // A wall clock that was set back must not keep an old view alive for longer than it may live.
    const auto age = std::max(wall - last->heard_at, std::chrono::seconds{0});
    if (age < how_.stale_max) {
      view_.known = true;
      view_.members = last->members;
      state_ = feed_state::stale;
      unknown_at_ = now + (how_.stale_max - age);
    }
  }
  serial_ = std::max(serial_, serial_before_any_status);
  pending_cause_ = "start";
  publish(now, out);
}

void coordinator::on_zone_differs(model::time_point now, std::vector<effect>& out) {
  ++serial_;
  request(now, "configuration", out);
}

void coordinator::on_status(model::time_point now, model::unix_time wall, const std::string& server,
                            const model::status_event& event, std::vector<effect>& out) {
  const auto before = affected(view_, event);
  const auto outcome = model::reduce(view_, event, wall);
  switch (outcome.what) {
  case model::verdict::gap:
    out.emplace_back(note{false, "missed a part of the network status from " + server});
    out.emplace_back(resubscribe_to{server});
    return;
  case model::verdict::far_future:
    out.emplace_back(note{true, "refused a network status from " + server +
                                    ": its epoch is more than an hour ahead of the local clock"});
    return;
  case model::verdict::stale:
    return;
  case model::verdict::current:
  case model::verdict::applied:
    break;
  }
  if (!view_.known)
    return;
  heard_at_ = wall;
  fresh_until_ = now + feed_silence_max;
  unknown_at_ = model::never;
  const bool appeared = state_ == feed_state::unknown;
  if (state_ != feed_state::fresh)
    out.emplace_back(note{false, "following the active manager " + view_.where.at.manager});
  state_ = feed_state::fresh;
  remember_departed(now, before, outcome.changed);
  const bool visible = shows_in_dns(before, view_.members, outcome.changed);
  if (!visible && !appeared && view_.serial <= serial_)
    return;
  serial_ = view_.serial > serial_ ? view_.serial : serial_ + 1;
  request(now, "status " + describe(view_.where), out);
}

void coordinator::on_operator_rrsets(model::time_point now, std::vector<zone::rrset> rrsets,
                                     std::vector<effect>& out) {
  if (rrsets == operator_rrsets_)
    return;
  operator_rrsets_ = std::move(rrsets);
  ++serial_;
  request(now, "operator data", out);
}

void coordinator::on_deadline(model::time_point now, std::vector<effect>& out) {
  update_state(now, out);
  expire_departed(now, out);
  if (state_ == feed_state::fresh && now >= remember_at_) {
    out.emplace_back(remember{});
    remember_at_ = now + remember_interval;
  }
  if (pending_ && now >= quiet_until_)
    publish(now, out);
}

model::time_point coordinator::next_deadline() const {
  auto next = model::never;
  if (state_ == feed_state::fresh)
    next = std::min({next, fresh_until_, remember_at_});
  if (state_ == feed_state::stale)
    next = std::min(next, unknown_at_);
  if (pending_)
    next = std::min(next, quiet_until_);
  for (const auto& [id, gone] : departed_)
    next = std::min(next, gone.until);
  return next;
}

void coordinator::remember_departed(model::time_point now, const model::member_map& before,
                                    const std::vector<model::node_id>& changed) {
  for (const auto& id : changed) {
    if (view_.members.contains(id)) {
      departed_.erase(id);
    } else if (const auto was = before.find(id); was != before.end()) {
      departed_[id] = {was->second.what.addresses, now + how_.node_grace};
    }
  }
}

void coordinator::update_state(model::time_point now, std::vector<effect>& out) {
  if (state_ == feed_state::fresh && now >= fresh_until_) {
    state_ = feed_state::stale;
    unknown_at_ = fresh_until_ - feed_silence_max + how_.stale_max;
    out.emplace_back(note{true, "no active manager is heard: serving the last good zone"});
  }
  if (state_ == feed_state::stale && now >= unknown_at_) {
    state_ = feed_state::unknown;
    unknown_at_ = model::never;
    out.emplace_back(note{true, "the last good view is too old: dynamic names answer SERVFAIL"});
    ++serial_;
    request(now, "view expired", out);
  }
}

// Every thor-dns comes to the same serial here: the step does not depend on the local clock.
void coordinator::expire_departed(model::time_point now, std::vector<effect>& out) {
  const auto over =
      std::erase_if(departed_, [&](const auto& gone) { return gone.second.until <= now; });
  if (over == 0)
    return;
  ++serial_;
  request(now, "node names expired", out);
}

void coordinator::request(model::time_point now, std::string cause, std::vector<effect>& out) {
  pending_cause_ = pending_ ? pending_cause_ + ", " + cause : std::move(cause);
  pending_ = true;
  if (now >= quiet_until_)
    publish(now, out);
}

void coordinator::publish(model::time_point now, std::vector<effect>& out) {
  departed_map departed;
  for (const auto& [id, gone] : departed_)
    departed.emplace(id, gone.addresses);
  out.emplace_back(publish_zone{plan_.describe(state_ != feed_state::unknown, view_.members,
                                               departed, operator_rrsets_, serial_),
                                std::move(pending_cause_)});
  pending_ = false;
  pending_cause_.clear();
  quiet_until_ = now + coalesce_interval;
  remember_at_ = now + remember_interval;
}

} // namespace thor::dns
