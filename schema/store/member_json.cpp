#include "schema/store/member_json.hpp"

#include <boost/json.hpp>

#include <cstdint>
#include <limits>

namespace thor::store {
namespace {

namespace json = boost::json;

std::optional<json::value> parse(std::string_view text) {
  boost::system::error_code failure;
  json::parse_options options;
  options.allow_invalid_utf8 = true; // a presence may hold any octets
  json::value value = json::parse({text.data(), text.size()}, failure, {}, options);
  return failure ? std::nullopt : std::optional(std::move(value));
}

std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}
std::string_view view(json::string_view text) {
  return {text.data(), text.size()};
}

std::optional<std::uint16_t> read_u16(const json::value* value) {
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0 ||
      value->get_int64() > std::numeric_limits<std::uint16_t>::max()) {
    return std::nullopt;
  }
  return static_cast<std::uint16_t>(value->get_int64());
}

std::optional<model::role_state> read_state(const json::value* value) {
  if (value != nullptr && value->is_string()) {
    for (const auto state : {model::role_state::active, model::role_state::draining}) {
      if (view(value->get_string()) == to_string(state)) {
        return state;
      }
    }
  }
  return std::nullopt;
}

std::optional<model::role_offer> read_offer(const json::value& value) {
  const json::object* const fields = value.if_object();
  if (fields == nullptr) {
    return std::nullopt;
  }
  const auto state = read_state(fields->if_contains("state"));
  const auto priority = read_u16(fields->if_contains("priority"));
  const auto weight = read_u16(fields->if_contains("weight"));
  const json::value* const ports = fields->if_contains("ports");
  if (!state || !priority || !weight || ports == nullptr || !ports->is_object()) {
    return std::nullopt;
  }
  model::role_offer offer{.state = *state, .ports = {}, .priority = *priority, .weight = *weight};
  for (const auto& [service, number] : ports->get_object()) {
    const auto port = read_u16(&number);
    if (!port) {
      return std::nullopt;
    }
    offer.ports.emplace(view(service), *port);
  }
  return offer;
}

} // namespace

std::string addresses_json(const std::vector<model::ip_address>& addresses) {
  json::array array;
  for (const model::ip_address& address : addresses) {
    array.emplace_back(address.text());
  }
  return json::serialize(array);
}

std::string roles_json(const std::map<std::string, model::role_offer>& roles) {
  json::object object;
  for (const auto& [role, offer] : roles) {
    json::object ports;
    for (const auto& [service, port] : offer.ports) {
      ports.emplace(service, port);
    }
    object.emplace(role, json::object{{"state", to_string(offer.state)},
                                      {"priority", offer.priority},
                                      {"weight", offer.weight},
                                      {"ports", std::move(ports)}});
  }
  return json::serialize(object);
}

std::string attributes_json(const std::map<std::string, std::string>& attributes) {
  json::object object;
  for (const auto& [key, value] : attributes) {
    object.emplace(key, value);
  }
  return json::serialize(object);
}

std::optional<std::vector<model::ip_address>> read_addresses(std::string_view text) {
  const auto value = parse(text);
  if (!value || !value->is_array()) {
    return std::nullopt;
  }
  std::vector<model::ip_address> addresses;
  for (const json::value& element : value->get_array()) {
    if (!element.is_string()) {
      return std::nullopt;
    }
    const auto address = model::ip_address::parse(view(element.get_string()));
    if (!address) {
      return std::nullopt;
    }
    addresses.push_back(*address);
  }
  return addresses;
}

std::optional<std::map<std::string, model::role_offer>> read_roles(std::string_view text) {
  const auto value = parse(text);
  if (!value || !value->is_object()) {
    return std::nullopt;
  }
  std::map<std::string, model::role_offer> roles;
  for (const auto& [role, fields] : value->get_object()) {
    auto offer = read_offer(fields);
    if (!offer) {
      return std::nullopt;
    }
    roles.emplace(view(role), *std::move(offer));
  }
  return roles;
}

std::optional<std::map<std::string, std::string>> read_attributes(std::string_view text) {
  const auto value = parse(text);
  if (!value || !value->is_object()) {
    return std::nullopt;
  }
  std::map<std::string, std::string> attributes;
  for (const auto& [key, element] : value->get_object()) {
    if (!element.is_string()) {
      return std::nullopt;
    }
    attributes.emplace(view(key), view(element.get_string()));
  }
  return attributes;
}

} // namespace thor::store
