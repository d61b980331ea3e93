// Which members of a role are responsible for a key: the first of order() is its home, the next
// ones take over when the home goes.
//
// A pure function of the members' ids, weights and states, specified in README.md; everybody with
// the same members comes to the same order. When a member leaves, the keys it was home of spread
// over all others in proportion to their weights, and no other key moves; when it returns it has
// exactly the keys it had. Values: a ring is built of one state of the members and never changes,
// so any number of threads may ask it.
#pragma once

#include "coordinator/model/status.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace thor::lookup {

struct node {
  std::string id;
  /// Of two nodes one with twice the weight has twice the keys. 0: no key while a node with a
  /// weight is there.
  std::uint16_t weight = 100;
  bool draining = false;
  friend bool operator==(const node&, const node&) = default;
};

/// A member as it offers a role.
node node_of(const model::node_id& id, const model::role_offer& offer);

enum class placement : std::uint8_t {
  existing, ///< where a key is: a draining node keeps its keys
  fresh,    ///< where to put a new key: draining nodes come last
};

/// The nodes of one role.
class ring {
 public:
  ring() = default;
  /// Precondition: no id twice. Their sequence does not matter.
  explicit ring(std::vector<node> nodes);
  /// The members that offer `role`, active or draining, with the weight they offer it with. Empty
  /// for an overlay role (`thor_*`).
  ring(const model::member_map& members, std::string_view role);

  /// In no meaningful sequence. Where `order` points into.
  [[nodiscard]] std::span<const node> nodes() const { return nodes_; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] bool empty() const { return nodes_.empty(); }

  /// Puts the nearest nodes into `out`, the home first, and returns how many: the lesser of the
  /// size of `out` and that of the ring. They live as long as the ring. Allocates nothing.
  std::size_t order(std::uint64_t key_hash, placement how, std::span<const node*> out) const;
  /// The same as ids, at most `count`.
  [[nodiscard]] std::vector<std::string_view> order(std::uint64_t key_hash, std::size_t count,
                                                    placement how = placement::existing) const;
  /// The first of them; null when the ring is empty.
  [[nodiscard]] const node* home(std::uint64_t key_hash, placement how = placement::existing) const;

 private:
  /// Nodes of `nodes_` that are compared with each other; those of an earlier group come first.
  struct group {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool equal_weights = true;
  };
  [[nodiscard]] group group_of(std::size_t begin, std::size_t end) const;
  std::size_t nearest(const group& of, std::uint64_t key_hash, std::span<const node*> out) const;

  /// Active with a weight, draining with a weight, active without, draining without.
  std::vector<node> nodes_;
  std::vector<std::uint64_t> hashes_; ///< of the ids, in the same sequence
  std::array<group, 2> existing_{};
  std::array<group, 4> fresh_{};
};

/// The rings of all roles in one state of the members.
class rings {
 public:
  rings() = default;
  explicit rings(const model::member_map& members);

  /// Empty for a role that nobody offers and for overlay roles. Lives as long as this.
  [[nodiscard]] const ring& of(std::string_view role) const;
  [[nodiscard]] const std::map<std::string, ring, std::less<>>& all() const { return rings_; }

 private:
  std::map<std::string, ring, std::less<>> rings_;
  ring none_;
};

} // namespace thor::lookup
