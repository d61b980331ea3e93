#include "coordinator/runtime/admission.hpp"

#include <algorithm>

namespace thor::runtime {
namespace {

/// What is counted as one address: itself, or its /64.
model::ip_address origin_of(const model::ip_address& from) {
  if (from.is_v4())
    return from;
  auto octets = from.v6_octets();
  std::fill(octets.begin() + 8, octets.end(), std::uint8_t{0});
  return model::ip_address::v6(octets);
}

} // namespace

admission::answer admission::admit(model::time_point now, const model::ip_address& from) {
  const auto origin = origin_of(from);
  const bool known = is_known(now, origin);
  const auto found = queues_.find(origin);
  const auto mine = found == queues_.end() ? 0 : found->second.half_open.size();
  if (mine >= half_open_per_address_max)
    return {};
  answer given;
  if (where_.size() >= half_open_max) {
    given.evicted = evict(now, known, mine + 1);
    if (!given.evicted)
      return {};
  }
  given.admitted = ++last_;
  where_.emplace(last_, half_open_connection{origin, now});
  auto& queue = queues_[origin];
  if (queue.half_open.empty())
    queue.known = known;
  queue.half_open.insert(last_);
  half_open_known_ += queue.known ? 1 : 0;
  return given;
}

/// `newcomers`: half-open connections that the newcomer's address would have.
bool admission::must_give_way(const queue& holder, model::time_point now, bool to_known,
                              std::size_t newcomers) const {
  if (holder.known != to_known)
    return to_known;
  const auto oldest = where_.at(*holder.half_open.begin()).since;
  return holder.half_open.size() > newcomers || now >= oldest + place_kept_for;
}

/// Half-open connections are few (half_open_max), so looking at all their addresses is cheap.
std::optional<admission::ticket> admission::evict(model::time_point now, bool for_known,
                                                  std::size_t newcomers) {
  const queue* chosen = nullptr;
  for (const auto& [origin, candidate] : queues_) {
    const auto rank = [](const queue& c) { return std::pair(!c.known, c.half_open.size()); };
    if (chosen == nullptr || rank(candidate) > rank(*chosen) ||
        (rank(candidate) == rank(*chosen) &&
         *candidate.half_open.begin() < *chosen->half_open.begin()))
      chosen = &candidate;
  }
  if (chosen == nullptr || !must_give_way(*chosen, now, for_known, newcomers))
    return std::nullopt;
  const auto oldest = *chosen->half_open.begin();
  remove(where_.find(oldest));
  return oldest;
}

void admission::remove(connections::iterator which) {
  const auto queue = queues_.find(which->second.origin);
  half_open_known_ -= queue->second.known ? 1 : 0;
  queue->second.half_open.erase(which->first);
  if (queue->second.half_open.empty())
    queues_.erase(queue);
  where_.erase(which);
}

void admission::finish(model::time_point now, ticket which, bool completed) {
  const auto found = where_.find(which);
  if (found == where_.end())
    return;
  if (completed)
    remember(now, found->second.origin);
  remove(found);
}

bool admission::is_known(model::time_point now, const model::ip_address& origin) const {
  const auto found = known_.find(origin);
  return found != known_.end() && now < found->second + known_for;
}

void admission::remember(model::time_point now, const model::ip_address& origin) {
  const auto [at, added] = known_.try_emplace(origin, now);
  if (!added) {
    known_by_age_.erase({at->second, origin});
    at->second = now;
  }
  known_by_age_.insert({now, origin});
  if (known_.size() > known_addresses_max) {
    known_.erase(known_by_age_.begin()->second);
    known_by_age_.erase(known_by_age_.begin());
  }
}

bool admission::members_wait(model::time_point now) const {
  return half_open_known_ > 0 || (!where_.empty() && now < started_ + strangers_matter_for);
}

} // namespace thor::runtime
