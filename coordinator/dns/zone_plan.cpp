#include "coordinator/dns/zone_plan.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace thor::dns {

namespace {

zone::rdata address_rdata(const model::ip_address& address) {
  if (address.is_v4())
    return zone::a_rdata{address.v4_octets()};
  return zone::aaaa_rdata{address.v6_octets()};
}

zone::rr_type address_type(const model::ip_address& address) {
  return address.is_v4() ? zone::rr_type::a : zone::rr_type::aaaa;
}

/// Collects A and AAAA of one owner.
struct address_rrsets {
  zone::rrset v4;
  zone::rrset v6;

  address_rrsets(const zone::name& owner, std::uint32_t ttl_s, std::uint16_t slice = 0)
      : v4{owner, zone::rr_type::a, ttl_s, {}, slice}
      , v6{owner, zone::rr_type::aaaa, ttl_s, {}, slice} {}

  void add(const std::vector<model::ip_address>& addresses) {
    for (const auto& address : addresses)
      (address.is_v4() ? v4 : v6).records.push_back(address_rdata(address));
  }

  void move_to(std::vector<zone::rrset>& out) {
    if (!v4.records.empty())
      out.push_back(std::move(v4));
    if (!v6.records.empty())
      out.push_back(std::move(v6));
  }
};

std::string expand_domain(std::string text, const zone::name& domain) {
  static constexpr std::string_view placeholder = "{domain}";
  std::string plain = domain.text();
  plain.pop_back();
  for (auto at = text.find(placeholder); at != std::string::npos;
       at = text.find(placeholder, at + plain.size()))
    text.replace(at, placeholder.size(), plain);
  return text;
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

std::expected<zone_plan, config_error> zone_plan::make(zone_config config) {
  zone_plan plan;
  plan.domain_ = config.domain;
  plan.id_ = config.id;
  auto node_parent = config.domain.child(node_label);
  if (!node_parent)
    return std::unexpected(config_error{"the domain is too long to name nodes below it"});
  plan.node_parent_ = *node_parent;
  plan.promised_.push_back({plan.node_parent_, true});
  if (auto done = plan.read_infrastructure(config); !done)
    return std::unexpected(done.error());
  for (const auto& role : config.roles)
    if (auto done = plan.read_role(role); !done)
      return std::unexpected(done.error());
  plan.roles_ = std::move(config.roles);
  return plan;
}

std::expected<zone::name, config_error> zone_plan::resolve(const std::string& text,
                                                           std::string_view what) const {
  auto name = text.ends_with('.') ? zone::name::parse(text) : domain_.descendant(text);
  if (name)
    return *name;
  return std::unexpected(
      config_error{std::string(what) + " \"" + text + "\" is no DNS name: " + name.error().detail});
}

void zone_plan::add_static(zone::rrset set) {
  if (!set.owner.is_at_or_below(domain_))
    return;
  promised_.push_back({set.owner, false});
  const auto same = std::ranges::find_if(static_rrsets_, [&](const zone::rrset& have) {
    return have.owner == set.owner && have.type == set.type;
  });
  if (same == static_rrsets_.end()) {
    static_rrsets_.push_back(std::move(set));
  } else {
    same->records.insert(same->records.end(), set.records.begin(), set.records.end());
  }
}

void zone_plan::add_addresses(const zone::name& owner,
                              const std::vector<model::ip_address>& addresses,
                              std::uint32_t ttl_s) {
  for (const auto& address : addresses)
    add_static({owner, address_type(address), ttl_s, {address_rdata(address)}, 0});
}

std::expected<void, config_error> zone_plan::read_infrastructure(const zone_config& config) {
  if (config.name_servers.empty())
    return std::unexpected(
        config_error{"[[dns.name_server]] is missing: a zone needs at least one name server"});
  for (const auto& host : config.name_servers) {
    auto target = resolve(host.name, "name server");
    if (!target)
      return std::unexpected(target.error());
    if (target->is_at_or_below(domain_) && host.addresses.empty())
      return std::unexpected(
          config_error{"name server \"" + host.name + "\" lies in the zone and needs addresses"});
    add_static({domain_, zone::rr_type::ns, infrastructure_ttl_s, {zone::ns_rdata{*target}}, 0});
    add_addresses(*target, host.addresses, infrastructure_ttl_s);
  }
  const auto bootstrap = domain_.descendant("_eventserver._tcp");
  if (!bootstrap)
    return std::unexpected(config_error{"the domain is too long"});
  promised_.push_back({*bootstrap, false});
  for (const auto& host : config.event_servers) {
    auto target = resolve(host.name, "event server");
    if (!target)
      return std::unexpected(target.error());
    add_static({*bootstrap,
                zone::rr_type::srv,
                bootstrap_ttl_s,
                {zone::srv_rdata{10, 0, host.port, *target}},
                0});
    add_addresses(*target, host.addresses, bootstrap_ttl_s);
  }
  auto mname = resolve(
      config.soa.mname.empty() ? config.name_servers.front().name : config.soa.mname, "soa.mname");
  if (!mname)
    return std::unexpected(mname.error());
  auto rname = resolve(config.soa.rname, "soa.rname");
  if (!rname)
    return std::unexpected(rname.error());
  soa_ = {*mname,
          *rname,
          0,
          config.soa.refresh_s,
          config.soa.retry_s,
          config.soa.expire_s,
          config.soa.minimum_s};
  soa_ttl_s_ = config.soa.ttl_s;
  return {};
}

std::expected<void, config_error> zone_plan::read_role(const role_definition& role) {
  const std::string what = "role " + role.role + ":";
  role_names names{role.role, std::nullopt, {}, role.member_ttl_s, role.slice};
  if (!role.address_name.empty()) {
    auto owner = resolve(role.address_name, what);
    if (!owner)
      return std::unexpected(owner.error());
    promised_.push_back({*owner, true});
    names.address_name = *owner;
  }
  for (const auto& srv : role.services) {
    auto owner = resolve(srv.owner, what);
    if (!owner)
      return std::unexpected(owner.error());
    promised_.push_back({*owner, true});
    names.services.push_back({*owner, srv.port_key, srv.default_port});
  }
  for (const auto& rule : role.naptr) {
    auto owner = resolve(rule.owner, what);
    auto replacement = resolve(rule.replacement, what);
    if (!owner)
      return std::unexpected(owner.error());
    if (!replacement)
      return std::unexpected(replacement.error());
    add_static({*owner,
                zone::rr_type::naptr,
                role.static_ttl_s,
                {zone::naptr_rdata{rule.order, rule.preference, rule.flags, rule.service, "",
                                   *replacement}},
                0});
  }
  for (const auto& rule : role.texts) {
    auto owner = resolve(rule.owner, what);
    if (!owner)
      return std::unexpected(owner.error());
    add_static({*owner,
                zone::rr_type::txt,
                role.static_ttl_s,
                {zone::txt_rdata{{expand_domain(rule.text, domain_)}}},
                0});
  }
  role_names_.push_back(std::move(names));
  return {};
}

zone::zone_input zone_plan::describe(bool known, const model::member_map& members,
                                     const departed_map& departed,
                                     const std::vector<zone::rrset>& operator_rrsets,
                                     std::uint32_t serial) const {
  zone::zone_input input{domain_, id_, soa_, soa_ttl_s_, static_rrsets_, promised_, known};
  input.soa.serial = serial;
  input.rrsets.insert(input.rrsets.end(), operator_rrsets.begin(), operator_rrsets.end());
  if (!known)
    return input;

  std::map<std::string_view, std::vector<std::pair<const model::member*, zone::name>>> active;
  for (const auto& [id, member] : members) {
    const auto owner = node_parent_.child(id.text());
    if (!owner || !model::is_in_dns(member.what))
      continue; // a domain so long that this id does not fit below it; a program of the overlay
    address_rrsets addresses(*owner, node_ttl_s);
    addresses.add(member.what.addresses);
    addresses.move_to(input.rrsets);
    input.rrsets.push_back(node_text(*owner, member.what));
    for (const auto& [role, offer] : member.what.roles)
      if (offer.state == model::role_state::active)
        active[role].emplace_back(&member, *owner);
  }
  for (const auto& [id, kept] : departed) {
    const auto owner = node_parent_.child(id.text());
    const auto back = members.find(id);
    if (!owner || (back != members.end() && model::is_in_dns(back->second.what)))
      continue;
    address_rrsets addresses(*owner, node_ttl_s);
    addresses.add(kept);
    addresses.move_to(input.rrsets);
  }
  for (const auto& role : role_names_) {
    const auto& holders = active[role.role];
    for (const auto& service : role.services) {
      zone::rrset set{service.owner, zone::rr_type::srv, role.ttl_s, {}, role.slice};
      for (const auto& [member, target] : holders) {
        const auto& offer = member->what.roles.at(role.role);
        const auto port = offer.ports.find(service.port_key);
        const auto number = port == offer.ports.end() ? service.default_port : port->second;
        if (number == 0)
          continue;
        set.records.push_back(zone::srv_rdata{offer.priority, offer.weight, number, target});
      }
      if (!set.records.empty())
        input.rrsets.push_back(std::move(set));
    }
    if (!role.address_name)
      continue;
    address_rrsets addresses(*role.address_name, role.ttl_s, role.slice);
    for (const auto& [member, target] : holders)
      addresses.add(member->what.addresses);
    addresses.move_to(input.rrsets);
  }
  return input;
}

std::string zone_plan::reserved(const zone::name& owner, zone::rr_type type) const {
  if (type == zone::rr_type::soa)
    return "the SOA record comes from [dns.soa]";
  if (owner == domain_ && type == zone::rr_type::ns)
    return "NS at the apex come from [[dns.name_server]]";
  if (owner != node_parent_ && owner.is_at_or_below(node_parent_))
    return "names below " + node_parent_.text() + " belong to the members";
  for (const auto& set : static_rrsets_)
    if (set.owner == owner && set.type == type)
      return "this record comes from configuration or a role definition";
  for (const auto& role : role_names_) {
    const bool address = type == zone::rr_type::a || type == zone::rr_type::aaaa;
    if (address && role.address_name == owner)
      return "addresses here are those of role " + role.role;
    for (const auto& service : role.services)
      if (type == zone::rr_type::srv && service.owner == owner)
        return "SRV records here are those of role " + role.role;
  }
  return "";
}

} // namespace thor::dns
