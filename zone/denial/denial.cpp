#include "zone/denial/denial.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace thor::zone {
namespace {

constexpr std::uint32_t gone = 0xffff'ffff;

bool has_ds(const node& n) {
  return std::ranges::any_of(n.rrsets, [](const auto& set) { return set->type == rr_type::ds; });
}

/// Whether the records of denial that these own say the same about them.
bool same_record(const node& a, const node& b) {
  return &a == &b || (a.owner == b.owner && a.delegation == b.delegation &&
                      std::ranges::equal(a.rrsets, b.rrsets, [](const auto& x, const auto& y) {
                        return x->type == y->type;
                      }));
}

/// Where each node of `before` stands in `after`, or `gone`.
std::vector<std::uint32_t> follow(const contents& before, const contents& after) {
  std::vector<std::uint32_t> out;
  out.reserve(before.nodes.size());
  std::uint32_t now = 0;
  for (const auto& old : before.nodes) {
    // Where nothing changed the pointers run in step and no name is compared.
    while (now < after.nodes.size() && after.nodes[now] != old &&
           after.nodes[now]->owner < old->owner) {
      ++now;
    }
    const bool stays = now < after.nodes.size() &&
                       (after.nodes[now] == old || after.nodes[now]->owner == old->owner);
    out.push_back(stays ? now++ : gone);
  }
  return out;
}

/// The last element of a ring that is not after `key`, and the one that follows it.
template <typename T, typename Key, typename Less>
std::pair<const T*, const T*> pair_around(std::span<const T> ring, const Key& key, Less less) {
  const auto past = std::upper_bound(ring.begin(), ring.end(), key, less);
  const T& before = past == ring.begin() ? ring.back() : *std::prev(past);
  const T& after = past == ring.end() ? ring.front() : *past;
  return {&before, &after};
}

} // namespace

denial::denial(std::shared_ptr<const contents> zone, std::optional<nsec3_parameters> how,
               const denial* previous)
    : zone_(std::move(zone))
    , nsec3_(std::move(how))
    , owners_(find_owners()) {
  if (nsec3_) {
    hash_owners(previous != nullptr && previous->nsec3_ == nsec3_ ? previous : nullptr);
    owners_ = {};
  }
}

std::vector<std::uint32_t> denial::find_owners() const {
  std::vector<std::uint32_t> out;
  out.reserve(zone_->nodes.size());
  for (std::size_t i = 0; i < zone_->nodes.size(); ++i) {
    if (is_owner(*zone_->nodes[i])) {
      out.push_back(static_cast<std::uint32_t>(i));
    }
  }
  return out;
}

bool denial::is_owner(const node& n) const {
  if (!n.authoritative) {
    return false;
  }
  if (n.rrsets.empty()) {
    return nsec3_ || n.bare;
  }
  return !(nsec3_ && nsec3_->opt_out && n.delegation && !has_ds(n));
}

void denial::hash_owners(const denial* previous) {
  std::vector<bool> wanted(zone_->nodes.size());
  for (const std::uint32_t owner : owners_) {
    wanted[owner] = true;
  }
  std::vector<hashed> kept;
  if (previous != nullptr) {
    kept.reserve(previous->hashed_.size());
    const std::vector<std::uint32_t> now = follow(*previous->zone_, *zone_);
    for (const auto& [hash, node] : previous->hashed_) {
      if (now[node] != gone && wanted[now[node]]) {
        wanted[now[node]] = false;
        kept.push_back({hash, now[node]});
      }
    }
  }
  std::vector<hashed> fresh;
  std::vector<const name*> names;
  for (const std::uint32_t owner : owners_) {
    if (wanted[owner]) {
      fresh.push_back({.hash = {}, .node = owner});
      names.push_back(&zone_->nodes[owner]->owner);
    }
  }
  hashed_anew_ = names.size();
  const std::vector<nsec3_hash> hashes = hash_names(names, *nsec3_);
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    fresh[i].hash = hashes[i];
  }
  std::ranges::sort(fresh, {}, &hashed::hash);
  hashed_.reserve(kept.size() + fresh.size());
  std::ranges::merge(kept, fresh, std::back_inserter(hashed_), {}, &hashed::hash, &hashed::hash);
}

std::string_view denial::labels_of(std::uint32_t node) const {
  const std::string_view wire = zone_->nodes[node]->owner.wire();
  return wire.substr(0, wire.size() - zone_->apex.wire().size());
}

std::optional<neighbours> denial::around(std::string_view labels) const {
  if (!nsec3_) {
    const auto [before, after] =
        pair_around(std::span(owners_), labels, [&](std::string_view key, std::uint32_t node) {
          return compare_labels(key, labels_of(node)) < 0;
        });
    return neighbours{.before = *before, .after = *after};
  }
  if (labels.size() != 1 + nsec3_label().size()) {
    return std::nullopt; // one label after its length, so there is no room for others
  }
  const auto hash = parse_nsec3_label(labels.substr(1));
  if (!hash) {
    return std::nullopt;
  }
  const auto [before, after] =
      pair_around(std::span(hashed_), *hash,
                  [](const nsec3_hash& key, const hashed& of) { return key < of.hash; });
  return neighbours{.before = before->node,
                    .after = after->node,
                    .before_hash = before->hash,
                    .after_hash = after->hash};
}

bool denial::denies_alike(const denial& other, std::string_view labels) const {
  if (nsec3_ != other.nsec3_) {
    return false;
  }
  const auto ours = around(labels);
  const auto theirs = other.around(labels);
  if (!ours || !theirs) {
    return false;
  }
  return ours->before_hash == theirs->before_hash && ours->after_hash == theirs->after_hash &&
         same_record(*zone_->nodes[ours->before], *other.zone_->nodes[theirs->before]) &&
         zone_->nodes[ours->after]->owner == other.zone_->nodes[theirs->after]->owner;
}

} // namespace thor::zone
