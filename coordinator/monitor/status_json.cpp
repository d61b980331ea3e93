#include "coordinator/monitor/status_json.hpp"

#include "coordinator/model/database.hpp"
#include "coordinator/monitor/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <utility>

namespace thor::monitor {

namespace json = boost::json;

std::string status_json(const model::member_map& members) {
  json::object out;
  for (const auto& [id, m] : members) {
    json::array roles;
    for (const auto& [role, offer] : m.what.roles)
      roles.emplace_back(role);
    json::object attributes;
    for (const auto& [key, value] : model::presentable_attributes(m.what))
      attributes[key] = value;
    out[id.text()] = json::object{{"ip", m.what.addresses.front().text()},
                                  {"version", m.what.software},
                                  {"roles", std::move(roles)},
                                  {"attributes", std::move(attributes)}};
  }
  return ascii_json(json::serialize(out));
}

} // namespace thor::monitor
