#include "coordinator/membership/status_publisher.hpp"

#include <algorithm>

namespace thor::membership {

namespace {

std::uint64_t seconds(model::unix_time wall) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, wall.time_since_epoch().count()));
}

bool is_far_future(std::uint64_t counter, model::unix_time wall) {
  return counter > seconds(wall + model::epoch_lead_max);
}

note far_future(const model::epoch& e) {
  return {level::alarm, "far_future_epoch", e.manager,
          "epoch " + std::to_string(e.counter) +
              " is more than an hour ahead of the local clock and is ignored; check the clocks"};
}

const model::position& where_of(const model::status_event& e) {
  return std::visit([](const auto& s) -> const model::position& { return s.where; }, e);
}

std::uint32_t serial_of(const model::status_event& e) {
  return std::visit([](const auto& s) { return s.serial; }, e);
}

} // namespace

void status_publisher::on_members(model::time_point now, model::unix_time wall,
                                  std::span<const effect> decided, effects& out) {
  for (const auto& e : decided)
    std::visit([&](const auto& each) { take(wall, each); }, e);
  if (started_ && now >= quiet_until_)
    flush(now, wall, out);
}

void status_publisher::take(model::unix_time wall, const admitted& e) {
  members_.insert_or_assign(e.what.id, model::member{e.what, wall});
  pending_[e.what.id] = std::nullopt;
  pending_in_dns_ = true;
}

void status_publisher::take(model::unix_time, const changed& e) {
  auto& m = members_.at(e.what.id);
  pending_in_dns_ |= model::dns_relevant_change(m.what, e.what);
  m.what = e.what;
  pending_[e.what.id] = std::nullopt;
}

void status_publisher::take(model::unix_time, const withdrawn& e) {
  members_.erase(e.id);
  pending_[e.id] = e.reason;
  pending_in_dns_ = true;
}

void status_publisher::take(model::unix_time, const auto&) {}

void status_publisher::on_status(model::time_point now, model::unix_time wall,
                                 const model::status_event& heard, effects& out) {
  const auto& epoch = where_of(heard).at;
  if (!started_) {
    if (model::reduce(retained_, heard, wall).what == model::verdict::far_future)
      out.emplace_back(far_future(epoch));
    highest_counter_ = std::max(highest_counter_, retained_.where.at.counter);
    highest_serial_ = std::max(highest_serial_, retained_.serial);
    return;
  }
  if (epoch <= where_.at)
    return;
  if (!is_far_future(epoch.counter, wall))
    highest_serial_ = std::max(highest_serial_, serial_of(heard));
  if (epoch > contested_by_)
    contest(now, wall, epoch, out);
}

void status_publisher::contest(model::time_point now, model::unix_time wall,
                               const model::epoch& other, effects& out) {
  contested_by_ = other;
  if (is_far_future(other.counter, wall)) {
    out.emplace_back(far_future(other));
    return;
  }
  highest_counter_ = std::max(highest_counter_, other.counter);
  out.emplace_back(note{level::alarm, "other_manager", other.manager,
                        "publishes a network status, too, with the higher epoch " +
                            std::to_string(other.counter) + "; only one manager may run"});
  retake_at_ = std::max(now, epoch_taken_at_ + lease);
  if (retake_at_ <= now)
    on_deadline(now, wall, out);
}

void status_publisher::start(model::time_point now, model::unix_time wall, effects& out) {
  started_ = true;
  for (auto& [id, m] : members_)
    if (const auto before = retained_.members.find(id); before != retained_.members.end())
      m.since = before->second.since;
  if (is_far_future(highest_counter_, wall)) {
    out.emplace_back(far_future({highest_counter_, manager_}));
    highest_counter_ = retained_.where.at.counter;
  }
  serial_ = retained_.serial;
  if (shows_another_zone())
    step_serial(wall);
  pending_.clear();
  pending_in_dns_ = false;
  take_epoch(now, wall, out);
}

