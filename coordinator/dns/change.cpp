#include "coordinator/dns/change.hpp"

#include <algorithm>

namespace thor::dns {

const model::presence* find_presence(const model::member_map& members, const model::node_id& id) {
  const auto m = members.find(id);
  return m == members.end() ? nullptr : &m->second.what;
}

std::vector<model::node_id> difference(const model::member_map& from, const model::member_map& to) {
  std::vector<model::node_id> out;
  auto a = from.begin();
  auto b = to.begin();
  while (a != from.end() || b != to.end()) {
    if (b == to.end() || (a != from.end() && a->first < b->first)) {
      out.push_back(a++->first);
    } else if (a == from.end() || b->first < a->first) {
      out.push_back(b++->first);
    } else {
      if (a->second.what != b->second.what)
        out.push_back(a->first);
      ++a;
      ++b;
    }
  }
  return out;
}

bool is_visible(const model::presence* was, const model::presence* is) {
  if (was != nullptr && is != nullptr)
    return model::dns_relevant_change(*was, *is);
  const auto* only = was != nullptr ? was : is;
  return only != nullptr && model::is_in_dns(*only);
}

bool is_visible(const model::member_map& from, const model::member_map& to,
                const std::vector<model::node_id>& changed) {
  return std::ranges::any_of(changed, [&](const model::node_id& id) {
    return is_visible(find_presence(from, id), find_presence(to, id));
  });
}

} // namespace thor::dns
