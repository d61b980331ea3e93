#include "coordinator/membership/server_roster.hpp"

#include <algorithm>

namespace thor::membership {

namespace {

std::string name_of(const event_server& s) {
  return s.id + " (" + s.link + ')';
}

std::string milliseconds_text(model::duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(d).count()) + " ms";
}

// Nothing it says, or does not say, is held against a member for some time.
void distrust(model::time_point now, event_server& s, model::duration time) {
  s.trusted_from = std::max(s.trusted_from, now + time);
}

} // namespace

std::optional<std::size_t> server_roster::find(const std::string& link) const {
  const auto s = std::ranges::find(servers_, link, &event_server::link);
  if (s == servers_.end() || !s->up)
    return std::nullopt;
  return static_cast<std::size_t>(s - servers_.begin());
}

event_server* server_roster::free_slot(const std::string& link) {
  auto s = std::ranges::find(servers_, link, &event_server::link);
  if (s == servers_.end() && servers_.size() < event_servers_max)
    return &servers_.emplace_back();
  if (s == servers_.end())
    s = std::ranges::find(servers_, false, &event_server::up);
  return s == servers_.end() ? nullptr : &*s;
}

void server_roster::up(model::time_point now, const std::string& link, const wire::welcome& hello,
                       effects& out) {
  auto* s = free_slot(link);
  if (s == nullptr) {
    out.emplace_back(note{level::alarm, "too_many_event_servers", link,
                          "only " + std::to_string(event_servers_max) +
                              " event servers are taken into account"});
    return;
  }
  if (s->link != link) {
    *s = {};
    s->link = link;
  }
  // What kept it from us for so long, or paused it, may have done the same to members, who need
  // time to return to it. A new process of it has no such past.
  const bool was_away = s->instance == hello.instance && now - s->heard_at > heartbeat_silence_max;
  s->id = hello.server;
  s->instance = hello.instance;
  s->up = true;
  s->synced = false;
  s->fresh = true;
  s->admitting = hello.admitting;
  s->started_at = now - age_of(hello.age_ms);
  s->heard_at = now;
  distrust(now, *s, was_away ? model::duration(absence_grace) : model::duration(lease));
}

void server_roster::synced(model::time_point now, std::size_t server) {
  auto& s = servers_[server];
  s.synced = true;
  distrust(now, s, lease);
}

void server_roster::down(std::size_t server) {
  auto& s = servers_[server];
  s.up = false;
  s.synced = false;
  s.fresh = false;
}

bool server_roster::heartbeat(model::time_point now, std::size_t server,
                              const wire::heartbeat& beat, effects& out) {
  auto& s = servers_[server];
  const bool changed = !s.fresh || !s.is_current(now) || s.admitting != beat.admitting;
  if (!s.fresh) {
    out.emplace_back(note{level::info, "event_server_heard_again", name_of(s),
                          "after " + milliseconds_text(now - s.heard_at)});
    // See up().
    distrust(now, s, absence_grace);
  }
  s.fresh = true;
  s.heard_at = now;
  s.admitting = beat.admitting;
  if (s.synced)
    check_digest(now, s, beat, out);
  return changed;
}

void server_roster::check_digest(model::time_point now, event_server& s,
                                 const wire::heartbeat& beat, effects& out) {
  if (beat.members == s.live_members && beat.digest == s.live_digest) {
    s.resubscribe_interval = resubscribe_interval_min;
    return;
  }
  if (now < s.resubscribe_from)
    return;
  s.resubscribe_from = now + s.resubscribe_interval;
  s.resubscribe_interval = std::min(2 * s.resubscribe_interval, resubscribe_interval_max);
  out.emplace_back(note{level::warning, "digest_mismatch", name_of(s),
                        "it counts " + std::to_string(beat.members) +
                            " live members, we were told of " + std::to_string(s.live_members) +
                            "; asking for everything again"});
  out.emplace_back(resubscribe{s.link});
}

void server_roster::count_live(std::size_t server, const model::node_id& id,
                               const model::version& at, bool live) {
  auto& s = servers_[server];
  s.live_members += live ? 1 : static_cast<std::uint64_t>(-1);
  s.live_digest ^= model::digest_of(id, at);
}

void server_roster::notice_call(model::time_point now, effects& out) {
  if (called_at_ != model::never && any_up() && now - called_at_ > judge_pause_max) {
    out.emplace_back(note{level::warning, "judge_paused", "judge",
                          "this process was paused for about " +
                              milliseconds_text(now - called_at_) +
                              "; nobody is withdrawn for a lease"});
    for (auto& s : servers_) {
      distrust(now, s, lease);
      // Its heartbeats wait to be read.
      s.heard_at = now;
    }
  }
  called_at_ = now;
}

bool server_roster::notice_silence(model::time_point now, effects& out) {
  bool changed = false;
  for (auto& s : servers_) {
    if (!s.up || !s.fresh || now < s.heard_at + heartbeat_silence_max)
      continue;
    s.fresh = false;
    changed = true;
    out.emplace_back(note{level::warning, "event_server_silent", name_of(s),
                          "no heartbeat for " + milliseconds_text(now - s.heard_at) +
                              "; it counts neither for nor against anybody"});
  }
  return changed;
}

model::time_point server_roster::judgement_from() const {
  auto from = model::never;
  for (const auto& s : servers_)
    if (s.reachable())
      from = std::min(from, s.may_deny_from());
  return from;
}

model::time_point server_roster::next_deadline() const {
  auto next = model::never;
  for (const auto& s : servers_) {
    if (!s.up)
      continue;
    next = std::min(next, called_at_ + judge_tick);
    if (s.fresh)
      next = std::min(next, s.heard_at + heartbeat_silence_max);
  }
  return next;
}

bool server_roster::any_up() const {
  return std::ranges::any_of(servers_, &event_server::up);
}

} // namespace thor::membership