bool status_publisher::shows_another_zone() const {
  const auto same = [](const auto& a, const auto& b) {
    return a.first == b.first && !model::dns_relevant_change(a.second.what, b.second.what);
  };
  return !retained_.known || !std::ranges::equal(members_, retained_.members, same);
}

void status_publisher::take_epoch(model::time_point now, model::unix_time wall, effects& out) {
  highest_counter_ = std::max(highest_counter_ + 1, seconds(wall));
  where_ = {{highest_counter_, manager_}, 0};
  epoch_taken_at_ = now;
  retake_at_ = model::never;
  kept_.epoch_counter = highest_counter_;
  out.emplace_back(kept_);
  publish_full("", out);
  quiet_until_ = now + coalesce_interval;
  beat_at_ = now + beat_interval;
}

bool status_publisher::step_serial(model::unix_time wall) {
  highest_serial_ = std::max(highest_serial_ + 1, static_cast<std::uint32_t>(seconds(wall)));
  serial_ = highest_serial_;
  if (serial_ <= kept_.serial_limit)
    return false;
  kept_.serial_limit = serial_ + serials_reserved;
  return true;
}

void status_publisher::flush(model::time_point now, model::unix_time wall, effects& out) {
  if (pending_.empty())
    return;
  ++where_.sequence;
  if (pending_in_dns_ && step_serial(wall))
    out.emplace_back(kept_);
  quiet_until_ = now + coalesce_interval;
  changes_since_full_ += pending_.size();
  ++deltas_since_full_;
  if (deltas_since_full_ > deltas_since_full_max ||
      changes_since_full_ > std::max(changes_since_full_min, members_.size())) {
    publish_full("", out);
  } else {
    model::status_delta delta{where_, serial_, {}, {}};
    for (const auto& [id, reason] : pending_) {
      if (reason)
        delta.removals.push_back({id, *reason});
      else
        delta.upserts.push_back(members_.at(id));
    }
    out.emplace_back(publish{"", std::move(delta)});
  }
  pending_.clear();
  pending_in_dns_ = false;
}

void status_publisher::publish_full(const std::string& server, effects& out) {
  out.emplace_back(publish{server, model::status_full{where_, serial_, members_}});
  if (!server.empty())
    return;
  deltas_since_full_ = 0;
  changes_since_full_ = 0;
}

void status_publisher::on_server_up(model::time_point now, model::unix_time wall,
                                    const std::string& server, effects& out) {
  if (!started_)
    return;
  flush(now, wall, out);
  std::erase_if(full_sent_at_, [&](auto& s) { return now >= s.second + full_status_interval_min; });
  full_sent_at_[server] = now;
  publish_full(server, out);
}

void status_publisher::on_full_status_needed(model::time_point now, model::unix_time wall,
                                             const std::string& server, effects& out) {
  const auto sent = full_sent_at_.find(server);
  if (sent == full_sent_at_.end() || now >= sent->second + full_status_interval_min)
    on_server_up(now, wall, server, out);
}

void status_publisher::on_deadline(model::time_point now, model::unix_time wall, effects& out) {
  if (!started_)
    return;
  if (now >= retake_at_) {
    // Consumers may have taken the other manager's status under a serial of its own.
    step_serial(wall);
    pending_.clear();
    pending_in_dns_ = false;
    take_epoch(now, wall, out);
  }
  const bool beats = now >= beat_at_;
  // A digest is that of the members at its sequence.
  if (beats || now >= quiet_until_)
    flush(now, wall, out);
  if (!beats)
    return;
  beat_at_ = now + beat_interval;
  out.emplace_back(publish{"", model::status_beat{where_, serial_, model::digest(members_)}});
}

model::time_point status_publisher::next_deadline() const {
  auto next = std::min(beat_at_, retake_at_);
  if (started_ && !pending_.empty())
    next = std::min(next, quiet_until_);
  return next;
}

} // namespace thor::membership
