#include "coordinator/dns/lookup_names.hpp"

#include "coordinator/dns/role_records.hpp"
#include "coordinator/lookup/key.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace thor::dns {

lookup_names::lookup_names(const looked_up_role& role, const model::member_map& members,
                           const zone::name& node_parent)
    : ttl_s_(role.ttl_s) {
  std::vector<lookup::node> nodes;
  std::vector<std::pair<std::string_view, host>> hosts; // ascending, as members are
  for (const auto& [id, member] : members) {
    const auto offer = member.what.roles.find(role.role);
    if (offer == member.what.roles.end())
      continue;
    auto target = node_parent.child(id.text());
    if (!target)
      continue;
    const auto port = offer->second.ports.find(role.port_key);
    nodes.push_back(lookup::node_of(id, offer->second));
    hosts.emplace_back(id.text(),
                       host{port == offer->second.ports.end() ? role.default_port : port->second,
                            *std::move(target), addresses_of(member.what)});
  }
  ring_ = lookup::ring(std::move(nodes));
  hosts_.reserve(ring_.size());
  for (const auto& n : ring_.nodes())
    hosts_.push_back(std::move(
        std::ranges::lower_bound(hosts, n.id, {}, &decltype(hosts)::value_type::first)->second));
}

std::size_t lookup_names::find(std::string_view label, std::span<const host*> out) const {
  std::array<const lookup::node*, zone::synthesised_hosts_max> found{};
  const auto wanted = std::span(found).first(std::min(out.size(), found.size()));
  const auto count = ring_.order(lookup::hash_of_label(label), lookup::placement::existing, wanted);
  for (std::size_t i = 0; i < count; ++i)
    out[i] = &hosts_[static_cast<std::size_t>(found[i] - ring_.nodes().data())];
  return count;
}

bool lookup_names::is_same_as(const zone::synthesis& other) const {
  const auto* same = dynamic_cast<const lookup_names*>(&other);
  return same != nullptr && ttl_s_ == same->ttl_s_ && hosts_ == same->hosts_ &&
         std::ranges::equal(ring_.nodes(), same->ring_.nodes());
}

} // namespace thor::dns
