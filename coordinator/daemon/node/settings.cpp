#include "coordinator/daemon/node/settings.hpp"

#include "coordinator/probe/own_address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace thor::node {
namespace {

/// Roles of the overlay's own programs are not offered by a node.
constexpr std::string_view own_role_prefix = "thor_";

std::vector<std::string> read_roles(runtime::section& table) {
  auto roles = table.texts("roles", {});
  for (const auto& role : roles) {
    if (!model::is_role_name(role)) {
      table.reject("roles",
                   fmt::format("has \"{}\", which is no role name such as sip_proxy", role));
    }
  }
  return roles;
}

std::map<std::string, std::string> read_attributes(runtime::section table) {
  std::map<std::string, std::string> out;
  for (const auto& key : table.names()) {
    out.emplace(key, table.text(key, ""));
    if (key.starts_with(model::attribute_health_prefix)) {
      table.reject(key, "is what this node says of its checks");
    }
  }
  return out;
}

model::role_offer read_offer(runtime::section& table) {
  constexpr std::int64_t uint16_max = std::numeric_limits<std::uint16_t>::max();
  model::role_offer out;
  out.priority = static_cast<std::uint16_t>(table.integer("priority", out.priority, 0, uint16_max));
  out.weight = static_cast<std::uint16_t>(table.integer("weight", out.weight, 0, uint16_max));
  auto ports = table.table("ports");
  for (const auto& service : ports.names()) {
    out.ports[service] = static_cast<std::uint16_t>(ports.integer(service, 0, 0, uint16_max));
  }
  return out;
}

/// The bounds that a presence has anyway.
void check_bounds(const settings& how, runtime::section& table) {
  const auto any_id = model::node_id::parse("node");
  const auto any_address = model::ip_address::v4({192, 0, 2, 1});
  model::presence whole{*any_id,         {}, how.member.addresses, how.offers,
                        how.member.site, {}, how.attributes};
  if (whole.addresses.empty()) {
    whole.addresses.push_back(any_address);
  }
  if (const auto valid = model::validate(whole); !valid) {
    table.reject("", fmt::format("is out of bounds: {}", valid.error().detail));
  }
  if (how.attributes.contains(std::string(model::attribute_capacity)) &&
      !model::capacity_of(whole)) {
    table.table("attributes")
        .reject(model::attribute_capacity, "must be a whole number in quotes, such as \"250\"");
  }
}

} // namespace

settings read_settings(runtime::config& from) {
  auto table = from.table("node");
  settings out;
  out.roles = read_roles(table);
  out.member = runtime::read_member(table);
  out.attributes = read_attributes(table.table("attributes"));
  auto offers = table.table("role");
  for (const auto& role : offers.names()) {
    auto one = offers.table(role);
    out.offers.emplace(role, read_offer(one));
    if (auto checks = read_checks(one, role, out.offers.at(role))) {
      out.given_checks.emplace(role, std::move(*checks));
    }
  }
  out.text = read_text_port(table.table("lookup"));
  out.hooks = read_hooks(table);
  out.figures = read_figure_sources(table);
  out.sources = read_sources(table.table("attribute_source"));
  check_bounds(out, table);
  return out;
}

std::expected<model::presence, std::string>
make_presence(const settings& how, const identity::peer& self, model::role_state state) {
  auto addresses = runtime::addresses_of(how.member, self, "node");
  if (!addresses) {
    return std::unexpected(addresses.error());
  }
  model::presence out{self.id, {}, std::move(*addresses), {}, how.member.site, {}, how.attributes};
  auto roles = how.roles;
  if (roles.empty()) {
    std::ranges::copy_if(self.roles, std::back_inserter(roles),
                         [](const auto& role) { return !role.starts_with(own_role_prefix); });
  }
  if (roles.empty()) {
    return std::unexpected(fmt::format(
        "the certificate of {} has no OU that is a role to offer; install one that has, from "
        "thor-ca issue ID --role ROLE",
        self.id.text()));
  }
  for (const auto& role : roles) {
    if (!self.has_role(role)) {
      return std::unexpected(
          fmt::format("roles in [node] has \"{}\", but the certificate of {} has no such OU", role,
                      self.id.text()));
    }
    const auto configured = how.offers.find(role);
    auto& offer = out.roles[role];
    offer = configured == how.offers.end() ? model::role_offer{} : configured->second;
    offer.state = state;
  }
  if (const auto valid = model::validate(out); !valid && !out.addresses.empty()) {
    return std::unexpected(valid.error().detail);
  }
  return out;
}

role_checks checks_of(const settings& how, const model::presence& announced) {
  const auto own = probe::own_address(announced.addresses);
  role_checks out;
  for (const auto& [role, offer] : announced.roles) {
    const auto given = how.given_checks.find(role);
    out[role] = given == how.given_checks.end() ? default_checks(role, offer) : given->second;
    fill_in(out[role], own);
  }
  return out;
}

std::expected<void, std::string> check(const settings& how, const identity::peer& self) {
  const auto said = make_presence(how, self, model::role_state::active);
  if (!said) {
    return std::unexpected(said.error());
  }
  auto most = *said;
  for (const auto& [role, checks] : checks_of(how, *said)) {
    if (!checks.empty()) {
      most.attributes[std::string(model::attribute_health_prefix) + role];
    }
  }
  for (const auto& [name, source] : how.sources) {
    most.attributes[name];
  }
  if (most.addresses.empty()) {
    most.addresses.push_back(model::ip_address::v4({192, 0, 2, 1}));
  }
  if (const auto valid = model::validate(most); !valid) {
    return std::unexpected(fmt::format("[node] with what checks and sources of attributes add is "
                                       "out of bounds: {}",
                                       valid.error().detail));
  }
  return {};
}

} // namespace thor::node
