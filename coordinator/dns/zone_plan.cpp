#include "coordinator/dns/zone_plan.hpp"

#include "coordinator/dns/role_check.hpp"
#include "coordinator/lookup/key.hpp"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

namespace thor::dns {

namespace {

/// SRV records of a parent that cannot follow members: one target each.
constexpr std::uint16_t parent_priority = 10;
constexpr std::uint16_t parent_weight = 100;

/// Adds the records to the RRset of the same owner and type, or the RRset as it is.
void merge_into(std::vector<zone::rrset>& sets, zone::rrset set) {
  const auto same = std::ranges::find_if(sets, [&](const zone::rrset& have) {
    return have.owner == set.owner && have.type == set.type;
  });
  if (same == sets.end())
    return sets.push_back(std::move(set));
  same->ttl_s = std::min(same->ttl_s, set.ttl_s); // one RRset, one TTL (RFC 2181 section 5.2)
  same->records.insert(same->records.end(), set.records.begin(), set.records.end());
}

std::unexpected<config_error> too_long(const std::string& what) {
  return std::unexpected(config_error{"the domain is too long " + what});
}

/// What a person with dig sees at the overlay name of a role.
zone::rrset role_text(const zone::name& owner, const member_manner& how, bool ring,
                      const model::member_map& members) {
  std::size_t active = 0;
  std::size_t draining = 0;
  for (const auto& [id, member] : members)
    if (const auto offer = member.what.roles.find(how.role); offer != member.what.roles.end())
      ++(offer->second.state == model::role_state::active ? active : draining);
  zone::txt_rdata text{
      {"active=" + std::to_string(active), "draining=" + std::to_string(draining)}};
  if (ring)
    text.strings.emplace_back("ring=yes");
  return {owner, zone::rr_type::txt, how.ttl_s, {std::move(text)}, 0};
}

} // namespace

// ---- which zones there are

std::expected<std::vector<zone::name>, config_error> zone_plan::apexes(const zone_config& config) {
  std::vector<zone::name> found;
  const auto add = [&](std::string_view relative) {
    const auto apex = config.domain.descendant(relative);
    if (apex && std::ranges::find(found, *apex) == found.end())
      found.push_back(*apex);
    return apex.has_value();
  };
  bool fits = true;
  if (config.how == deployment::whole) {
    found.push_back(config.domain);
  } else {
    fits &= add(node_label);
    for (const auto& role : config.roles)
      if (role.is_public && !role.address_name.empty())
        fits &= add(role.address_name);
  }
  if (config.lookup != lookup_zone::none)
    fits &= add(lookup_label);
  if (config.internal)
    fits &= add(role_label);
  if (!fits)
    return too_long("for the zones below it");
  return found;
}

std::expected<void, config_error> zone_plan::read_zones(const zone_config& config) {
  const auto found = apexes(config);
  if (!found)
    return std::unexpected(found.error());
  const auto internal = domain_.child(role_label);
  const auto lookup = domain_.child(lookup_label);
  for (const auto& apex : *found) {
    const auto id = config.ids.find(apex);
    if (id == config.ids.end())
      return std::unexpected(config_error{"the zone " + apex.text() + " has no id"});
    const bool is_lookup = config.lookup != lookup_zone::none && lookup == apex;
    const bool is_internal =
        is_lookup ? config.lookup == lookup_zone::internal : config.internal && internal == apex;
    zones_.push_back({apex, id->second, is_internal, is_lookup});
  }
  frames_.resize(zones_.size());
  return {};
}

/// The zone that a name belongs to: the one with the longest apex at or above it.
std::optional<std::size_t> zone_plan::zone_of(const zone::name& owner) const {
  std::optional<std::size_t> deepest;
  for (std::size_t i = 0; i < zones_.size(); ++i)
    if (owner.is_at_or_below(zones_[i].apex) &&
        (!deepest || zones_[i].apex.is_at_or_below(zones_[*deepest].apex)))
      deepest = i;
  return deepest;
}

/// The same of a record: what is said of a delegation belongs to the zone above it (RFC 4035
/// section 2.4).
std::optional<std::size_t> zone_plan::zone_of(const zone::name& owner, zone::rr_type type) const {
  const bool is_apex = std::ranges::find(zones_, owner, &planned_zone::apex) != zones_.end();
  return zone_of(is_apex && type == zone::rr_type::ds ? owner.parent() : owner);
}

bool zone_plan::set_ids(const std::map<zone::name, std::uint32_t>& known) {
  bool changed = false;
  auto unlisted = unlisted_zone_id_first;
  for (auto& zone : zones_) {
    const auto found = known.find(zone.apex);
    const auto id = found == known.end() ? unlisted++ : found->second;
    changed |= std::exchange(zone.id, id) != id;
  }
  return changed;
}

const planned_zone* zone_plan::find_zone(std::uint32_t id) const {
  const auto found = std::ranges::find(zones_, id, &planned_zone::id);
  return found == zones_.end() ? nullptr : &*found;
}

// ---- names that exist always

std::expected<zone_plan, config_error> zone_plan::make(zone_config config) {
  zone_plan plan;
  plan.domain_ = config.domain;
  plan.how_ = config.how;
  auto node_parent = config.domain.child(node_label);
  if (!node_parent)
    return too_long("to name nodes below it");
  plan.node_parent_ = *node_parent;
  if (auto done = plan.read_zones(config); !done)
    return std::unexpected(done.error());
  plan.node_zone_ = *plan.promise(plan.node_parent_, true);
  if (auto done = plan.read_infrastructure(config); !done)
    return std::unexpected(done.error());
  if (const auto faults = check_roles(config); !faults.empty())
    return std::unexpected(config_error{to_text(faults.front(), config.roles)});
  for (const auto& role : config.roles)
    if (auto done = plan.read_role(role); !done)
      return std::unexpected(done.error());
  plan.roles_ = std::move(config.roles);
  plan.sites_ = site_views(config.sites, config.other_site_penalty);
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

/// Where the role's zone is delegated to us, its names lie in that zone: what would stand at the
/// domain otherwise stands at its apex.
std::expected<zone::name, config_error> zone_plan::resolve_in_role(const role_definition& role,
                                                                   const std::string& text) const {
  const std::string what = "role " + role.role + ":";
  auto name = resolve(text, what);
  if (!name || how_ == deployment::whole || text.ends_with('.') || role.address_name.empty() ||
      zone_of(*name))
    return name;
  return resolve(text == "@" ? role.address_name : text + "." + role.address_name, what);
}

std::optional<std::size_t> zone_plan::promise(const zone::name& owner, bool dynamic) {
  const auto where = zone_of(owner);
  if (where)
    frames_[*where].promised.push_back({owner, dynamic});
  return where;
}

/// A name outside our zones is somebody else's to publish.
void zone_plan::add_static(zone::rrset set) {
  if (const auto where = promise(set.owner, false))
    merge_into(frames_[*where].rrsets, std::move(set));
  else if (set.owner.is_at_or_below(domain_))
    merge_into(parent_rrsets_, std::move(set));
}

void zone_plan::add_addresses(const zone::name& owner,
                              const std::vector<model::ip_address>& addresses,
                              std::uint32_t ttl_s) {
  address_rrsets sets(owner, ttl_s);
  sets.add(addresses);
  std::vector<zone::rrset> filled;
  sets.move_to(filled);
  for (auto& set : filled)
    add_static(std::move(set));
}

std::expected<void, config_error> zone_plan::read_name_servers(const zone_config& config) {
  if (config.name_servers.empty())
    return std::unexpected(
        config_error{"[[dns.name_server]] is missing: a zone needs at least one name server"});
  for (const auto& host : config.name_servers) {
    const auto target = resolve(host.name, "name server");
    if (!target)
      return std::unexpected(target.error());
    if (zone_of(*target) && host.addresses.empty())
      return std::unexpected(
          config_error{"name server \"" + host.name + "\" lies in the zone and needs addresses"});
    for (const auto& zone : zones_) {
      zone::rrset ns{
          zone.apex, zone::rr_type::ns, infrastructure_ttl_s, {zone::ns_rdata{*target}}, 0};
      delegate(zone, ns);
      add_static(std::move(ns));
    }
    add_addresses(*target, host.addresses, infrastructure_ttl_s);
  }
  return {};
}

/// In the zone above, ours or not, for everybody who may ask.
void zone_plan::delegate(const planned_zone& zone, const zone::rrset& ns) {
  if (zone.internal || zone.apex == domain_)
    return;
  if (how_ == deployment::delegated)
    merge_into(parent_rrsets_, ns);
  else if (const auto above = zone_of(zone.apex.parent()))
    merge_into(frames_[*above].rrsets, ns);
}

std::expected<void, config_error> zone_plan::read_infrastructure(const zone_config& config) {
  if (auto done = read_name_servers(config); !done)
    return done;
  const auto bootstrap = domain_.descendant("_eventserver._tcp");
  if (!bootstrap)
    return too_long("for _eventserver._tcp");
  promise(*bootstrap, false);
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
  role_names names{manner_of(role, soa_.minimum_s), std::nullopt, {}, {}, role.ring};
  if (role.is_public)
    if (auto done = read_public_names(role, names); !done)
      return done;
  if (auto done = read_overlay_names(role, names); !done)
    return done;
  if (auto done = read_lookup_name(role, names); !done)
    return done;
  role_names_.push_back(std::move(names));
  return {};
}

std::expected<void, config_error> zone_plan::read_public_names(const role_definition& role,
                                                               role_names& into) {
  if (!role.address_name.empty()) {
    const auto owner = resolve_in_role(role, role.address_name);
    if (!owner)
      return std::unexpected(owner.error());
    if (const auto where = promise(*owner, true))
      into.address = {*where, *owner};
  }
  for (const auto& srv : role.services) {
    const auto owner = resolve_in_role(role, srv.owner);
    if (!owner)
      return std::unexpected(owner.error());
    if (const auto where = promise(*owner, true))
      into.services.push_back({*where, *owner, srv.port_key, srv.default_port});
    else
      return std::unexpected(
          config_error{"role " + role.role + ": " + owner->text() + " lies in no zone of ours"});
  }
  if (auto done = read_static_records(role); !done)
    return done;
  return how_ == deployment::delegated ? read_parent(role) : std::expected<void, config_error>{};
}

std::expected<void, config_error> zone_plan::read_static_records(const role_definition& role) {
  std::expected<void, config_error> done;
  const auto add = [&](const std::string& text, zone::rr_type type, zone::rdata record) {
    const auto owner = resolve_in_role(role, text);
    if (owner)
      add_static({*owner, type, role.static_ttl_s, {std::move(record)}, 0});
    else
      done = std::unexpected(owner.error());
  };
  for (const auto& rule : role.naptr) {
    const auto replacement = resolve_in_role(role, rule.replacement);
    if (!replacement)
      return std::unexpected(replacement.error());
    add(rule.owner, zone::rr_type::naptr, naptr_of(rule, *replacement));
  }
  for (const auto& rule : role.texts)
    add(rule.owner, zone::rr_type::txt, txt_of(rule, domain_));
  for (const auto& rule : role.uris)
    add(rule.owner, zone::rr_type::uri, uri_of(rule, domain_));
  return done;
}

/// `<role>.role.<domain>`, and the role's services below it.
std::expected<void, config_error> zone_plan::read_overlay_names(const role_definition& role,
                                                                role_names& into) {
  const auto parent = domain_.child(role_label);
  const auto where = parent ? zone_of(*parent) : std::nullopt;
  if (!where || !zones_[*where].internal)
    return {};
  const auto owner = parent->child(role.role);
  if (!owner)
    return too_long("to name role " + role.role + " below it");
  promise(*owner, true);
  const srv_service main = role.services.empty() ? srv_service{} : role.services.front();
  into.overlay_services.push_back({*where, *owner, main.port_key, main.default_port});
  for (const auto& srv : role.services) {
    const auto below = owner->descendant(srv.owner);
    if (!below)
      return too_long("to name the services of role " + role.role);
    promise(*below, true);
    into.overlay_services.push_back({*where, *below, srv.port_key, srv.default_port});
  }
  return {};
}

/// `<role>.lookup.<domain>`, where there are names below it.
std::expected<void, config_error> zone_plan::read_lookup_name(const role_definition& role,
                                                              role_names& into) {
  const auto parent = domain_.child(lookup_label);
  const auto where = parent ? zone_of(*parent) : std::nullopt;
  if (!role.ring || !where || !zones_[*where].synthesised ||
      !(role.is_public || zones_[*where].internal))
    return {};
  auto owner = parent->child(role.role);
  if (!owner || !owner->child(lookup::hash_label(0)))
    return too_long("to look up keys of role " + role.role + " below it");
  frames_[*where].promised.push_back({*owner, true, nullptr, true});
  into.lookup_name = {*where, *std::move(owner)};
  return {};
}

/// The domain's own names, in a parent that cannot follow members: they lead to the role's zone.
std::expected<void, config_error> zone_plan::read_parent(const role_definition& role) {
  if (role.address_name.empty())
    return {};
  const auto target = resolve(role.address_name, "role " + role.role + ":");
  if (!target)
    return std::unexpected(target.error());
  for (const auto& srv : role.services)
    if (const auto owner = domain_.descendant(srv.owner))
      merge_into(parent_rrsets_,
                 {*owner,
                  zone::rr_type::srv,
                  role.static_ttl_s,
                  {zone::srv_rdata{parent_priority, parent_weight, srv.default_port, *target}},
                  0});
  for (const auto& rule : role.naptr)
    if (const auto replacement = resolve_in_role(role, rule.replacement);
        replacement && rule.owner == "@")
      merge_into(
          parent_rrsets_,
          {domain_, zone::rr_type::naptr, role.static_ttl_s, {naptr_of(rule, *replacement)}, 0});
  return {};
}

// ---- and their records now

std::vector<zone::zone_input>
zone_plan::describe_frames(bool known, const std::vector<zone::rrset>& operator_rrsets,
                           std::uint32_t serial) const {
  std::vector<zone::zone_input> zones;
  for (std::size_t i = 0; i < zones_.size(); ++i) {
    zones.push_back({.apex = zones_[i].apex,
                     .id = zones_[i].id,
                     .soa = soa_,
                     .soa_ttl_s = soa_ttl_s_,
                     .rrsets = frames_[i].rrsets,
                     .promised = frames_[i].promised,
                     .dynamic_known = known});
    zones.back().soa.serial = serial;
  }
  for (const auto& set : operator_rrsets)
    if (const auto where = zone_of(set.owner, set.type)) {
      if (set.type == zone::rr_type::soa)
        use_soa(zones[*where], set);
      else
        zones[*where].rrsets.push_back(set);
    }
  return zones;
}

std::vector<zone::zone_input>
zone_plan::describe_unknown(const std::vector<zone::rrset>& operator_rrsets,
                            std::uint32_t serial) const {
  return describe_frames(false, operator_rrsets, serial);
}

std::vector<zone::zone_input> zone_plan::describe(const model::member_map& members,
                                                  const node_names& names,
                                                  const std::vector<zone::rrset>& operator_rrsets,
                                                  std::uint32_t serial) const {
  auto zones = describe_frames(true, operator_rrsets, serial);
  zones[node_zone_].leaves = names.nodes();
  std::map<std::string_view, std::vector<holder>> active;
  for (const auto& [id, member] : members)
    if (const auto* const owner = names.find(id))
      for (const auto& [role, offer] : member.what.roles)
        if (offer.state == model::role_state::active)
          active[role].push_back({&member, *owner});
  describe_roles(active, zones);
  describe_lookups(members, zones);
  for (const auto& role : role_names_)
    if (!role.overlay_services.empty()) {
      const auto& overlay_name = role.overlay_services.front();
      zones[overlay_name.zone].rrsets.push_back(
          role_text(overlay_name.owner, role.how, role.ring, members));
    }
  return zones;
}

void zone_plan::describe_roles(const std::map<std::string_view, std::vector<holder>>& active,
                               std::vector<zone::zone_input>& zones) const {
  static const std::vector<holder> nobody;
  for (const auto& role : role_names_) {
    const auto found = active.find(role.how.role);
    const auto& who = found == active.end() ? nobody : found->second;
    for (const auto* services : {&role.services, &role.overlay_services})
      for (const auto& [zone, owner, port_key, default_port] : *services)
        if (auto set = srv_rrset(role.how, sites_, owner, port_key, default_port, who);
            !set.records.empty())
          zones[zone].rrsets.push_back(std::move(set));
    if (!role.address)
      continue;
    address_rrsets addresses(role.address->owner, role.how.ttl_s, role.how.slice);
    for (const auto& [member, target] : who)
      addresses.add(member->what.addresses);
    addresses.move_to(zones[role.address->zone].rrsets);
  }
}

void zone_plan::describe_lookups(const model::member_map& members,
                                 std::vector<zone::zone_input>& zones) const {
  for (std::size_t i = 0; i < role_names_.size(); ++i) {
    const auto& name = role_names_[i].lookup_name;
    if (!name)
      continue;
    const auto& services = roles_[i].services;
    const srv_service main = services.empty() ? srv_service{} : services.front();
    const looked_up_role role{roles_[i].role, role_names_[i].how.ttl_s, main.port_key,
                              main.default_port};
    auto& promised = zones[name->zone].promised;
    std::ranges::find(promised, name->owner, &zone::promised_name::owner)->below =
        std::make_shared<const lookup_names>(role, members, node_parent_);
  }
}

// ---- what is left to the operator

zone::rrset zone_plan::configured_soa(const zone::name& apex) const {
  return {apex, zone::rr_type::soa, soa_ttl_s_, {soa_}, 0};
}

void use_soa(zone::zone_input& zone, const zone::rrset& set) {
  const auto serial = zone.soa.serial;
  zone.soa = std::get<zone::soa_rdata>(set.records.front());
  zone.soa.serial = serial;
  zone.soa_ttl_s = set.ttl_s;
}

std::string zone_plan::reserved(std::uint32_t zone_id, const zone::name& owner,
                                zone::rr_type type) const {
  const auto where = zone_of(owner, type);
  if (!where)
    return owner.text() + " lies in no zone of the overlay";
  const auto& zone = zones_[*where];
  if (zone.id != zone_id)
    return owner.text() + " belongs to the zone " + zone.apex.text();
  if (type == zone::rr_type::soa)
    return owner == zone.apex ? "" : "an SOA stands at the apex";
  if (owner == zone.apex && type == zone::rr_type::ns)
    return "NS at the apex come from [[dns.name_server]]";
  if (owner != node_parent_ && owner.is_at_or_below(node_parent_))
    return "names below " + node_parent_.text() + " belong to the members";
  if (zone.synthesised && owner != zone.apex)
    return "names below " + zone.apex.text() + " are worked out from the members";
  if (zone.internal && owner != zone.apex)
    return "names below " + zone.apex.text() + " belong to the roles";
  for (const auto& set : frames_[*where].rrsets)
    if (set.owner == owner && set.type == type)
      return "this record comes from configuration or a role definition";
  for (const auto& own : frames_[*where].promised) {
    if (type == zone::rr_type::cname && own.owner == owner)
      return "records of Thor's own stand here, and a CNAME stands beside no other data";
    const bool hides = type == zone::rr_type::ns || type == zone::rr_type::dname;
    if (hides && own.owner.is_at_or_below(owner))
      return "it would hide " + own.owner.text() + ", which is Thor's own";
  }
  for (const auto& role : role_names_) {
    const bool address = type == zone::rr_type::a || type == zone::rr_type::aaaa;
    if (address && role.address && role.address->owner == owner)
      return "addresses here are those of role " + role.how.role;
    for (const auto& service : role.services)
      if (type == zone::rr_type::srv && service.owner == owner)
        return "SRV records here are those of role " + role.how.role;
  }
  return "";
}

} // namespace thor::dns
