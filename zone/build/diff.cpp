#include "zone/build/build.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <span>

namespace thor::zone {
namespace {

using nodes = std::span<const std::shared_ptr<const node>>;
using rrsets = std::span<const std::shared_ptr<const rrset>>;

/// Walks two ascending ranges of pointers side by side and calls visit(old, now) for each key, with
/// nullptr where one side has none; skips what both share.
template <typename T, typename Key, typename Visit>
void walk(std::span<const std::shared_ptr<const T>> before,
          std::span<const std::shared_ptr<const T>> after, Key key, Visit visit) {
  auto old = before.begin();
  auto now = after.begin();
  while (old != before.end() || now != after.end()) {
    if (old != before.end() && now != after.end() && *old == *now) {
      ++old;
      ++now;
      continue;
    }
    if (now == after.end() || (old != before.end() && key(**old) < key(**now))) {
      visit((old++)->get(), nullptr);
    } else if (old == before.end() || key(**now) < key(**old)) {
      visit(nullptr, (now++)->get());
    } else {
      visit((old++)->get(), (now++)->get());
    }
  }
}

nodes nodes_of(const contents* zone) {
  return zone == nullptr ? nodes() : nodes(zone->nodes);
}
rrsets rrsets_of(const node* n) {
  return n == nullptr ? rrsets() : rrsets(n->rrsets);
}
const name& owner_of(const node& n) {
  return n.owner;
}
rr_type type_of(const rrset& set) {
  return set.type;
}

/// The forms for clients elsewhere in `now` that the same records did not have in `old`.
std::vector<rdata> new_elsewhere(const rrset* old, const rrset& now) {
  std::vector<rdata> out;
  const bool comparable = old != nullptr && old->ttl_s == now.ttl_s && !old->homes.empty();
  const std::size_t old_count = comparable ? old->records.size() : 0;
  std::size_t was = 0;
  for (std::size_t is = 0; is < now.homes.size(); ++is) {
    while (was < old_count && old->records[was] < now.records[is]) {
      ++was;
    }
    const bool known = was < old_count && old->records[was] == now.records[is] &&
                       old->homes[was].elsewhere == now.homes[is].elsewhere;
    if (!known) {
      out.push_back(now.homes[is].elsewhere);
    }
  }
  return out;
}

change difference(const rrset* old, const rrset* now) {
  assert(old != nullptr || now != nullptr);
  const rrset& any = now != nullptr ? *now : *old;
  change c{.owner = any.owner, .type = any.type, .ttl_s = now == nullptr ? 0 : now->ttl_s};
  if (now != nullptr) {
    c.added_elsewhere = new_elsewhere(old, *now);
  }
  if (old == nullptr || now == nullptr || old->ttl_s != now->ttl_s) {
    c.added = now == nullptr ? std::vector<rdata>() : now->records;
    c.removed = old == nullptr ? std::vector<rdata>() : old->records;
    return c;
  }
  std::ranges::set_difference(now->records, old->records, std::back_inserter(c.added));
  std::ranges::set_difference(old->records, now->records, std::back_inserter(c.removed));
  return c;
}

bool same_answers(const node& a, const node& b) {
  return a.available == b.available && a.authoritative == b.authoritative &&
         a.delegation == b.delegation && a.bare == b.bare &&
         std::ranges::equal(a.rrsets, b.rrsets,
                            [](const auto& x, const auto& y) { return x == y || *x == *y; });
}

} // namespace

std::vector<change> diff(const contents* before, const contents& after) {
  std::vector<change> changes;
  walk(nodes_of(before), nodes_of(&after), owner_of, [&](const node* old, const node* now) {
    walk(rrsets_of(old), rrsets_of(now), type_of, [&](const rrset* was, const rrset* is) {
      change c = difference(was, is);
      if (!c.added.empty() || !c.removed.empty() || !c.added_elsewhere.empty()) {
        changes.push_back(std::move(c));
      }
    });
  });
  return changes;
}

std::vector<name> changed_names(const contents* before, const contents& after) {
  std::vector<name> names;
  walk(nodes_of(before), nodes_of(&after), owner_of, [&](const node* old, const node* now) {
    assert(old != nullptr || now != nullptr);
    if (old == nullptr || now == nullptr || !same_answers(*old, *now)) {
      names.push_back(now != nullptr ? now->owner : old->owner);
    }
  });
  return names;
}

bool only_serial_changed(const contents* before, const contents& after) {
  if (before == nullptr) {
    return false;
  }
  const auto without_serial = [](const node& apex) {
    node same = apex;
    for (auto& set : same.rrsets) {
      if (set->type == rr_type::soa) {
        auto soa = *set;
        std::get<soa_rdata>(soa.records.front()).serial = 0;
        set = std::make_shared<const rrset>(std::move(soa));
      }
    }
    return same;
  };
  return same_answers(without_serial(*before->nodes.front()), without_serial(*after.nodes.front()));
}

} // namespace thor::zone
