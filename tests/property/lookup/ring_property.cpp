#include "coordinator/lookup/key.hpp"
#include "coordinator/lookup/ring.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace thor::lookup {
namespace {

constexpr unsigned keys_per_case = 200;

/// 1 to 20 nodes of any state. Small weights in half of the cases, so that equal ones are frequent.
std::vector<node> any_nodes() {
  const auto ids = *rc::gen::resize(
      20, rc::gen::nonEmpty(rc::gen::container<std::set<unsigned>>(rc::gen::inRange(0U, 1000U))));
  const std::uint16_t weight_max = *rc::gen::element<std::uint16_t>(2, 65535);
  std::vector<node> out;
  for (const unsigned id : ids)
    out.push_back({"node-" + std::to_string(id), *rc::gen::inRange<std::uint16_t>(0, weight_max),
                   *rc::gen::weightedElement<bool>({{3, false}, {1, true}})});
  return out;
}

std::vector<std::string> order(const ring& r, std::uint64_t hash, placement how) {
  const auto ids = r.order(hash, r.size(), how);
  return {ids.begin(), ids.end()};
}

placement any_placement() {
  return *rc::gen::element(placement::existing, placement::fresh);
}

std::uint64_t any_key() {
  return *rc::gen::arbitrary<std::uint64_t>();
}

RC_GTEST_PROP(ring, does_not_depend_on_the_sequence_of_the_nodes, ()) {
  auto nodes = any_nodes();
  const ring one(nodes);
  std::ranges::rotate(nodes, nodes.begin() + *rc::gen::inRange<std::ptrdiff_t>(
                                                 0, static_cast<std::ptrdiff_t>(nodes.size())));
  std::ranges::reverse(nodes.begin(),
                       nodes.begin() + static_cast<std::ptrdiff_t>(nodes.size() / 2));
  const ring other(nodes);
  const placement how = any_placement();
  for (unsigned i = 0; i < keys_per_case; ++i) {
    const std::uint64_t key = key_hash(std::to_string(i));
    RC_ASSERT(order(one, key, how) == order(other, key, how));
  }
}

RC_GTEST_PROP(ring, the_first_of_all_are_the_first_of_few, ()) {
  const ring r(any_nodes());
  const placement how = any_placement();
  for (unsigned i = 0; i < keys_per_case; ++i) {
    const std::uint64_t key = any_key();
    const auto all = r.order(key, r.size(), how);
    RC_ASSERT(std::set(all.begin(), all.end()).size() == r.size());
    for (std::size_t n = 0; n <= r.size(); ++n)
      RC_ASSERT(std::ranges::equal(r.order(key, n, how), std::span(all).first(n)));
  }
}

/// The whole order, without the node, stays: so nothing moves but the keys it was home of, they go
/// to their next node, and it has its keys again when it returns.
RC_GTEST_PROP(ring, a_node_that_leaves_moves_nothing_else, ()) {
  const auto nodes = any_nodes();
  const std::string gone = (*rc::gen::elementOf(nodes)).id;
  auto rest = nodes;
  std::erase_if(rest, [&](const node& n) { return n.id == gone; });
  const ring before(nodes);
  const ring after(rest);
  const placement how = any_placement();
  for (unsigned i = 0; i < keys_per_case; ++i) {
    const std::uint64_t key = key_hash(std::to_string(i));
    auto expected = order(before, key, how);
    std::erase(expected, gone);
    RC_ASSERT(order(after, key, how) == expected);
  }
}

RC_GTEST_PROP(ring, a_greater_weight_draws_keys_from_others_and_moves_none_between_them, ()) {
  const auto nodes = any_nodes();
  auto changed = nodes;
  node& one = changed[*rc::gen::inRange<std::size_t>(0, changed.size())];
  RC_PRE(one.weight > 0 && one.weight < 65535);
  one.weight = *rc::gen::inRange<std::uint16_t>(static_cast<std::uint16_t>(one.weight + 1), 65535);
  const ring before(nodes);
  const ring after(changed);
  for (unsigned i = 0; i < keys_per_case; ++i) {
    const std::uint64_t key = key_hash(std::to_string(i));
    const std::string was = before.home(key)->id;
    const std::string is = after.home(key)->id;
    RC_ASSERT((is == was || is == one.id));
  }
}

/// A huge weight makes the difference: the general way is taken for all, and theirs stays the same.
RC_GTEST_PROP(ring, equal_weights_are_ordered_as_different_ones, ()) {
  auto nodes = any_nodes();
  const std::uint16_t weight = *rc::gen::inRange<std::uint16_t>(1, 65535);
  for (node& n : nodes)
    n.weight = weight;
  const ring equal(nodes);
  nodes.push_back({"odd-one-out", static_cast<std::uint16_t>(weight + 1)});
  const ring different(nodes);
  const placement how = any_placement();
  for (unsigned i = 0; i < keys_per_case; ++i) {
    const std::uint64_t key = key_hash(std::to_string(i));
    auto expected = order(different, key, how);
    std::erase(expected, "odd-one-out");
    RC_ASSERT(order(equal, key, how) == expected);
  }
}

/// Within 6 standard deviations of a fair draw: wrong about once in 10^9.
void check_shares(const std::map<std::string, unsigned>& counts, const std::vector<node>& nodes) {
  double keys = 0;
  for (const auto& [id, count] : counts)
    keys += count;
  double weight = 0;
  for (const node& n : nodes)
    weight += n.weight;
  for (const node& n : nodes) {
    const double share = n.weight / weight;
    const auto found = counts.find(n.id);
    const double count = found == counts.end() ? 0 : found->second;
    RC_ASSERT(std::abs(count - keys * share) <= 6 * std::sqrt(keys * share * (1 - share)) + 1);
  }
}

RC_GTEST_PROP(ring, keys_and_those_of_a_node_that_leaves_spread_in_proportion, ()) {
  constexpr unsigned keys = 10'000;
  auto nodes = any_nodes();
  std::erase_if(nodes, [](const node& n) { return n.weight == 0; });
  RC_PRE(nodes.size() > 1);
  const ring before(nodes);
  const std::string gone = (*rc::gen::elementOf(nodes)).id;
  auto rest = nodes;
  std::erase_if(rest, [&](const node& n) { return n.id == gone; });
  const ring after(rest);
  const unsigned salt = *rc::gen::arbitrary<unsigned>();
  std::map<std::string, unsigned> homes;
  std::map<std::string, unsigned> heirs;
  for (unsigned i = 0; i < keys; ++i) {
    const std::uint64_t key =
        key_hash("user" + std::to_string(i) + "@" + std::to_string(salt) + ".example");
    ++homes[before.home(key)->id];
    if (before.home(key)->id == gone)
      ++heirs[after.home(key)->id];
  }
  check_shares(homes, nodes);
  check_shares(heirs, rest);
}

} // namespace
} // namespace thor::lookup
