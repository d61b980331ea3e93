#include "coordinator/membership/evidence.hpp"

#include <algorithm>
#include <functional>

namespace thor::membership {

namespace {

bool applies(const sighting& s, const evidence& e) {
  return s.at.incarnation >= e.incarnation && s.at > e.left_at;
}

const sighting* sighting_at(const evidence& e, std::size_t server) {
  for (const auto& s : e.sightings)
    if (s.server == server && applies(s, e))
      return &s;
  return nullptr;
}

bool is_cut_off(const sighting& s) {
  return s.state == wire::fact_state::revoked || s.state == wire::fact_state::expired;
}

model::withdrawal reason_of(const sighting& cut_off) {
  return cut_off.state == wire::fact_state::revoked ? model::withdrawal::revoked
                                                    : model::withdrawal::expired;
}

std::size_t confirmations_needed(const evidence& e) {
  const auto reachable = std::ranges::count_if(e.servers, &event_server::reachable);
  return std::min(confirmations_max, static_cast<std::size_t>(reachable));
}

} // namespace

model::duration age_of(std::uint64_t age_ms) {
  constexpr std::uint64_t year_ms = 1000ULL * 86'400 * 365;
  return std::chrono::milliseconds(std::min(age_ms, year_ms));
}

sighting sight(model::time_point now, std::size_t server, const wire::fact& about,
               const sighting* before) {
  sighting s{server, about.at, about.state, now - age_of(about.age_ms), model::never, false};
  if (about.state == wire::fact_state::late)
    s.gone_from = s.since + lease;
  if (s.open())
    return s;
  s.gone_from = s.since + close_grace;
  // A connection that closes after the member fell silent does not give it another grace, and is
  // no more than its silence: event servers drop connections from which nothing comes.
  if (before != nullptr && before->at.incarnation == s.at.incarnation) {
    s.silent = before->silent || (before->open() && before->gone_from <= s.since);
    if (before->open())
      s.gone_from = std::min(s.gone_from, before->gone_from);
  }
  return s;
}

support support_of(model::time_point now, const evidence& e) {
  support out{.until = model::time_point::min()};
  for (const auto& s : e.sightings) {
    const auto& server = e.servers[s.server];
    if (!server.up || !server.fresh || !applies(s, e) || is_cut_off(s) || now >= s.gone_from)
      continue;
    out.vouched = true;
    out.present |= s.open();
    out.timely |= s.state == wire::fact_state::connected;
    out.until = std::max(out.until, s.gone_from);
  }
  return out;
}

accusation accusation_of(model::time_point now, const evidence& e) {
  accusation out;
  std::size_t witnesses = 0; // saw the member go
  bool retracted = false;    // ... one of them no more than a lease before the last good word
  std::size_t strangers = 0; // do not know it
  bool silence = false;
  std::optional<model::withdrawal> barred; // one of them cut it off
  const auto later = [&](model::time_point t) {
    if (t > now)
      out.next = std::min(out.next, t);
    return t > now;
  };
  for (std::size_t i = 0; i < e.servers.size(); ++i) {
    const auto& server = e.servers[i];
    if (!server.reachable() || !server.is_current(now))
      continue;
    const auto* seen = sighting_at(e, i);
    if (seen == nullptr) {
      strangers += later(server.may_deny_from()) ? 0 : 1;
    } else if (!later(std::max(seen->gone_from, server.may_accuse_from()))) {
      ++witnesses;
      silence |= seen->silent || seen->state == wire::fact_state::late;
      if (is_cut_off(*seen))
        barred = reason_of(*seen);
      retracted |= seen->gone_from + lease >= e.vouched_until;
    }
  }
  out.needed = confirmations_needed(e);
  // When nobody took back the last good word, the event server that gave it is not reachable any
  // more. The others had held their evidence against that word: the member gets the time to come to
  // them.
  if (retracted || !later(e.vouched_until + absence_grace))
    out.accusers = witnesses + strangers;
  if (barred)
    out.reason = *barred;
  else if (witnesses > 0 && !silence)
    out.reason = model::withdrawal::closed;
  return out;
}

std::optional<cut_off> cut_off_of(model::time_point now, const evidence& e) {
  std::vector<cut_off> all;
  for (const auto& s : e.sightings)
    if (is_cut_off(s) && e.servers[s.server].reachable() && now < s.since + cut_off_memory)
      all.push_back({reason_of(s), s.since + cut_off_memory});
  const auto needed = all.empty() ? 0 : confirmations_needed(e);
  if (needed == 0 || all.size() < needed)
    return std::nullopt;
  std::ranges::sort(all, std::ranges::greater(), &cut_off::until);
  return all[needed - 1];
}

} // namespace thor::membership
