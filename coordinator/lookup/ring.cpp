#include "coordinator/lookup/ring.hpp"

#include "coordinator/lookup/key.hpp"
#include "coordinator/lookup/score.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace thor::lookup {
namespace {

/// Where a node stands among those of its group.
struct by_draw {
  std::uint64_t drawn = 0;
  const node* who = nullptr;

  by_draw(std::uint64_t lot, const node& n)
      : drawn(lot)
      , who(&n) {}

  /// Cheap: false only when a node that draws this is not nearer.
  [[nodiscard]] static bool may_be_nearer(std::uint64_t drawn, const node& /*who*/,
                                          const by_draw& other) {
    return drawn >= other.drawn;
  }
  [[nodiscard]] bool is_nearer_than(const by_draw& other) const {
    return drawn != other.drawn ? drawn > other.drawn : who->id < other.who->id;
  }
};

/// The same for nodes of different weights; of equal weights it comes to the same order.
struct by_weight : by_draw {
  std::uint64_t far = 0;

  by_weight(std::uint64_t lot, const node& n)
      : by_draw(lot, n)
      , far(distance(lot)) {}

  /// -log2(u) is at least 1 - u, and distance() is never rounded to less.
  [[nodiscard]] static bool may_be_nearer(std::uint64_t drawn, const node& n,
                                          const by_weight& other) {
    return (~drawn >> 32) * other.who->weight <= other.far * n.weight;
  }
  [[nodiscard]] bool is_nearer_than(const by_weight& other) const {
    const std::uint64_t a = far * other.who->weight; // at most 2^38 * 2^16
    const std::uint64_t b = other.far * who->weight;
    return a != b ? a < b : by_draw::is_nearer_than(other);
  }
};

/// The nearest of `from`, whose hashes are `hashes`, in order.
template <typename Place>
std::size_t select(std::span<const node> from, std::span<const std::uint64_t> hashes,
                   std::uint64_t key_hash, std::span<const node*> out) {
  const auto place_of = [&](const node* n) {
    return Place(draw(key_hash, hashes[static_cast<std::size_t>(n - from.data())]), *n);
  };
  if (out.size() >= from.size()) {
    std::ranges::transform(from, out.begin(), [](const node& n) { return &n; });
    std::ranges::sort(out.first(from.size()), [&](const node* a, const node* b) {
      return place_of(a).is_nearer_than(place_of(b));
    });
    return from.size();
  }
  if (out.empty())
    return 0;
  select<Place>(from.first(out.size()), hashes, key_hash, out);
  Place last = place_of(out.back());
  for (std::size_t i = out.size(); i < from.size(); ++i) {
    const std::uint64_t lot = draw(key_hash, hashes[i]);
    if (!Place::may_be_nearer(lot, from[i], last))
      continue;
    const Place here(lot, from[i]);
    if (!here.is_nearer_than(last))
      continue;
    std::size_t at = out.size() - 1;
    for (; at > 0 && here.is_nearer_than(place_of(out[at - 1])); --at)
      out[at] = out[at - 1];
    out[at] = here.who;
    last = place_of(out.back());
  }
  return out.size();
}

} // namespace

node node_of(const model::node_id& id, const model::role_offer& offer) {
  return {id.text(), offer.weight, offer.state == model::role_state::draining};
}

ring::ring(std::vector<node> nodes)
    : nodes_(std::move(nodes)) {
  std::ranges::sort(nodes_, {}, [](const node& n) {
    return std::tuple(n.weight == 0, n.draining, std::string_view(n.id));
  });
  hashes_.reserve(nodes_.size());
  for (const node& n : nodes_)
    hashes_.push_back(key_hash(n.id));

  const auto count = [&](bool weightless, bool draining) {
    return static_cast<std::size_t>(std::ranges::count_if(nodes_, [&](const node& n) {
      return (n.weight == 0) == weightless && n.draining == draining;
    }));
  };
  const std::size_t drained = count(false, false);
  const std::size_t weightless = drained + count(false, true);
  const std::size_t weightless_drained = weightless + count(true, false);
  existing_ = {group_of(0, weightless), group_of(weightless, size())};
  fresh_ = {group_of(0, drained), group_of(weightless, weightless_drained),
            group_of(drained, weightless), group_of(weightless_drained, size())};
}

ring::ring(const model::member_map& members, std::string_view role)
    : ring([&] {
      std::vector<node> nodes;
      if (model::is_overlay_role(role))
        return nodes;
      const std::string name(role);
      for (const auto& [id, m] : members)
        if (const auto offer = m.what.roles.find(name); offer != m.what.roles.end())
          nodes.push_back(node_of(id, offer->second));
      return nodes;
    }()) {}

ring::group ring::group_of(std::size_t begin, std::size_t end) const {
  const auto of = nodes().subspan(begin, end - begin);
  return {begin, end,
          std::ranges::all_of(of, [&](const node& n) { return n.weight == of.front().weight; })};
}

std::size_t ring::nearest(const group& of, std::uint64_t key_hash,
                          std::span<const node*> out) const {
  const auto from = nodes().subspan(of.begin, of.end - of.begin);
  const auto hashes = std::span(hashes_).subspan(of.begin, from.size());
  return of.equal_weights ? select<by_draw>(from, hashes, key_hash, out)
                          : select<by_weight>(from, hashes, key_hash, out);
}

std::size_t ring::order(std::uint64_t key_hash, placement how, std::span<const node*> out) const {
  const std::span<const group> groups = how == placement::existing
                                            ? std::span<const group>(existing_)
                                            : std::span<const group>(fresh_);
  std::size_t taken = 0;
  for (const group& g : groups)
    taken += nearest(g, key_hash, out.subspan(taken));
  return taken;
}

std::vector<std::string_view> ring::order(std::uint64_t key_hash, std::size_t count,
                                          placement how) const {
  std::vector<const node*> found(std::min(count, size()));
  order(key_hash, how, found);
  std::vector<std::string_view> out;
  out.reserve(found.size());
  for (const node* n : found)
    out.emplace_back(n->id);
  return out;
}

const node* ring::home(std::uint64_t key_hash, placement how) const {
  const node* first = nullptr;
  order(key_hash, how, std::span(&first, 1));
  return first;
}

rings::rings(const model::member_map& members) {
  std::map<std::string, std::vector<node>> by_role;
  for (const auto& [id, m] : members)
    for (const auto& [role, offer] : m.what.roles)
      if (!model::is_overlay_role(role))
        by_role[role].push_back(node_of(id, offer));
  for (auto& [role, nodes] : by_role)
    rings_.emplace(role, ring(std::move(nodes)));
}

const ring& rings::of(std::string_view role) const {
  const auto found = rings_.find(role);
  return found == rings_.end() ? none_ : found->second;
}

} // namespace thor::lookup
