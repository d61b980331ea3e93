#include "coordinator/dns/node_names.hpp"

#include "coordinator/dns/role_records.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace thor::dns {

namespace {

void add(zone::node& to, zone::rrset set) {
  if (set.records.empty())
    return;
  std::ranges::sort(set.records);
  to.rrsets.push_back(std::make_shared<const zone::rrset>(std::move(set)));
}

/// The id whose name it is.
std::string_view first_label(const std::shared_ptr<const zone::node>& of) {
  const std::string_view wire = of->owner.wire();
  return wire.substr(1, static_cast<unsigned char>(wire.front()));
}

/// What a person with dig sees at a node name: the state of each role and the site.
zone::rrset node_text(const zone::name& owner, const model::presence& p) {
  zone::txt_rdata text;
  for (const auto& [role, offer] : p.roles)
    if (!model::is_overlay_role(role))
      text.strings.push_back(role + "=" + std::string(model::to_string(offer.state)));
  if (!p.site.empty())
    text.strings.push_back("site=" + p.site);
  if (text.strings.empty())
    text.strings.emplace_back("member");
  return {owner, zone::rr_type::txt, node_ttl_s, {std::move(text)}, 0};
}

} // namespace

void node_names::show(const model::presence& who) {
  auto owner = parent_.child(who.id.text());
  if (!owner || !model::is_in_dns(who))
    return forget(who.id);
  address_rrsets addresses(*owner, node_ttl_s);
  addresses.add(who.addresses);
  zone::node made{.owner = *std::move(owner)};
  add(made, std::move(addresses.v4));
  add(made, node_text(made.owner, who));
  add(made, std::move(addresses.v6));
  put(who.id, std::move(made));
}

void node_names::show_departed(const model::node_id& id,
                               const std::vector<model::ip_address>& addresses) {
  auto owner = parent_.child(id.text());
  if (!owner)
    return;
  address_rrsets kept(*owner, node_ttl_s);
  kept.add(addresses);
  zone::node made{.owner = *std::move(owner)};
  add(made, std::move(kept.v4));
  add(made, std::move(kept.v6));
  put(id, std::move(made));
}

void node_names::forget(const model::node_id& id) {
  if (const auto place = place_of(id); is_at(place, id))
    nodes_.erase(place);
}

node_names::node_list::const_iterator node_names::place_of(const model::node_id& id) const {
  return std::ranges::lower_bound(nodes_, id.text(), {}, first_label);
}

bool node_names::is_at(node_list::const_iterator place, const model::node_id& id) const {
  return place != nodes_.end() && first_label(*place) == id.text();
}

/// One that holds the same stays the same object: that is how others see that nothing changed.
void node_names::put(const model::node_id& id, zone::node made) {
  const auto place = place_of(id);
  if (!is_at(place, id)) {
    nodes_.insert(place, std::make_shared<const zone::node>(std::move(made)));
    return;
  }
  const bool same = std::ranges::equal((*place)->rrsets, made.rrsets,
                                       [](const auto& a, const auto& b) { return *a == *b; });
  if (!same)
    nodes_[static_cast<std::size_t>(place - nodes_.begin())] =
        std::make_shared<const zone::node>(std::move(made));
}

const zone::name* node_names::find(const model::node_id& id) const {
  const auto place = place_of(id);
  return is_at(place, id) ? &(*place)->owner : nullptr;
}

} // namespace thor::dns
