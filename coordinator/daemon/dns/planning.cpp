#include "coordinator/daemon/dns/planning.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace thor::dns {

namespace {

template <typename T>
T value_or_throw(std::expected<T, config_error> made) {
  if (!made)
    throw std::runtime_error("[dns] makes no zone: " + made.error().detail);
  return *std::move(made);
}

zone_config config_of(const zone::name& domain, const settings& how) {
  return {.domain = domain,
          .how = how.where,
          .internal = how.internal.has_value(),
          .lookup = how.lookup,
          .ids = {},
          .soa = how.soa,
          .name_servers = how.name_servers,
          .event_servers = how.event_servers,
          .roles = how.roles,
          .sites = how.sites,
          .other_site_penalty = how.other_site_penalty};
}

} // namespace

zone::name domain_of(const identity::peer& self) {
  auto name = zone::name::parse(self.domain);
  if (!name)
    throw std::runtime_error(fmt::format("the certificate's domain \"{}\" is no DNS name: {}",
                                         self.domain, name.error().detail));
  return *std::move(name);
}

zone_plan plan_of(const zone::name& domain, const settings& how,
                  const std::function<std::uint32_t(const zone::name& apex)>& id_of) {
  auto config = config_of(domain, how);
  for (const auto& apex : value_or_throw(zone_plan::apexes(config)))
    config.ids.emplace(apex, id_of(apex));
  return value_or_throw(zone_plan::make(std::move(config)));
}

std::expected<zone_plan, config_error> next_plan(const zone_plan& old, const settings& how) {
  auto config = config_of(old.domain(), how);
  for (const auto& zone : old.zones())
    config.ids.emplace(zone.apex, zone.id);
  const auto apexes = zone_plan::apexes(config);
  if (!apexes)
    return std::unexpected(apexes.error());
  for (const auto& apex : *apexes)
    if (!config.ids.contains(apex))
      return std::unexpected(config_error{"the zone " + apex.text() + " is new: restart thor-dns"});
  if (apexes->size() != old.zones().size())
    return std::unexpected(config_error{"a role that has a zone is gone: restart thor-dns"});
  return zone_plan::make(std::move(config));
}

hosting hosting_of(const zone::name& domain, const settings& how) {
  return value_or_throw(hosting::make(domain, how.soa, how.name_servers));
}

} // namespace thor::dns
