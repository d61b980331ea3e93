#include "coordinator/agent/agent.hpp"

#include "coordinator/wire/codec.hpp"

#include <algorithm>
#include <utility>

namespace thor::agent {
namespace {

bool same_but_version(const model::presence& a, model::presence b) {
  b.at = a.at;
  return a == b;
}

/// A server that asks for an absurd interval is not followed.
std::chrono::milliseconds renew_interval(std::uint32_t asked_ms) {
  constexpr std::uint32_t min_ms = 100;
  constexpr std::uint32_t max_ms = 10'000;
  return asked_ms < min_ms || asked_ms > max_ms ? renew_default
                                                : std::chrono::milliseconds(asked_ms);
}

} // namespace

struct agent::call {
  model::time_point now;
  std::vector<effect>& out;
};

agent::agent(settings how, std::uint32_t seed)
    : how_(std::move(how))
    , random_(seed) {}

void agent::on_event(model::time_point now, const input& what, std::vector<effect>& out) {
  call c{now, out};
  if (stage_ == stage::over && std::holds_alternative<stop>(what)) {
    out.emplace_back(stopped{});
  }
  const bool ending = stage_ == stage::stopping || stage_ == stage::over;
  if (!ending || std::holds_alternative<closed>(what)) {
    std::visit([&](const auto& which) { handle(c, which); }, what);
    forget_unlisted();
  }
}

model::time_point agent::next_deadline() const {
  if (stage_ == stage::stopping) {
    return stop_at_;
  }
  auto next = resolve_at_;
  for (const auto& [server, l] : links_) {
    if (l.state == phase::up) {
      next = std::min(next, l.heard + silence_timeout);
    }
    if (l.state != phase::parked && (l.state != phase::up || presence_)) {
      next = std::min(next, l.due);
    }
  }
  return next;
}

void agent::on_deadline(model::time_point now, std::vector<effect>& out) {
  call c{now, out};
  if (stage_ == stage::stopping) {
    if (now >= stop_at_) {
      finish_stop(c);
    }
    return;
  }
  if (now - next_deadline() > pause_threshold) {
    for (auto& [server, l] : links_) {
      l.heard = now;
    }
  }
  if (now >= resolve_at_) {
    find_servers(c);
  }
  for (auto entry = links_.begin(); entry != links_.end(); ++entry) {
    auto& [server, l] = *entry;
    if (l.state == phase::up && now >= l.heard + silence_timeout) {
      close_link(c, entry, "nothing heard for 3 s");
    } else if (l.state == phase::up && presence_ && now >= l.due) {
      out.emplace_back(send{l.at, wire::renew{presence_->at}});
      l.due = now + l.renew_every;
    } else if (l.state == phase::waiting && now >= l.due) {
      open_link(c, server, l);
    } else if (l.state == phase::opening && now >= l.due) {
      close_link(c, entry, "handshakes not done within 5 s");
    } else if (l.state == phase::greeting && now >= l.due) {
      close_link(c, entry, "no welcome within 5 s");
    }
  }
  forget_unlisted();
}

// ---- servers

void agent::handle(call& c, const start&) {
  stage_ = stage::running;
  if (how_.servers.empty()) {
    find_servers(c);
  } else {
    handle(c, resolved{how_.servers});
  }
}

void agent::find_servers(call& c) {
  resolve_at_ = model::never;
  if (how_.servers.empty() && !std::exchange(resolving_, true)) {
    c.out.emplace_back(resolve{});
  }
}

void agent::schedule_resolve(const call& c, bool found) {
  if (!how_.servers.empty()) {
    return;
  }
  if (!all_up().empty()) {
    resolve_failures_ = 0;
    resolve_at_ = c.now + resolve_interval;
    return;
  }
  const model::duration least = found ? handshake_timeout : model::duration::zero();
  resolve_at_ = c.now + std::max(least, backoff(resolve_failures_++));
}

void agent::handle(call& c, const resolve_failed&) {
  resolving_ = false;
  schedule_resolve(c, false);
}

void agent::handle(call& c, const resolved& found) {
  if (found.servers.empty()) {
    handle(c, resolve_failed{});
    return;
  }
  resolving_ = false;
  const std::set<std::string> listed(found.servers.begin(), found.servers.end());
  for (auto& [server, l] : links_) {
    l.listed = listed.contains(server);
  }
  forget_unlisted();
  for (const auto& server : found.servers) {
    if (links_.size() < servers_max && !links_.contains(server)) {
      open_link(c, server, links_[server]);
    }
  }
  schedule_resolve(c, true);
}

void agent::forget_unlisted() {
  std::erase_if(links_, [](const auto& entry) {
    const auto& l = entry.second;
    return !l.listed && (l.state == phase::waiting || l.state == phase::parked);
  });
}

// ---- one link

void agent::open_link(call& c, const std::string& server, link& l) {
  l.state = phase::opening;
  l.at = next_connection_++;
  l.due = c.now + handshake_timeout;
  c.out.emplace_back(open{l.at, server});
}

void agent::handle(call& c, const opened& e) {
  const auto entry = of(e.at);
  if (entry == links_.end() || entry->second.state != phase::opening) {
    return;
  }
  auto& l = entry->second;
  const bool twin = std::ranges::any_of(links_, [&](const auto& other) {
    return other.second.is_open() && other.second.peer == e.peer;
  });
  l.peer = e.peer;
  l.local = e.local;
  if (twin) {
    park(c, entry);
    return;
  }
  l.state = phase::greeting;
  l.due = c.now + handshake_timeout;
  c.out.emplace_back(send{l.at, wire::hello{how_.incarnation, how_.software}});
  if (!refresh_presence(c) && presence_) {
    c.out.emplace_back(publish{{l.at}, wire::topic::presence, body_});
  }
}

void agent::park(call& c, links::iterator entry) {
  auto& [server, l] = *entry;
  c.out.emplace_back(close{l.at, true});
  c.out.emplace_back(parked{server, l.peer->text()});
  l.state = phase::parked;
  l.at = 0;
}

void agent::handle(call& c, const welcomed& e) {
  const auto entry = of(e.at);
  if (entry == links_.end() || entry->second.state != phase::greeting) {
    return;
  }
  auto& [server, l] = *entry;
  l.state = phase::up;
  l.since = l.heard = c.now;
  l.renew_every = renew_interval(e.hello.renew_ms);
  l.due = c.now + l.renew_every;
  c.out.emplace_back(went_up{l.at, server, e.hello});
  if (!how_.topics.empty()) {
    c.out.emplace_back(send{l.at, wire::subscribe{how_.topics}});
  }
  if (!resolving_) {
    schedule_resolve(c, true);
  }
  renew_next_link(c);
}

void agent::handle(call& c, const heard& e) {
  if (const auto entry = of(e.at); entry != links_.end()) {
    entry->second.heard = c.now;
  }
}

void agent::handle(call& c, const refused& e) {
  const auto entry = of(e.at);
  if (entry == links_.end()) {
    return;
  }
  const auto& [server, l] = *entry;
  if (e.what.reason == "unknown_version" && l.state == phase::up && presence_) {
    c.out.emplace_back(publish{{l.at}, wire::topic::presence, body_});
    return;
  }
  c.out.emplace_back(not_accepted{server, e.what});
}

void agent::handle(call& c, const closed& e) {
  if (stage_ == stage::stopping) {
    ending_.erase(e.at);
    if (ending_.empty()) {
      finish_stop(c);
    }
    return;
  }
  const auto entry = of(e.at);
  if (entry == links_.end()) {
    return;
  }
  if (e.code == static_cast<std::uint16_t>(wire::close_code::replaced)) {
    be_replaced(c, entry->first);
  } else {
    end_link(c, entry, e.why);
  }
}

void agent::close_link(call& c, links::iterator entry, const std::string& why, bool again_at_once) {
  c.out.emplace_back(close{entry->second.at, true});
  end_link(c, entry, why, again_at_once);
}

void agent::end_link(call& c, links::iterator entry, const std::string& why, bool again_at_once) {
  auto& [server, l] = *entry;
  const bool was_up = l.state == phase::up;
  if (was_up) {
    c.out.emplace_back(went_down{server, why});
    l.failures = c.now - l.since >= stable_after ? 0 : l.failures;
  } else {
    c.out.emplace_back(failed{server, why});
  }
  for (auto& [name, other] : links_) {
    if (other.state == phase::parked && other.peer == l.peer) {
      other.state = phase::waiting;
      other.due = c.now;
    }
  }
  l.state = phase::waiting;
  l.at = 0;
  l.renew_wanted = false;
  l.peer.reset();
  l.local.reset();
  if (again_at_once) {
    l.due = c.now;
  } else {
    l.due = c.now + backoff(l.failures++);
  }
  if (was_up && all_up().empty()) {
    find_servers(c);
  }
  renew_next_link(c);
}

void agent::handle(call& c, const resubscribe& e) {
  const auto entry = links_.find(e.server);
  if (entry != links_.end() && entry->second.state == phase::up) {
    const bool stable = c.now - entry->second.since >= stable_after;
    close_link(c, entry, "a fresh snapshot is needed", stable);
  }
}

void agent::handle(call& c, const renew_credentials&) {
  for (auto& [server, l] : links_) {
    l.renew_wanted = l.at != 0;
  }
  renew_next_link(c);
}

/// One at a time: the next link is closed when the one before is up again, or has failed.
void agent::renew_next_link(call& c) {
  const bool under_way = std::ranges::any_of(links_, [](const auto& entry) {
    const auto& l = entry.second;
    return l.state != phase::up && l.state != phase::parked && l.failures == 0;
  });
  const auto next = std::ranges::find_if(links_, [](const auto& entry) {
    return entry.second.state == phase::up && entry.second.renew_wanted;
  });
  if (!under_way && next != links_.end()) {
    next->second.failures = 0;
    close_link(c, next, "renewed credentials are in force", true);
  }
}

// ---- topics

void agent::handle(call& c, const subscribe& e) {
  wire::subscribe fresh;
  for (const auto about : e.topics) {
    if (std::ranges::find(how_.topics, about) == how_.topics.end()) {
      how_.topics.push_back(about);
      fresh.topics.push_back(about);
    }
  }
  if (fresh.topics.empty()) {
    return;
  }
  for (const auto at : all_up()) {
    c.out.emplace_back(send{at, fresh});
  }
}

// ---- presence

void agent::handle(call& c, const announce& e) {
  wanted_ = e.what;
  wanted_->id = how_.id;
  if (wanted_->software.empty()) {
    wanted_->software = how_.software;
  }
  refresh_presence(c);
}

bool agent::refresh_presence(call& c) {
  if (!wanted_) {
    return false;
  }
  auto next = *wanted_;
  if (next.addresses.empty()) {
    next.addresses = own_addresses();
  }
  if (next.addresses.empty() || (presence_ && same_but_version(*presence_, next))) {
    return false;
  }
  next.at = {how_.incarnation, presence_ ? presence_->at.sequence + 1 : 1};
  presence_ = std::move(next);
  body_ = wire::encode_body(*presence_);
  std::vector<connection> everybody;
  for (const auto& [server, l] : links_) {
    if (l.is_open()) {
      everybody.push_back(l.at);
    }
  }
  if (!everybody.empty()) {
    c.out.emplace_back(publish{std::move(everybody), wire::topic::presence, body_});
  }
  return true;
}

/// The address in use stays while any connection has it, so that a member with several does not
/// move to and fro.
std::vector<model::ip_address> agent::own_addresses() const {
  std::vector<model::ip_address> usable;
  for (const auto& [server, l] : links_) {
    if (l.is_open() && l.local) {
      usable.push_back(*l.local);
    }
  }
  if (presence_) {
    const auto& current = presence_->addresses;
    const bool usable_still = std::ranges::find(usable, current.front()) != usable.end();
    if (usable.empty() || usable_still) {
      return current;
    }
  }
  usable.resize(std::min<std::size_t>(usable.size(), 1));
  return usable;
}

// ---- the end

void agent::be_replaced(call& c, const std::string& server) {
  stage_ = stage::over;
  resolve_at_ = model::never;
  for (const auto& [name, l] : links_) {
    if (l.at != 0) {
      c.out.emplace_back(close{l.at, true});
    }
    if (l.state == phase::up) {
      c.out.emplace_back(went_down{name, "replaced by a newer process of this id"});
    }
  }
  c.out.emplace_back(replaced{server});
  links_.clear();
}

void agent::handle(call& c, const stop& e) {
  stage_ = stage::stopping;
  stop_at_ = c.now + stop_timeout;
  const auto everybody = all_up();
  if (presence_ && !everybody.empty()) {
    auto after = presence_->at;
    ++after.sequence;
    const wire::leave leaving{how_.id, after, static_cast<std::uint32_t>(e.hold.count())};
    c.out.emplace_back(publish{everybody, wire::topic::leave, wire::encode_body(leaving)});
  }
  for (const auto& [server, l] : links_) {
    if (l.at != 0) {
      c.out.emplace_back(close{l.at, l.state != phase::up});
    }
  }
  ending_.insert(everybody.begin(), everybody.end());
  links_.clear();
  if (ending_.empty()) {
    finish_stop(c);
  }
}

void agent::finish_stop(call& c) {
  for (const auto late : ending_) {
    c.out.emplace_back(close{late, true});
  }
  ending_.clear();
  stage_ = stage::over;
  resolve_at_ = model::never;
  c.out.emplace_back(stopped{});
}

// ---- small things

model::duration agent::backoff(unsigned failures) {
  constexpr unsigned doublings_max = 6; // 100 ms << 6 is above backoff_max
  constexpr unsigned permille_min = 500;
  constexpr unsigned permille_span = 1001; // 500 to 1500
  const model::duration base =
      std::min(backoff_first * (1U << std::min(failures, doublings_max)), backoff_max);
  return base * (permille_min + random_() % permille_span) / 1000;
}

agent::links::iterator agent::of(connection at) {
  return std::ranges::find_if(links_, [&](const auto& entry) { return entry.second.at == at; });
}

std::vector<connection> agent::all_up() const {
  std::vector<connection> out;
  for (const auto& [server, l] : links_) {
    if (l.state == phase::up) {
      out.push_back(l.at);
    }
  }
  return out;
}

} // namespace thor::agent
