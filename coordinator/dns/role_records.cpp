#include "coordinator/dns/role_records.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace thor::dns {

namespace {

constexpr std::size_t string_octets_max = 255; // RFC 1035 section 3.3

zone::rdata address_rdata(const model::ip_address& address) {
  if (address.is_v4())
    return zone::a_rdata{address.v4_octets()};
  return zone::aaaa_rdata{address.v6_octets()};
}

std::string expand_domain(std::string text, const zone::name& domain) {
  static constexpr std::string_view placeholder = "{domain}";
  std::string plain = domain.text();
  plain.pop_back();
  for (auto at = text.find(placeholder); at != std::string::npos;
       at = text.find(placeholder, at + plain.size()))
    text.replace(at, placeholder.size(), plain);
  return text;
}

std::uint16_t weight_of(const model::presence& who, const model::role_offer& offer,
                        weight_source from) {
  if (from == weight_source::presence)
    return offer.weight;
  // Weight 0 would mean "hardly ever" (RFC 2782), which a member says by draining.
  constexpr std::uint64_t most = std::numeric_limits<std::uint16_t>::max();
  const auto capacity = model::capacity_of(who);
  return capacity ? static_cast<std::uint16_t>(std::clamp(*capacity, std::uint64_t{1}, most))
                  : offer.weight;
}

} // namespace

std::vector<zone::rdata> addresses_of(const model::presence& who) {
  std::vector<zone::rdata> out;
  out.reserve(who.addresses.size());
  for (const auto& address : who.addresses)
    out.push_back(address_rdata(address));
  return out;
}

address_rrsets::address_rrsets(const zone::name& owner, std::uint32_t ttl_s, std::uint16_t slice)
    : v4{owner, zone::rr_type::a, ttl_s, {}, slice}
    , v6{owner, zone::rr_type::aaaa, ttl_s, {}, slice} {}

void address_rrsets::add(const std::vector<model::ip_address>& addresses) {
  for (const auto& address : addresses)
    (address.is_v4() ? v4 : v6).records.push_back(address_rdata(address));
}

void address_rrsets::move_to(std::vector<zone::rrset>& out) {
  if (!v4.records.empty())
    out.push_back(std::move(v4));
  if (!v6.records.empty())
    out.push_back(std::move(v6));
}

member_manner manner_of(const role_definition& role, std::uint32_t negative_ttl_s) {
  return {.role = role.role,
          .ttl_s = role.member_ttl_s,
          .null_ttl_s = std::min(role.member_ttl_s, negative_ttl_s),
          .slice = role.slice == 0 ? answer_records_max : role.slice,
          .weights = role.weights,
          .null_target = role.null_target};
}

zone::rrset srv_rrset(const member_manner& how, const site_views& sites, const zone::name& owner,
                      const std::string& port_key, std::uint16_t default_port,
                      std::span<const holder> holders) {
  zone::rrset set{owner, zone::rr_type::srv, how.ttl_s, {}, how.slice};
  for (const auto& [member, target] : holders) {
    const auto& offer = member->what.roles.at(how.role);
    const auto port = offer.ports.find(port_key);
    const bool told = port != offer.ports.end();
    if (told && port->second == 0)
      continue; // this member does not offer the service
    sites.add(set,
              {offer.priority, weight_of(member->what, offer, how.weights),
               told ? port->second : default_port, target},
              member->what.site);
  }
  if (set.records.empty() && how.null_target) {
    set.ttl_s = how.null_ttl_s;
    set.records.push_back(zone::srv_rdata{0, 0, 0, zone::name()});
  }
  return set;
}

zone::rdata naptr_of(const naptr_rule& rule, const zone::name& replacement) {
  return zone::naptr_rdata{rule.order, rule.preference, rule.flags, rule.service, "", replacement};
}

zone::rdata txt_of(const txt_rule& rule, const zone::name& domain) {
  const auto whole = expand_domain(rule.text, domain);
  zone::txt_rdata out;
  for (std::size_t at = 0; at < whole.size(); at += string_octets_max)
    out.strings.push_back(whole.substr(at, string_octets_max));
  return out;
}

zone::rdata uri_of(const uri_rule& rule, const zone::name& domain) {
  return zone::opaque_rdata{std::to_string(rule.priority) + " " + std::to_string(rule.weight) +
                            " \"" + expand_domain(rule.target, domain) + "\""};
}

} // namespace thor::dns
