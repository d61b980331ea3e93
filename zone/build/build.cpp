#include "zone/build/build.hpp"

#include "zone/text/rdata_text.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <numeric>
#include <optional>
#include <ranges>
#include <span>
#include <utility>

namespace thor::zone {
namespace {

/// One reason for a name to exist: an RRset, or a promise (`set` is nullptr).
struct claim {
  const name* owner;
  const rrset* set;
  const promised_name* promise = nullptr;

  /// Promises before RRsets.
  [[nodiscard]] int rank() const { return set == nullptr ? -1 : static_cast<int>(set->type); }
};

/// By owner, then rank; claims to one RRset in the order in which they came.
bool before(const claim& a, const claim& b) {
  if (*a.owner != *b.owner) {
    return *a.owner < *b.owner;
  }
  return a.rank() != b.rank() ? a.rank() < b.rank() : std::less<>()(a.set, b.set);
}

/// The first claims of `rest`, as many as `same` as the first of them; they leave `rest`.
template <typename Same>
std::span<const claim> take_while(std::span<const claim>& rest, Same same) {
  std::size_t count = 1;
  while (count < rest.size() && same(rest[count])) {
    ++count;
  }
  const std::span<const claim> taken = rest.first(count);
  rest = rest.subspan(count);
  return taken;
}

std::shared_ptr<const rrset> find(const node* n, rr_type type) {
  if (n == nullptr) {
    return nullptr;
  }
  const auto found = std::ranges::find(n->rrsets, type, [](const auto& set) { return set->type; });
  return found == n->rrsets.end() ? nullptr : *found;
}

bool same(const synthesis* a, const synthesis* b) {
  return a == b || (a != nullptr && b != nullptr && a->is_same_as(*b));
}

/// RRsets that are equal are shared before nodes are compared, so their pointers say it all.
bool same(const node& a, const node& b) {
  return a.owner == b.owner && a.rrsets == b.rrsets && a.delegation == b.delegation &&
         a.authoritative == b.authoritative && a.bare == b.bare && a.available == b.available &&
         same(a.below.get(), b.below.get());
}

/// The same without shared RRsets.
bool holds_same(const node& a, const node& b) {
  return a.delegation == b.delegation && a.authoritative == b.authoritative && a.bare == b.bare &&
         a.available == b.available &&
         std::ranges::equal(a.rrsets, b.rrsets,
                            [](const auto& x, const auto& y) { return *x == *y; });
}

/// Sorts what comes in long ascending runs, as members do: with few runs it costs one comparison an
/// element and run, where a sort costs their logarithm.
template <typename T, typename Less>
void sort_runs(std::vector<T>& all, Less less) {
  std::vector<std::ptrdiff_t> ends; // of the runs
  for (auto end = all.begin(); end != all.end();) {
    end = std::is_sorted_until(end, all.end(), less);
    ends.push_back(end - all.begin());
  }
  while (ends.size() > 1) { // neighbours become one
    std::vector<T> merged;
    std::vector<std::ptrdiff_t> merged_ends;
    merged.reserve(all.size());
    const auto at = [&](std::ptrdiff_t index) {
      return std::make_move_iterator(all.begin() + index);
    };
    for (std::size_t i = 0; i < ends.size(); i += 2) {
      const std::ptrdiff_t begin = i == 0 ? 0 : ends[i - 1];
      const std::ptrdiff_t end = ends[std::min(i + 1, ends.size() - 1)];
      std::merge(at(begin), at(ends[i]), at(ends[i]), at(end), std::back_inserter(merged), less);
      merged_ends.push_back(end);
    }
    all = std::move(merged);
    ends = std::move(merged_ends);
  }
}

/// Adds the records of `other`, which has the same owner and type.
void add(rrset& to, const rrset& other) {
  const auto give_homes = [](std::vector<home>& homes, std::span<const rdata> records) {
    for (const rdata& record : records) {
      homes.push_back({.view = 0, .elsewhere = record});
    }
  };
  if (to.homes.empty() && !other.homes.empty()) {
    give_homes(to.homes, to.records);
  }
  if (other.homes.empty() && !to.homes.empty()) {
    give_homes(to.homes, other.records);
  }
  to.homes.insert(to.homes.end(), other.homes.begin(), other.homes.end());
  to.records.insert(to.records.end(), other.records.begin(), other.records.end());
}

/// Sorts the records and drops duplicates; the homes go with them.
void put_in_order(rrset& set) {
  auto& records = set.records;
  if (std::ranges::adjacent_find(records, std::greater_equal()) == records.end()) {
    return;
  }
  if (set.homes.empty()) {
    sort_runs(records, std::less());
    const auto duplicates = std::ranges::unique(records);
    records.erase(duplicates.begin(), duplicates.end());
    return;
  }
  std::vector<std::size_t> order(records.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  sort_runs(order, [&](std::size_t a, std::size_t b) {
    return records[a] != records[b] ? records[a] < records[b] : a < b;
  });
  const auto duplicates =
      std::ranges::unique(order, {}, [&](std::size_t i) -> const rdata& { return records[i]; });
  order.erase(duplicates.begin(), duplicates.end());
  std::vector<rdata> sorted;
  std::vector<home> homes;
  for (const std::size_t i : order) {
    sorted.push_back(std::move(records[i]));
    homes.push_back(std::move(set.homes[i]));
  }
  records = std::move(sorted);
  set.homes = std::move(homes);
}

class builder {
 public:
  builder(const zone_input& input, const contents* previous)
      : input_(input)
      , soa_{.owner = input.apex,
             .type = rr_type::soa,
             .ttl_s = input.soa_ttl_s,
             .records = {input.soa}}
      , previous_(previous == nullptr ? decltype(previous_)() : previous->nodes)
      , zone_(std::make_shared<contents>()) {}

  built run() {
    zone_->apex = input_.apex;
    zone_->id = input_.id;
    zone_->serial = input_.soa.serial;
    zone_->nodes.reserve(previous_.size());
    const std::vector<claim> claims = collect();
    std::span<const std::shared_ptr<const node>> leaves = input_.leaves;
    for (std::span<const claim> rest = claims; !rest.empty();) {
      const name& owner = *rest.front().owner;
      if (!leaves.empty() && leaves.front()->owner < owner) {
        add_leaves(std::exchange(leaves, {}));
      }
      const auto own = take_while(rest, [&](const claim& c) { return *c.owner == owner; });
      add_missing_ancestors(owner);
      add_node(owner, own,
               (!rest.empty() && rest.front().owner->is_at_or_below(owner)) ||
                   (!leaves.empty() && leaves.front()->owner.is_at_or_below(owner)));
    }
    add_leaves(leaves);
    return {std::move(zone_), std::move(rejected_)};
  }

 private:
  /// All that can stand in the zone, in canonical order of owner, then by rank.
  std::vector<claim> collect() {
    std::vector<claim> claims;
    claims.reserve(1 + input_.promised.size() + input_.rrsets.size());
    claims.push_back({&soa_.owner, &soa_});
    for (const promised_name& promise : input_.promised) {
      if (promise.owner.is_at_or_below(input_.apex)) {
        claims.push_back({&promise.owner, nullptr, &promise});
        zone_->is_synthesised |= promise.synthesised;
      } else {
        rejected_.push_back({promise.owner, rr_type::any, "", out_of_zone()});
      }
    }
    for (const rrset& set : input_.rrsets) {
      if (const std::optional<error> reason = judge(set)) {
        reject(set, set.records, *reason);
      } else if (!set.records.empty()) {
        claims.push_back({&set.owner, &set});
      }
    }
    sort_runs(claims, before);
    return claims;
  }

  [[nodiscard]] error out_of_zone() const {
    return {errc::out_of_zone, "not at or below " + input_.apex.text()};
  }

  /// Why the set cannot stand in this zone, whatever else the zone holds.
  [[nodiscard]] std::optional<error> judge(const rrset& set) const {
    if (!set.owner.is_at_or_below(input_.apex)) {
      return out_of_zone();
    }
    if (!is_data_type(set.type)) {
      return error{errc::bad_type, to_string(set.type) + " is not a type of data"};
    }
    if (set.type == rr_type::soa) {
      return error{errc::conflict, "the zone has its own SOA"};
    }
    if (set.ttl_s > ttl_s_max) {
      return error{errc::bad_rdata, "TTL " + std::to_string(set.ttl_s) + " is above " +
                                        std::to_string(ttl_s_max) + " (RFC 2181 section 8)"};
    }
    return std::nullopt;
  }

  void reject(const rrset& set, std::span<const rdata> records, const error& reason) {
    for (const rdata& record : records) {
      rejected_.push_back({set.owner, set.type, to_text(record), reason});
    }
  }

  /// Empty non-terminals. In canonical order a name follows its ancestors directly, so an ancestor
  /// that exists is on the path to the last node.
  void add_missing_ancestors(const name& owner) {
    while (!path_.empty() && !owner.is_at_or_below(path_.back()->owner)) {
      path_.pop_back();
    }
    if (path_.empty()) {
      return; // the apex
    }
    std::vector<node> missing;
    for (name up = owner.parent(); up != path_.back()->owner; up = up.parent()) {
      missing.push_back({.owner = up});
    }
    for (node& ancestor : missing | std::views::reverse) {
      append(std::move(ancestor));
    }
  }

  void add_node(const name& owner, std::span<const claim> claims, bool has_descendants) {
    node n{.owner = owner};
    const auto old = previous_node(owner);
    while (!claims.empty()) {
      const int rank = claims.front().rank();
      const auto equals = take_while(claims, [&](const claim& c) { return c.rank() == rank; });
      if (equals.front().set == nullptr) {
        add_promises(n, equals);
      } else {
        n.rrsets.push_back(merge(equals, find(old.get(), equals.front().set->type)));
      }
    }
    drop_misplaced_aliases(n, has_descendants);
    n.bare = n.rrsets.empty() && !has_descendants && n.below == nullptr;
    append(std::move(n));
  }

  void add_leaves(std::span<const std::shared_ptr<const node>> leaves) {
    for (const auto& leaf : leaves) {
      const bool is_hidden = cut_ != nullptr && leaf->owner.is_at_or_below(cut_->owner);
      // Where nothing changed the pointers run in step and no name is compared.
      if (!is_hidden && !previous_.empty() && previous_.front() == leaf) {
        zone_->nodes.push_back(leaf);
        previous_ = previous_.subspan(1);
        continue;
      }
      add_missing_ancestors(leaf->owner);
      if (is_hidden) {
        append(node(*leaf));
        continue;
      }
      const auto old = take_previous(leaf->owner);
      const bool is_known = old != nullptr && old != leaf && holds_same(*old, *leaf);
      zone_->nodes.push_back(is_known ? old : leaf);
    }
  }

  void add_promises(node& n, std::span<const claim> promises) const {
    for (const claim& one : promises) {
      n.available &= input_.dynamic_known || !one.promise->dynamic;
      if (one.promise->below != nullptr) {
        n.below = one.promise->below;
      }
    }
  }

  /// One RRset of all claims to it: sorted, without duplicates; `old` itself when it is equal.
  std::shared_ptr<const rrset> merge(std::span<const claim> claims,
                                     const std::shared_ptr<const rrset>& old) {
    const rrset& first = *claims.front().set;
    if (claims.size() == 1 && old != nullptr && *old == first) {
      return old;
    }
    rrset merged = first;
    for (const claim& other : claims.subspan(1)) {
      add(merged, *other.set);
    }
    put_in_order(merged);
    const bool alias = merged.type == rr_type::cname || merged.type == rr_type::dname;
    if (alias && merged.records.size() > 1) {
      reject(merged, std::span(merged.records).subspan(1),
             {errc::conflict, "an owner has at most one " + to_string(merged.type)});
      merged.records.resize(1);
      merged.homes.clear();
    }
    return old != nullptr && *old == merged ? old
                                            : std::make_shared<const rrset>(std::move(merged));
  }

  void drop_misplaced_aliases(node& n, bool has_descendants) {
    if (has_descendants) {
      drop(n, rr_type::dname, "a DNAME stands above no other name (RFC 6672 section 2.4)");
    }
    const bool alone = std::ranges::all_of(n.rrsets, [](const auto& set) {
      return set->type == rr_type::cname || set->type == rr_type::rrsig ||
             set->type == rr_type::nsec;
    });
    if (!alone) {
      drop(n, rr_type::cname, "a CNAME stands beside no other data (RFC 1034 section 3.6.2)");
    }
  }

  void drop(node& n, rr_type type, std::string_view why) {
    if (const auto set = find(&n, type)) {
      reject(*set, set->records, {errc::conflict, std::string(why)});
      std::erase(n.rrsets, set);
    }
  }

  void append(node&& n) {
    n.authoritative = cut_ == nullptr || !n.owner.is_at_or_below(cut_->owner);
    n.delegation = n.authoritative && n.owner != input_.apex && find(&n, rr_type::ns) != nullptr;
    const auto old = take_previous(n.owner);
    zone_->nodes.push_back(
        old != nullptr && same(*old, n) ? old : std::make_shared<const node>(std::move(n)));
    const node* const added = zone_->nodes.back().get();
    path_.push_back(added);
    if (added->delegation) {
      cut_ = added;
    }
  }

  /// Owners are asked for in canonical order.
  std::shared_ptr<const node> previous_node(const name& owner) {
    while (!previous_.empty() && previous_.front()->owner < owner) {
      previous_ = previous_.subspan(1);
    }
    return !previous_.empty() && previous_.front()->owner == owner ? previous_.front() : nullptr;
  }

  /// The same, and it is passed then.
  std::shared_ptr<const node> take_previous(const name& owner) {
    auto found = previous_node(owner);
    if (found != nullptr) {
      previous_ = previous_.subspan(1);
    }
    return found;
  }

  const zone_input& input_;
  const rrset soa_;
  std::span<const std::shared_ptr<const node>> previous_; ///< those not passed yet
  std::shared_ptr<contents> zone_;
  std::vector<rejection> rejected_;
  std::vector<const node*> path_; ///< the last node and its ancestors, apex first
  const node* cut_ = nullptr;     ///< the last delegation
};

} // namespace

bool operator==(const promised_name& a, const promised_name& b) {
  return a.owner == b.owner && a.dynamic == b.dynamic && a.synthesised == b.synthesised &&
         same(a.below.get(), b.below.get());
}

built build(const zone_input& input, const contents* previous) {
  return builder(input, previous).run();
}

std::uint32_t next_serial(std::uint32_t last, std::uint64_t unix_time_s) {
  constexpr std::uint64_t top = 0xffff'ffff;
  return static_cast<std::uint32_t>(std::min(top, std::max(last + std::uint64_t{1}, unix_time_s)));
}

} // namespace thor::zone
