#include "zone/model/contents.hpp"

#include <algorithm>

namespace thor::zone {

bool is_authoritative(const node& n, rr_type type) {
  const bool speaks_about_the_cut = type == rr_type::ds || type == rr_type::nsec;
  return n.authoritative && (!n.delegation || speaks_about_the_cut);
}

const node* contents::find(const name& owner) const {
  const auto found = std::ranges::lower_bound(
      nodes, owner, {}, [](const auto& n) -> const name& { return n->owner; });
  return found != nodes.end() && (*found)->owner == owner ? found->get() : nullptr;
}

} // namespace thor::zone
