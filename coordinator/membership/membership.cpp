#include "coordinator/membership/membership.hpp"

#include <algorithm>

namespace thor::membership {

namespace {

const sighting* sighting_of(const std::vector<sighting>& all, std::size_t server) {
  const auto s = std::ranges::find(all, server, &sighting::server);
  return s == all.end() ? nullptr : &*s;
}

model::presence unknown_presence(const model::node_id& id) {
  return {.id = id,
          .at = {},
          .addresses = {},
          .roles = {},
          .site = "",
          .software = "",
          .attributes = {}};
}

} // namespace

void membership::on_event(model::time_point now, const input& in, effects& out) {
  roster_.notice_call(now, out);
  forget_gone(now);
  std::visit([&](const auto& i) { on(now, i, out); }, in);
}

void membership::on_deadline(model::time_point now, effects& out) {
  roster_.notice_call(now, out);
  forget_gone(now);
  if (roster_.notice_silence(now, out))
    evaluate_all(now, out);
  while (!deadlines_.empty() && deadlines_.begin()->first <= now)
    evaluate(now, records_.at(deadlines_.begin()->second), out);
}

model::time_point membership::next_deadline() const {
  auto next = roster_.next_deadline();
  if (!deadlines_.empty())
    next = std::min(next, deadlines_.begin()->first);
  if (!gone_.empty())
    next = std::min(next, gone_.begin()->first + gone_memory);
  return next;
}

bool membership::timely(const model::node_id& id) const {
  const auto r = records_.find(id);
  return r != records_.end() && r->second.admitted && !r->second.overdue;
}

// ---- what each input does

void membership::on(model::time_point now, const server_up& in, effects& out) {
  if (roster_.find(in.server))
    on(now, server_down{in.server}, out);
  roster_.up(now, in.server, in.hello, out);
}

void membership::on(model::time_point now, const server_synced& in, effects& out) {
  if (const auto server = roster_.find(in.server)) {
    roster_.synced(now, *server);
    evaluate_all(now, out);
  }
}

void membership::on(model::time_point now, const server_down& in, effects& out) {
  const auto server = roster_.find(in.server);
  if (!server)
    return;
  for (auto& [id, r] : records_)
    forget_sighting(r, *server);
  roster_.down(*server);
  evaluate_all(now, out);
}

void membership::on(model::time_point now, const server_heartbeat& in, effects& out) {
  const auto server = roster_.find(in.server);
  if (server && roster_.heartbeat(now, *server, in.beat, out))
    evaluate_all(now, out);
}

void membership::on(model::time_point now, const heard_presence& in, effects& out) {
  const auto server = roster_.find(in.server);
  if (!server)
    return;
  auto& r = find_or_add(now, in.what);
  see(now, r, *server, in.about);
  take_presence(now, r, in.what, out);
  evaluate(now, r, out);
}

void membership::on(model::time_point now, const heard_fact& in, effects& out) {
  const auto server = roster_.find(in.server);
  const auto r = records_.find(in.about.id);
  if (!server || r == records_.end())
    return;
  see(now, r->second, *server, in.about);
  evaluate(now, r->second, out);
}

void membership::on(model::time_point now, const heard_leave& in, effects& out) {
  const auto server = roster_.find(in.server);
  if (!server)
    return;
  auto& r = find_or_add(now, unknown_presence(in.what.id));
  if (const auto* s = sighting_of(r.sightings, *server); s != nullptr && s->at < in.what.at)
    forget_sighting(r, *server);
  if (in.what.at > std::max(r.what.at, r.left_at)) {
    r.left_at = in.what.at;
    r.held_until.reset();
    if (in.what.hold_ms > 0)
      r.held_until = now + std::chrono::milliseconds(in.what.hold_ms);
    else if (r.admitted)
      withdraw(now, r, model::withdrawal::left, out);
  }
  evaluate(now, r, out);
}

void membership::on(model::time_point now, const retained& in, effects& out) {
  for (const auto& [id, m] : in.members) {
    auto& r = find_or_add(now, m.what);
    if (r.withdrawn)
      continue;
    take_presence(now, r, m.what, out);
    const bool left = r.what.at <= r.left_at && !(r.held_until && now < *r.held_until);
    if (!r.admitted && !left && !cut_off_of(now, evidence_of(r)))
      admit(r, false, out);
    evaluate(now, r, out);
  }
}

// ---- what is known

membership::record& membership::find_or_add(model::time_point now, const model::presence& what) {
  const auto [r, added] = records_.try_emplace(what.id, what);
  if (added) {
    r->second.gone_at = now;
    gone_.emplace(now, what.id);
  }
  return r->second;
}

void membership::see(model::time_point now, record& r, std::size_t server,
                     const wire::fact& about) {
  const auto s = sight(now, server, about, sighting_of(r.sightings, server));
  forget_sighting(r, server);
  r.sightings.push_back(s);
  if (s.open())
    roster_.count_live(server, r.what.id, s.at, true);
}

void membership::forget_sighting(record& r, std::size_t server) {
  const auto* s = sighting_of(r.sightings, server);
  if (s == nullptr)
    return;
  if (s->open())
    roster_.count_live(server, r.what.id, s->at, false);
  r.sightings.erase(r.sightings.begin() + (s - r.sightings.data()));
}

void membership::take_presence(model::time_point now, record& r, const model::presence& what,
                               effects& out) {
  if (what.at <= r.what.at)
    return;
  if (r.admitted)
    guard_.remove(r.what, r.overdue);
  if (what.at.incarnation > r.what.at.incarnation && !r.sightings.empty())
    r.alone_from = now + lease;
  r.what = what;
  if (what.at > r.left_at)
    r.held_until.reset();
  if (!r.admitted)
    return;
  guard_.add(r.what, r.overdue);
  out.emplace_back(changed{what});
}

void membership::forget_gone(model::time_point now) {
  for (auto n = gone_.size(); n > 0; --n) {
    const auto oldest = *gone_.begin();
    if (now < oldest.first + gone_memory && gone_.size() <= gone_members_max)
      return;
    gone_.erase(gone_.begin());
    const auto found = records_.find(oldest.second);
    auto& r = found->second;
    if (std::ranges::any_of(r.sightings, [&](const sighting& s) {
          return s.open() && s.at.incarnation >= r.what.at.incarnation;
        })) {
      // An event server still has it connected and would speak of it without introducing it.
      r.gone_at = now;
      gone_.emplace(now, oldest.second);
      continue;
    }
    // One that is connected with an older incarnation lost its state and its clock, and begins
    // anew: the digests differ from here on, so that it is introduced again.
    while (!r.sightings.empty())
      forget_sighting(r, r.sightings.back().server);
    schedule(r, model::never);
    records_.erase(found);
  }
}

// ---- what follows from it

evidence membership::evidence_of(const record& r) const {
  return {roster_.all(), r.sightings, r.what.at.incarnation, r.left_at, r.vouched_until};
}

void membership::evaluate_all(model::time_point now, effects& out) {
  for (auto& [id, r] : records_)
    evaluate(now, r, out);
}

void membership::evaluate(model::time_point now, record& r, effects& out) {
  const auto s = support_of(now, evidence_of(r));
  if (s.vouched)
    r.vouched_until = s.until;
  else if (r.vouched)
    r.vouched_until = std::min(now, r.vouched_until);
  r.vouched = s.vouched;
  if (r.admitted)
    set_overdue(r, !s.timely && !r.held_until);
  check_alone(now, r, out);
  const auto next = r.admitted ? judge(now, r, s, out) : consider(now, r, s, out);
  schedule(r, std::min(next, r.alone_from));
}

void membership::check_alone(model::time_point now, record& r, effects& out) {
  if (now < r.alone_from)
    return;
  r.alone_from = model::never;
  for (const auto& s : r.sightings)
    if (s.open() && now < s.gone_from && s.at.incarnation < r.what.at.incarnation)
      out.emplace_back(note{level::alarm, "identity_conflict", r.what.id.text(),
                            "an older process with this certificate is still connected to " +
                                roster_.all()[s.server].id + "; the newer one counts"});
}

model::time_point membership::judge(model::time_point now, record& r, const support& s,
                                    effects& out) {
  if (const auto cut = cut_off_of(now, evidence_of(r))) {
    withdraw(now, r, cut->reason, out);
    return cut->until;
  }
  if (r.held_until)
    return judge_held(now, r, *r.held_until, out);
  if (s.vouched)
    return s.until;
  const auto a = accusation_of(now, evidence_of(r));
  if (!a.holds())
    return a.next;
  if (a.reason == model::withdrawal::silent && guard_.holds(now, r.what, out))
    return now + mass_recheck;
  withdraw(now, r, a.reason, out);
  return model::never;
}

model::time_point membership::judge_held(model::time_point now, record& r, model::time_point until,
                                         effects& out) {
  // Over and not back: gone, if anybody would have told us that it is back.
  const auto from = std::max(until, roster_.judgement_from());
  if (now < from)
    return from;
  withdraw(now, r, model::withdrawal::left, out);
  return model::never;
}

model::time_point membership::consider(model::time_point now, record& r, const support& s,
                                       effects& out) {
  if (const auto cut = cut_off_of(now, evidence_of(r)))
    return cut->until;
  if (!s.present || r.what.at <= r.left_at)
    return model::never;
  if (now < r.flaps.readmit_from())
    return r.flaps.readmit_from();
  admit(r, !s.timely, out);
  return s.until;
}

void membership::admit(record& r, bool overdue, effects& out) {
  gone_.erase({r.gone_at, r.what.id});
  r.admitted = true;
  r.withdrawn = false;
  r.overdue = overdue;
  guard_.add(r.what, overdue);
  out.emplace_back(admitted{r.what});
}

void membership::withdraw(model::time_point now, record& r, model::withdrawal reason,
                          effects& out) {
  guard_.remove(r.what, r.overdue);
  r.admitted = false;
  r.withdrawn = true;
  r.held_until.reset();
  r.gone_at = now;
  gone_.emplace(now, r.what.id);
  out.emplace_back(withdrawn{r.what.id, reason});
  if (reason == model::withdrawal::silent)
    note_silence(now, r, out);
  else if (reason == model::withdrawal::revoked || reason == model::withdrawal::expired)
    out.emplace_back(note{level::alarm, to_string(reason), r.what.id.text(),
                          "it was cut off because of its certificate"});
}

void membership::note_silence(model::time_point now, record& r, effects& out) {
  guard_.fell_silent(now, r.what);
  const auto delay = r.flaps.fell_silent(now);
  if (delay.count() > 0)
    out.emplace_back(note{level::alarm, "flapping", r.what.id.text(),
                          "fell silent again; it is admitted in " + std::to_string(delay.count()) +
                              " s at the earliest"});
}

void membership::set_overdue(record& r, bool overdue) {
  if (r.overdue == overdue)
    return;
  guard_.remove(r.what, r.overdue);
  r.overdue = overdue;
  guard_.add(r.what, r.overdue);
}

void membership::schedule(record& r, model::time_point when) {
  if (r.deadline == when)
    return;
  if (r.deadline != model::never)
    deadlines_.erase({r.deadline, r.what.id});
  r.deadline = when;
  if (when != model::never)
    deadlines_.emplace(when, r.what.id);
}

} // namespace thor::membership
