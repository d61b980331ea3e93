#include "coordinator/monitor/member_json.hpp"

#include "coordinator/model/database.hpp"
#include "coordinator/model/presence.hpp"

#include <utility>

namespace thor::monitor {

namespace json = boost::json;

namespace {

json::object role_object(const model::role_offer& offer) {
  json::object ports;
  for (const auto& [service, port] : offer.ports)
    ports[service] = port;
  return {{"state", model::to_string(offer.state)},
          {"priority", offer.priority},
          {"weight", offer.weight},
          {"ports", std::move(ports)}};
}

} // namespace

json::object member_object(const model::member& m, bool myself) {
  const auto& p = m.what;
  json::array addresses;
  for (const auto& address : p.addresses)
    addresses.emplace_back(address.text());
  json::object roles;
  for (const auto& [role, offer] : p.roles)
    roles[role] = role_object(offer);
  json::object attributes;
  for (const auto& [key, value] : p.attributes)
    if (!key.starts_with(model::database_attribute_prefix) && // in "databases", without passwords
        !key.starts_with(model::attribute_health_prefix))     // in "health"
      attributes[key] = value;
  json::object health;
  for (const auto& [role, verdict] : model::health_of(p))
    health[role] = verdict;
  return {{"id", p.id.text()},
          {"addresses", std::move(addresses)},
          {"roles", std::move(roles)},
          {"site", p.site},
          {"software", p.software},
          {"attributes", std::move(attributes)},
          {"health", std::move(health)},
          {"incarnation", p.at.incarnation},
          {"sequence", p.at.sequence},
          {"since", m.since.time_since_epoch().count()},
          {"myself", myself}};
}

json::array databases_array(const model::member_map& members) {
  json::array out;
  for (const auto& one : model::databases(members))
    out.push_back(json::object{{"id", one.id},
                               {"address", one.address.text()},
                               {"priority", one.priority},
                               {"uri", one.uri}});
  return out;
}

} // namespace thor::monitor
