#include "coordinator/model/status.hpp"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace thor::model {

namespace {

// What every kind of event has to pass first: nothing goes back to an earlier epoch, and no epoch
// is entered that lies beyond the local clock, or one wrong clock would lock out all later
// managers.
verdict judge_epoch(const view& v, const epoch& e, unix_time now) {
  if (e < v.where.at)
    return verdict::stale;
  if (e > v.where.at && is_far_future(e, now))
    return verdict::far_future;
  return verdict::applied;
}

std::vector<node_id> differing(const member_map& before, const member_map& after) {
  std::vector<node_id> out;
  auto b = before.begin();
  auto a = after.begin();
  while (b != before.end() || a != after.end()) {
    if (a == after.end() || (b != before.end() && b->first < a->first)) {
      out.push_back((b++)->first);
    } else if (b == before.end() || a->first < b->first) {
      out.push_back((a++)->first);
    } else {
      if (a->second != b->second)
        out.push_back(a->first);
      ++a, ++b;
    }
  }
  return out;
}

reduced reduce_full(view& v, const status_full& s) {
  if (s.where < v.where)
    return {verdict::stale, {}};
  // A second status for the same position is taken when it differs: it is how a view whose digest
  // did not agree is mended.
  if (v.known && s.where == v.where && s.serial == v.serial && s.members == v.members)
    return {verdict::current, {}};
  reduced out{verdict::applied, differing(v.members, s.members)};
  v = view{true, s.where, s.serial, s.members};
  return out;
}

// Where the next event of the same epoch stands: at the view, one step after it, or elsewhere.
verdict judge_step(const view& v, const position& where, std::uint64_t expected) {
  if (!v.known || where.at != v.where.at || where.sequence > expected)
    return verdict::gap;
  return where.sequence < expected ? verdict::stale : verdict::applied;
}

reduced reduce_delta(view& v, const status_delta& s) {
  if (v.known && s.where == v.where)
    return {verdict::current, {}};
  if (const auto step = judge_step(v, s.where, v.where.sequence + 1); step != verdict::applied)
    return {step, {}};
  reduced out{verdict::applied, {}};
  for (const auto& r : s.removals)
    if (v.members.erase(r.id) != 0)
      out.changed.push_back(r.id);
  for (const auto& m : s.upserts) {
    const auto known = v.members.find(m.what.id);
    if (known != v.members.end() && known->second == m)
      continue;
    v.members.insert_or_assign(m.what.id, m);
    out.changed.push_back(m.what.id);
  }
  std::ranges::sort(out.changed);
  const auto repeated = std::ranges::unique(out.changed);
  out.changed.erase(repeated.begin(), repeated.end());
  v.where = s.where;
  v.serial = s.serial;
  return out;
}

reduced reduce_beat(const view& v, const status_beat& s) {
  if (const auto step = judge_step(v, s.where, v.where.sequence); step != verdict::applied)
    return {step, {}};
  const bool agrees = s.serial == v.serial && s.digest == digest(v.members);
  return {agrees ? verdict::current : verdict::gap, {}};
}

} // namespace

std::string_view to_string(withdrawal reason) {
  switch (reason) {
  case withdrawal::left:
    return "left";
  case withdrawal::closed:
    return "closed";
  case withdrawal::silent:
    return "silent";
  case withdrawal::replaced:
    return "replaced";
  case withdrawal::revoked:
    return "revoked";
  case withdrawal::expired:
    return "expired";
  }
  return "unknown";
}

std::string_view to_string(verdict v) {
  switch (v) {
  case verdict::applied:
    return "applied";
  case verdict::current:
    return "current";
  case verdict::stale:
    return "stale";
  case verdict::gap:
    return "gap";
  case verdict::far_future:
    return "far_future";
  }
  return "unknown";
}

std::uint64_t digest_of(const node_id& id, const version& at) {
  const std::string text =
      id.text() + ' ' + std::to_string(at.incarnation) + ' ' + std::to_string(at.sequence);
  return XXH64(text.data(), text.size(), 0);
}

std::uint64_t digest(const member_map& members) {
  std::uint64_t sum = 0;
  for (const auto& [id, m] : members)
    sum ^= digest_of(id, m.what.at);
  return sum;
}

const position& position_of(const status_event& e) {
  return std::visit([](const auto& s) -> const position& { return s.where; }, e);
}

bool is_far_future(const epoch& e, unix_time now) {
  const auto limit = (now + epoch_lead_max).time_since_epoch().count();
  return limit < 0 || e.counter > static_cast<std::uint64_t>(limit);
}

reduced reduce(view& v, const status_event& event, unix_time now) {
  const auto& epoch = position_of(event).at;
  if (const auto epoch_verdict = judge_epoch(v, epoch, now); epoch_verdict != verdict::applied)
    return {epoch_verdict, {}};
  if (const auto* full = std::get_if<status_full>(&event))
    return reduce_full(v, *full);
  if (const auto* delta = std::get_if<status_delta>(&event))
    return reduce_delta(v, *delta);
  return reduce_beat(v, std::get<status_beat>(event));
}

} // namespace thor::model
