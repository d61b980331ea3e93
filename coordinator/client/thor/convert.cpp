#include "coordinator/client/thor/convert.hpp"

#include "coordinator/runtime/endpoint.hpp"

namespace thor {
namespace {

role_offer to_public(const model::role_offer& offer) {
  return {.state =
              offer.state == model::role_state::active ? role_state::active : role_state::draining,
          .ports = offer.ports,
          .priority = offer.priority,
          .weight = offer.weight};
}

model::role_offer to_model(const role_offer& offer) {
  return {.state = offer.state == role_state::active ? model::role_state::active
                                                     : model::role_state::draining,
          .ports = offer.ports,
          .priority = offer.priority,
          .weight = offer.weight};
}

} // namespace

member to_public(const model::member& m) {
  member out{.id = m.what.id.text(),
             .addresses = {},
             .roles = {},
             .site = m.what.site,
             .software = m.what.software,
             .attributes = m.what.attributes,
             .incarnation = m.what.at.incarnation,
             .sequence = m.what.at.sequence,
             .since = m.since};
  for (const auto& address : m.what.addresses) {
    out.addresses.push_back(runtime::to_asio(address));
  }
  for (const auto& [role, offer] : m.what.roles) {
    out.roles.emplace(role, to_public(offer));
  }
  return out;
}

departure to_public(std::optional<model::withdrawal> why) {
  if (!why) {
    return departure::unknown;
  }
  switch (*why) {
  case model::withdrawal::left:
    return departure::left;
  case model::withdrawal::closed:
    return departure::closed;
  case model::withdrawal::silent:
    return departure::silent;
  case model::withdrawal::replaced:
    return departure::replaced;
  case model::withdrawal::revoked:
    return departure::revoked;
  case model::withdrawal::expired:
    return departure::expired;
  }
  return departure::unknown;
}

lookup::placement to_lookup(placement what_for) {
  return what_for == placement::fresh ? lookup::placement::fresh : lookup::placement::existing;
}

std::expected<model::presence, std::string> to_model(const presence& p, const model::node_id& id) {
  model::presence out{id, {}, {}, {}, p.site, {}, p.attributes};
  for (const auto& address : p.addresses) {
    out.addresses.push_back(runtime::from_asio(address));
  }
  for (const auto& [role, offer] : p.roles) {
    out.roles.emplace(role, to_model(offer));
  }
  auto checked = out;
  if (checked.addresses.empty()) { // to be filled in
    checked.addresses.push_back(model::ip_address::v4({127, 0, 0, 1}));
  }
  if (const auto valid = model::validate(checked); !valid) {
    return std::unexpected("cannot be announced: " + valid.error().detail);
  }
  return out;
}

} // namespace thor
