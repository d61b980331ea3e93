#include "coordinator/model/presence.hpp"

#include <algorithm>
#include <charconv>
#include <ranges>
#include <set>

namespace thor::model {

namespace {

using checked = std::expected<void, error>;

std::unexpected<error> refuse(errc code, std::string where, std::string_view why) {
  return std::unexpected(error{code, std::move(where.append(": ").append(why))});
}

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Text for people ends in terminals and logs: no control characters, neither C0 nor C1 (the latter
// are two octets in UTF-8).
bool has_control(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7f)
      return true;
    if (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0)
      return true;
  }
  return false;
}

bool is_printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_service_label(std::string_view text) {
  // One octet less than a label: the zone puts the underscore in front.
  return !text.empty() && text.size() <= 62 && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

bool is_publishable(const ip_address& a) {
  if (a.is_v4()) {
    const auto o = a.v4_octets();
    return o != std::array<std::uint8_t, 4>{} && o[0] < 224;
  }
  const auto o = a.v6_octets();
  const bool link_local = o[0] == 0xfe && (o[1] & 0xc0) == 0x80;
  return o != std::array<std::uint8_t, 16>{} && o[0] != 0xff && !link_local;
}

checked validate_addresses(const std::vector<ip_address>& addresses) {
  if (addresses.empty())
    return refuse(errc::bad_address, "addresses", "at least one is needed");
  if (addresses.size() > addresses_max)
    return refuse(errc::bad_address, "addresses",
                  "at most " + std::to_string(addresses_max) + " are allowed");
  std::set<ip_address> seen;
  for (const auto& a : addresses) {
    if (!is_publishable(a))
      return refuse(errc::bad_address, "addresses",
                    a.text() + " is not an address others can send to");
    if (!seen.insert(a).second)
      return refuse(errc::bad_address, "addresses", a.text() + " is there twice");
  }
  return {};
}

checked validate_offer(const std::string& role, const role_offer& offer) {
  if (!is_role_name(role))
    return refuse(errc::bad_role, "roles",
                  printable(role) + " is not a role name ([a-z][a-z0-9_]*, at most 63 octets)");
  if (offer.ports.size() > ports_per_role_max)
    return refuse(errc::bad_value, "roles." + role + ".ports",
                  "at most " + std::to_string(ports_per_role_max) + " are allowed");
  for (const auto& [service, port] : offer.ports)
    if (!is_port_key(service))
      return refuse(errc::bad_value, "roles." + role + ".ports",
                    "services are written like \"sip.udp\"");
  return {};
}

checked validate_roles(const std::map<std::string, role_offer>& roles) {
  if (roles.size() > roles_max)
    return refuse(errc::bad_role, "roles", "at most " + std::to_string(roles_max) + " are allowed");
  for (const auto& [role, offer] : roles)
    if (auto ok = validate_offer(role, offer); !ok)
      return ok;
  return {};
}

checked validate_attributes(const std::map<std::string, std::string>& attributes) {
  if (attributes.size() > attributes_max)
    return refuse(errc::bad_value, "attributes",
                  "at most " + std::to_string(attributes_max) + " are allowed");
  for (const auto& [key, value] : attributes) {
    // The key of a TXT string (RFC 6763 section 6.4).
    if (key.empty() || key.size() > attribute_key_octets_max || !is_printable_ascii(key) ||
        key.contains('='))
      return refuse(errc::bad_value, "attributes",
                    "a key is 1 to " + std::to_string(attribute_key_octets_max) +
                        " printable ASCII characters without space and '='");
    if (value.size() > attribute_value_octets_max)
      return refuse(errc::bad_value, "attributes." + key,
                    "at most " + std::to_string(attribute_value_octets_max) +
                        " octets are allowed");
    if (has_control(value))
      return refuse(errc::bad_value, "attributes." + key, "control characters are not allowed");
  }
  return {};
}

} // namespace

std::string_view to_string(role_state state) {
  switch (state) {
  case role_state::active:
    return "active";
  case role_state::draining:
    return "draining";
  }
  return "unknown";
}

bool is_role_name(std::string_view text) {
  return !text.empty() && text.size() <= role_octets_max && is_lower(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
}

std::expected<void, error> validate(const presence& p) {
  if (auto ok = validate_addresses(p.addresses); !ok)
    return ok;
  if (auto ok = validate_roles(p.roles); !ok)
    return ok;
  if (p.site.size() > site_octets_max || !is_printable_ascii(p.site))
    return refuse(errc::bad_value, "site",
                  "at most " + std::to_string(site_octets_max) +
                      " printable ASCII characters without space");
  if (p.software.size() > software_octets_max || has_control(p.software))
    return refuse(errc::bad_value, "software",
                  "at most " + std::to_string(software_octets_max) +
                      " octets without control characters");
  return validate_attributes(p.attributes);
}

bool is_overlay_role(std::string_view role) {
  return role.starts_with("thor_");
}

bool is_in_dns(const presence& p) {
  return p.roles.empty() ||
         !std::ranges::all_of(p.roles, [](const auto& r) { return is_overlay_role(r.first); });
}

std::optional<std::uint64_t> capacity_of(const presence& p) {
  const auto found = p.attributes.find(std::string(attribute_capacity));
  if (found == p.attributes.end())
    return std::nullopt;
  std::uint64_t value = 0;
  const auto* end = found->second.data() + found->second.size();
  const auto [stop, failure] = std::from_chars(found->second.data(), end, value);
  if (failure != std::errc() || stop != end)
    return std::nullopt;
  return value;
}

std::map<std::string, std::string> health_of(const presence& p) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : p.attributes)
    if (key.starts_with(attribute_health_prefix))
      out.emplace(key.substr(attribute_health_prefix.size()), value);
  return out;
}

bool is_port_key(std::string_view text) {
  const auto dot = text.find('.');
  return dot != std::string_view::npos && is_service_label(text.substr(0, dot)) &&
         is_service_label(text.substr(dot + 1));
}

bool dns_relevant_change(const presence& a, const presence& b) {
  if (is_in_dns(a) != is_in_dns(b))
    return true;
  if (!is_in_dns(a))
    return false;
  const auto shown = std::views::filter([](const auto& r) { return !is_overlay_role(r.first); });
  return a.addresses != b.addresses || a.site != b.site || capacity_of(a) != capacity_of(b) ||
         !std::ranges::equal(a.roles | shown, b.roles | shown);
}

} // namespace thor::model
