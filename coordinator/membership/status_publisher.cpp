#include "coordinator/membership/status_publisher.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

namespace thor::membership {

namespace {

std::uint32_t seconds(model::unix_time wall) {
  return static_cast<std::uint32_t>(std::max<std::int64_t>(0, wall.time_since_epoch().count()));
}

std::uint32_t serial_of(const model::status_event& e) {
  return std::visit([](const auto& s) { return s.serial; }, e);
}

} // namespace

// ---- what it hears

void status_publisher::on_members(model::unix_time wall, std::span<const effect> decided) {
  for (const auto& e : decided)
    std::visit([&](const auto& each) { take(wall, each); }, e);
}

void status_publisher::take(model::unix_time wall, const admitted& e) {
  members_.insert_or_assign(e.what.id, model::member{e.what, wall});
  note_change(e.what.id, std::nullopt, model::is_in_dns(e.what));
}

void status_publisher::take(model::unix_time, const changed& e) {
  auto& m = members_.at(e.what.id);
  note_change(e.what.id, std::nullopt, model::dns_relevant_change(m.what, e.what));
  m.what = e.what;
}

void status_publisher::take(model::unix_time, const withdrawn& e) {
  const auto m = members_.find(e.id);
  note_change(e.id, e.reason, model::is_in_dns(m->second.what));
  members_.erase(m);
}

void status_publisher::take(model::unix_time, const auto&) {}

/// Who does not publish keeps no list: begin() looks at the members as they are then.
void status_publisher::note_change(const model::node_id& id,
                                   std::optional<model::withdrawal> reason, bool dns_shows_it) {
  if (!publishing_)
    return;
  pending_[id] = reason;
  pending_serial_ |= dns_shows_it;
}

void status_publisher::on_status(model::time_point now, model::unix_time wall,
                                 const std::string& server, const model::status_event& heard,
                                 effects& out) {
  if (!publishing_)
    return follow(now, wall, server, heard, out);
  // Somebody published in an epoch before ours, on the other side of a partition: its consumers,
  // now ours, must not be led back.
  const auto serial = serial_of(heard);
  if (model::position_of(heard).at < view_.where.at && serial > view_.serial) {
    highest_serial_ = std::max(highest_serial_, serial);
    pending_serial_ = true;
  }
}

void status_publisher::follow(model::time_point now, model::unix_time wall,
                              const std::string& server, const model::status_event& heard,
                              effects& out) {
  const auto outcome = model::reduce(view_, heard, wall).what;
  if (outcome == model::verdict::gap && now >= resubscribe_from_) {
    resubscribe_from_ = now + resubscribe_interval_min;
    out.emplace_back(resubscribe{server});
  }
  if (outcome != model::verdict::far_future)
    highest_serial_ = std::max(highest_serial_, serial_of(heard));
  if (view_.where.at <= kept_.epoch)
    return;
  kept_ = {view_.where.at, std::max(kept_.serial_limit, view_.serial)};
  out.emplace_back(kept_);
}

void status_publisher::on_zone_report(model::unix_time wall, const std::string& member,
                                      const wire::zone_report& zone, effects& out) {
  if (zone.serial > seconds(wall) + reported_serial_lead_max) {
    out.emplace_back(note{level::alarm, "far_future_serial", member,
                          "serves serial " + std::to_string(zone.serial) +
                              ", which is far beyond the clock; it is ignored"});
    return;
  }
  highest_serial_ = std::max(highest_serial_, zone.serial);
  if (!zone.divergent || zone.degraded) // while it is degraded it does not hear us
    return;
  divergent_serial_ = std::max(divergent_serial_, zone.serial);
  pending_serial_ |= publishing_ && divergent_serial_ > view_.serial;
}

// ---- who publishes

void status_publisher::begin(model::time_point now, model::unix_time wall, const model::epoch& at,
                             effects& out) {
  publishing_ = true;
  for (auto& [id, m] : members_)
    if (const auto before = view_.members.find(id); before != view_.members.end())
      m.since = before->second.since;
  if (shows_another_zone() || divergent_serial_ > view_.serial)
    step_serial(wall);
  view_.known = true;
  view_.where = {at, 0};
  kept_.epoch = std::max(kept_.epoch, at);
  out.emplace_back(kept_);
  publish_full(out);
  quiet_until_ = now + coalesce_interval;
  beat_at_ = now + beat_interval;
}

void status_publisher::end() {
  publishing_ = false;
  beat_at_ = model::never;
  pending_.clear();
  pending_serial_ = false;
}

bool status_publisher::shows_another_zone() const {
  const auto shown =
      std::views::filter([](const auto& m) { return model::is_in_dns(m.second.what); });
  const auto same = [](const auto& a, const auto& b) {
    return a.first == b.first && !model::dns_relevant_change(a.second.what, b.second.what);
  };
  return !view_.known || !std::ranges::equal(members_ | shown, view_.members | shown, same);
}

// ---- what it publishes

bool status_publisher::step_serial(model::unix_time wall) {
  highest_serial_ = std::max(highest_serial_ + 1, seconds(wall));
  view_.serial = highest_serial_;
  if (view_.serial <= kept_.serial_limit)
    return false;
  kept_.serial_limit = view_.serial + serials_reserved;
  return true;
}

void status_publisher::flush(model::time_point now, model::unix_time wall, effects& out) {
  if (pending_.empty() && !pending_serial_)
    return;
  if (pending_serial_ && step_serial(wall))
    out.emplace_back(kept_);
  ++view_.where.sequence;
  quiet_until_ = now + coalesce_interval;
  changes_since_full_ += pending_.size();
  ++deltas_since_full_;
  if (deltas_since_full_ > deltas_since_full_max ||
      changes_since_full_ > std::max(changes_since_full_min, members_.size())) {
    publish_full(out);
  } else {
    publish_delta(out);
  }
}

void status_publisher::publish_delta(effects& out) {
  model::status_delta delta{view_.where, view_.serial, {}, {}};
  for (const auto& [id, reason] : pending_) {
    if (reason) {
      delta.removals.push_back({id, *reason});
      view_.members.erase(id);
    } else {
      delta.upserts.push_back(members_.at(id));
      view_.members.insert_or_assign(id, members_.at(id));
    }
  }
  out.emplace_back(publish{"", std::move(delta)});
  pending_.clear();
  pending_serial_ = false;
}

void status_publisher::publish_full(effects& out) {
  view_.members = members_;
  out.emplace_back(publish{"", model::status_full{view_.where, view_.serial, view_.members}});
  deltas_since_full_ = 0;
  changes_since_full_ = 0;
  pending_.clear();
  pending_serial_ = false;
}

void status_publisher::on_server_up(model::time_point now, model::unix_time wall,
                                    const std::string& server, effects& out) {
  if (!publishing_)
    return;
  flush(now, wall, out);
  std::erase_if(full_sent_at_, [&](auto& s) { return now >= s.second + full_status_interval_min; });
  full_sent_at_[server] = now;
  out.emplace_back(publish{server, model::status_full{view_.where, view_.serial, view_.members}});
}

void status_publisher::on_full_status_needed(model::time_point now, model::unix_time wall,
                                             const std::string& server, effects& out) {
  const auto sent = full_sent_at_.find(server);
  if (sent == full_sent_at_.end() || now >= sent->second + full_status_interval_min)
    on_server_up(now, wall, server, out);
}

void status_publisher::on_deadline(model::time_point now, model::unix_time wall, effects& out) {
  if (!publishing_)
    return;
  const bool beats = now >= beat_at_;
  // A digest is that of the members at its sequence.
  if (beats || now >= quiet_until_)
    flush(now, wall, out);
  if (!beats)
    return;
  beat_at_ = now + beat_interval;
  out.emplace_back(
      publish{"", model::status_beat{view_.where, view_.serial, model::digest(view_.members)}});
}

model::time_point status_publisher::next_deadline() const {
  if (!publishing_)
    return model::never;
  const bool pending = !pending_.empty() || pending_serial_;
  return pending ? std::min(beat_at_, quiet_until_) : beat_at_;
}

} // namespace thor::membership
