#include "coordinator/dns/coordinator.hpp"

#include "coordinator/dns/change.hpp"

#include <algorithm>
#include <utility>

namespace thor::dns {

namespace {

std::string describe(const model::position& where) {
  return std::to_string(where.at.counter) + "." + where.at.manager + "/" +
         std::to_string(where.sequence);
}

bool is_beat(const model::status_event& event) {
  return std::holds_alternative<model::status_beat>(event);
}

} // namespace

std::string_view to_string(feed_state state) {
  switch (state) {
  case feed_state::unknown:
    return "unknown";
  case feed_state::stale:
    return "stale";
  case feed_state::degraded:
    return "degraded";
  case feed_state::fresh:
    return "fresh";
  }
  return "unknown";
}

void coordinator::start(model::time_point now, model::unix_time wall,
                        std::vector<zone::rrset> operator_rrsets, const restored* last,
                        std::vector<effect>& out) {
  operator_rrsets_ = std::move(operator_rrsets);
  heard_until_ = now + feed_silence_max;
  if (last != nullptr) {
    // Epoch and serial hold even when the members are too old to be served, or are not those of a
    // manager: nobody may be led back.
    serial_ = last->serial;
    view_.where = {last->where.at, 0};
    view_.serial = last->serial;
    divergent_ = last->divergent;
    heard_at_ = last->heard_at;
    // A wall clock that was set back must not keep an old view alive for longer than it may live.
    const auto age = std::max(wall - last->heard_at, std::chrono::seconds{0});
    if (age < how_.stale_max) {
      shown_ = last->members;
      for (const auto& [id, one] : shown_)
        names_.show(one.what);
      // Members or a serial of our own are not those of that position: its status has to be heard
      // again.
      following_ = !last->own_members && !last->divergent;
      if (following_)
        view_ = {true, last->where, last->serial, last->members};
      state_ = feed_state::stale;
      unknown_at_ = now + (how_.stale_max - age);
    }
  }
  serial_ = std::max(serial_, serial_before_any_status);
  pending_cause_ = "start";
  publish(now, out);
}

restored coordinator::to_persist() const {
  return {view_.where, serial_, heard_at_, !following_, divergent_, shown_};
}

void coordinator::on_zone_differs(model::time_point now, std::vector<effect>& out) {
  step_serial();
  request(now, "configuration", out);
}

// ---- following a manager

void coordinator::on_status(model::time_point now, model::unix_time wall, const std::string& server,
                            const model::status_event& event, std::vector<effect>& out) {
  const auto outcome = model::reduce(view_, event, wall);
  switch (outcome.what) {
  case model::verdict::gap:
    out.emplace_back(note{false, "gap", "missed a part of the network status from " + server});
    out.emplace_back(resubscribe_to{server});
    return;
  case model::verdict::far_future:
    out.emplace_back(note{true, "far_future_epoch",
                          "refused a network status from " + server +
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
  // Event servers retain whole statuses and deltas, of a dead manager too, but no beats.
  if (!following_ && !is_beat(event))
    return;
  heard_at_ = wall;
  heard_until_ = now + feed_silence_max;
  if (!following_ && state_ != feed_state::unknown)
    consider_hand_back(now, out);
  else
    follow(now, following_ ? outcome.changed : difference(shown_, view_.members), out);
}

void coordinator::follow(model::time_point now, const std::vector<model::node_id>& changed,
                         std::vector<effect>& out) {
  const bool appeared = state_ == feed_state::unknown;
  if (state_ != feed_state::fresh)
    out.emplace_back(
        note{false, "following", "following the active manager " + view_.where.at.manager});
  change_state(now, feed_state::fresh);
  following_ = true;
  unknown_at_ = model::never;
  if (show(now, view_.members, changed) || appeared || view_.serial > serial_) {
    serial_ = view_.serial > serial_ ? view_.serial : serial_ + 1;
    request(now, "status " + describe(view_.where), out);
  }
  // Another manager may have given us a higher serial than the one that we follow now ever saw.
  if (divergent_ != (serial_ > view_.serial))
    report_soon(now);
  divergent_ = serial_ > view_.serial;
}

void coordinator::lose_manager(model::time_point now, std::vector<effect>& out) {
  const auto last_heard = heard_until_ - feed_silence_max;
  heard_until_ = never_heard;
  hand_back_by_ = model::never;
  if (state_ != feed_state::fresh)
    return;
  change_state(now, feed_state::stale);
  unknown_at_ = last_heard + how_.stale_max;
  out.emplace_back(
      note{true, "manager_lost", "no active manager is heard: serving the last good zone"});
}

void coordinator::expire(model::time_point now, std::vector<effect>& out) {
  change_state(now, feed_state::unknown);
  unknown_at_ = model::never;
  out.emplace_back(
      note{true, "view_expired", "the last good view is too old: dynamic names answer SERVFAIL"});
  step_serial();
  request(now, "view expired", out);
}

// ---- standing in for one

void coordinator::on_facts(model::time_point now, model::unix_time wall,
                           const membership::input& in, std::vector<effect>& out) {
  take(now, wall, deputy_.on_event(now, wall, in), out);
  update_state(now, wall, out);
}

bool coordinator::may_stand_in(bool informed) const {
  if (how_.policy != model::partition_policy::available || !informed || !deputy_.hears())
    return false;
  // Having begun, it goes on until a manager is followed.
  return !following_ || (!is_heard() && !deputy_.sees_manager());
}

void coordinator::stand_in(model::time_point now, model::unix_time wall, std::vector<effect>& out) {
  const bool appeared = state_ == feed_state::unknown;
  const bool again = !std::exchange(following_, false);
  change_state(now, feed_state::degraded);
  unknown_at_ = model::never;
  for (const auto& said : deputy_.adopt(now, wall, shown_).notes)
    tell(said, out);
  if (again)
    out.emplace_back(note{false, "degraded", "judging members by ourselves again"});
  else
    out.emplace_back(note{true, "degraded",
                          "no manager lives: judging members by ourselves, from what the event "
                          "servers see"});
  if (!show(now, deputy_.members(), difference(shown_, deputy_.members())) && !appeared)
    return;
  step_own_serial(wall);
  request(now, "no manager", out);
}

void coordinator::take(model::time_point now, model::unix_time wall, const deputy::outcome& judged,
                       std::vector<effect>& out) {
  for (const auto& link : judged.resubscribe)
    out.emplace_back(resubscribe_to{link});
  for (const auto& said : judged.notes)
    tell(said, out);
  if (state_ != feed_state::degraded || judged.changed.empty())
    return;
  if (show(now, deputy_.members(), judged.changed)) {
    step_own_serial(wall);
    request(now, "own judgement", out);
  }
  if (is_heard())
    consider_hand_back(now, out);
}

/// While a manager judges, its notes count; ours are about what only we see.
void coordinator::tell(const membership::note& judged, std::vector<effect>& out) const {
  if (state_ != feed_state::degraded && judged.how != membership::level::warning)
    return;
  out.emplace_back(note{judged.how == membership::level::alarm, judged.word,
                        judged.about + ": " + judged.detail});
}

void coordinator::lose_facts(model::time_point now, std::vector<effect>& out) {
  change_state(now, feed_state::stale);
  unknown_at_ = now + how_.stale_max;
  out.emplace_back(
      note{true, "facts_lost", "no event server is heard either: serving the last good zone"});
}

void coordinator::consider_hand_back(model::time_point now, std::vector<effect>& out) {
  hand_back_by_ = std::min(hand_back_by_, now + hand_back_max);
  const auto changed = difference(shown_, view_.members);
  if (now < hand_back_by_ && is_visible(shown_, view_.members, changed))
    return;
  hand_back_by_ = model::never;
  follow(now, changed, out);
}

// Name servers with the same data come to the same serial here: the step does not depend on the
// clock. One that missed a step is brought together with them by the manager, which passes us.
void coordinator::step_serial() {
  ++serial_;
  divergent_ = true;
}

void coordinator::step_own_serial(model::unix_time wall) {
  serial_ = zone::next_serial(serial_, static_cast<std::uint64_t>(wall.time_since_epoch().count()));
  divergent_ = true;
}

// ---- time

void coordinator::on_deadline(model::time_point now, model::unix_time wall,
                              std::vector<effect>& out) {
  take(now, wall, deputy_.on_deadline(now, wall), out);
  update_state(now, wall, out);
  expire_departed(now, out);
  if (now >= remember_at_) {
    out.emplace_back(remember{});
    remember_at_ = now + remember_interval;
  }
  if (pending_ && now >= quiet_until_)
    publish(now, out);
  if (now >= report_at_) {
    out.emplace_back(report{});
    report_at_ = model::never;
    report_not_before_ = now + report_interval;
  }
}

model::time_point coordinator::next_deadline() const {
  auto next = std::min({deputy_.next_deadline(), hand_back_by_, remember_at_, report_at_});
  if (is_heard())
    next = std::min(next, heard_until_);
  if (state_ == feed_state::stale)
    next = std::min(next, unknown_at_);
  if (pending_)
    next = std::min(next, quiet_until_);
  return std::min(next, departed_until_);
}

void coordinator::update_state(model::time_point now, model::unix_time wall,
                               std::vector<effect>& out) {
  if (is_heard() && now >= heard_until_)
    lose_manager(now, out);
  if (now >= hand_back_by_)
    consider_hand_back(now, out);
  if (state_ == feed_state::degraded && !deputy_.hears())
    lose_facts(now, out);
  const bool informed = deputy_.is_informed(now, state_ != feed_state::unknown);
  if (state_ != feed_state::fresh && state_ != feed_state::degraded && may_stand_in(informed))
    stand_in(now, wall, out);
  if (state_ == feed_state::degraded)
    heard_at_ = wall;
  if (state_ == feed_state::stale && now >= unknown_at_)
    expire(now, out);
}

void coordinator::change_state(model::time_point now, feed_state to) {
  if (state_ == to)
    return;
  state_ = to;
  const bool confirmed = to == feed_state::fresh || to == feed_state::degraded;
  remember_at_ = confirmed ? now + remember_interval : model::never;
  report_soon(now);
}

void coordinator::report_soon(model::time_point now) {
  report_at_ = std::min(report_at_, std::max(now, report_not_before_));
}

// ---- the zone

void coordinator::on_operator_rrsets(model::time_point now, std::vector<zone::rrset> rrsets,
                                     std::vector<effect>& out) {
  if (rrsets == operator_rrsets_)
    return;
  operator_rrsets_ = std::move(rrsets);
  step_serial();
  request(now, "operator data", out);
}

void coordinator::on_plan(model::time_point now, zone_plan plan,
                          std::vector<zone::rrset> operator_rrsets, std::vector<effect>& out) {
  const auto before = describe_zones();
  plan_ = std::move(plan);
  operator_rrsets_ = std::move(operator_rrsets);
  if (describe_zones() == before)
    return;
  step_serial();
  request(now, "configuration", out);
}

bool coordinator::on_zone_ids(model::time_point now, const std::map<zone::name, std::uint32_t>& ids,
                              std::vector<effect>& out) {
  if (!plan_.set_ids(ids))
    return false;
  request(now, "zone ids", out);
  return true;
}

/// The zone is to show these members as they are in `from`. True when DNS shows the difference.
bool coordinator::show(model::time_point now, const model::member_map& from,
                       const std::vector<model::node_id>& changed) {
  bool visible = false;
  for (const auto& id : changed) {
    const auto* was = find_presence(shown_, id);
    const auto* is = find_presence(from, id);
    visible |= is_visible(was, is);
    if (is != nullptr && model::is_in_dns(*is)) {
      departed_.erase(id);
      names_.show(*is);
    } else if (was != nullptr && model::is_in_dns(*was)) {
      departed_[id] = now + how_.node_grace;
      departed_until_ = std::min(departed_until_, now + how_.node_grace);
      names_.show_departed(id, was->addresses);
    }
    if (is != nullptr)
      shown_.insert_or_assign(id, from.at(id));
    else
      shown_.erase(id);
  }
  return visible;
}

void coordinator::expire_departed(model::time_point now, std::vector<effect>& out) {
  if (now < departed_until_)
    return;
  departed_until_ = model::never;
  const auto over = std::erase_if(departed_, [&](const auto& gone) {
    const bool ends = gone.second <= now;
    if (ends)
      names_.forget(gone.first);
    else
      departed_until_ = std::min(departed_until_, gone.second);
    return ends;
  });
  if (over == 0)
    return;
  step_serial();
  request(now, "node names expired", out);
}

void coordinator::request(model::time_point now, std::string cause, std::vector<effect>& out) {
  pending_cause_ = pending_ ? pending_cause_ + ", " + cause : std::move(cause);
  pending_ = true;
  if (now >= quiet_until_)
    publish(now, out);
}

std::vector<zone::zone_input> coordinator::describe_zones() const {
  return state_ == feed_state::unknown ? plan_.describe_unknown(operator_rrsets_, serial_)
                                       : plan_.describe(shown_, names_, operator_rrsets_, serial_);
}

void coordinator::publish(model::time_point now, std::vector<effect>& out) {
  out.emplace_back(publish_zones{describe_zones(), std::move(pending_cause_)});
  pending_ = false;
  pending_cause_.clear();
  quiet_until_ = now + coalesce_interval;
  if (remember_at_ != model::never)
    remember_at_ = now + remember_interval;
  report_soon(now);
}

} // namespace thor::dns
