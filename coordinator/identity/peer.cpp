#include "coordinator/identity/peer.hpp"

#include <algorithm>
#include <utility>

namespace thor::identity {

namespace {

// O is a DNS name as well as an X.520 organizationName: RFC 5280 appendix A.1,
// ub-organization-name.
constexpr std::size_t domain_octets_max = 64;
constexpr std::size_t label_octets_max = 63;

std::unexpected<error> refuse(errc code, std::string detail) {
  return std::unexpected(error{code, std::move(detail)});
}

std::string printable(std::string_view text) {
  return model::printable(text);
}

bool is_ldh_label(std::string_view label) {
  const auto ldh = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !label.empty() && label.size() <= label_octets_max && std::ranges::all_of(label, ldh) &&
         label.front() != '-' && label.back() != '-';
}

// RFC 1123 section 2.1; an all-numeric last label would make an address of it.
bool is_domain(std::string_view name) {
  if (name.size() > domain_octets_max)
    return false;
  while (true) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (!is_ldh_label(label))
      return false;
    if (dot == std::string_view::npos)
      return !std::ranges::all_of(label, [](char c) { return c >= '0' && c <= '9'; });
    name.remove_prefix(dot + 1);
  }
}

} // namespace

std::string_view to_string(errc code) {
  switch (code) {
  case errc::no_domain:
    return "no_domain";
  case errc::bad_node_id:
    return "bad_node_id";
  case errc::bad_role:
    return "bad_role";
  case errc::wrong_domain:
    return "wrong_domain";
  case errc::id_not_in_certificate:
    return "id_not_in_certificate";
  case errc::role_not_in_certificate:
    return "role_not_in_certificate";
  case errc::address_not_in_certificate:
    return "address_not_in_certificate";
  case errc::not_a_manager:
    return "not_a_manager";
  case errc::not_an_event_server:
    return "not_an_event_server";
  case errc::not_a_dns_manager:
    return "not_a_dns_manager";
  case errc::not_yet_valid:
    return "not_yet_valid";
  case errc::expired:
    return "expired";
  case errc::revoked:
    return "revoked";
  case errc::untrusted:
    return "untrusted";
  case errc::bad_certificate:
    return "bad_certificate";
  case errc::bad_signature:
    return "bad_signature";
  case errc::unreadable:
    return "unreadable";
  case errc::unsafe_permissions:
    return "unsafe_permissions";
  }
  return "unknown";
}

std::expected<std::string, error> parse_domain(std::string_view text) {
  std::string name(text);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  if (name.ends_with('.'))
    name.pop_back();
  if (!is_domain(name))
    return refuse(errc::no_domain, printable(text) +
                                       " is not a domain name (letters, digits and hyphens in "
                                       "dot-separated labels, at most 64 octets)");
  return name;
}

std::expected<peer, error> read_profile(const subject& s) {
  if (s.organizations.size() != 1)
    return refuse(errc::no_domain, "the certificate has " + std::to_string(s.organizations.size()) +
                                       " O in its subject; exactly one names the domain");
  auto domain = parse_domain(s.organizations.front());
  if (!domain)
    return refuse(errc::no_domain, "O " + domain.error().detail);

  if (s.common_names.size() != 1)
    return refuse(errc::bad_node_id, "the certificate has " +
                                         std::to_string(s.common_names.size()) +
                                         " CN in its subject; exactly one is the node id");
  auto id = model::node_id::parse(s.common_names.front());
  if (!id)
    return refuse(errc::bad_node_id,
                  "CN " + printable(s.common_names.front()) + ' ' + id.error().detail);

  if (s.units.empty())
    return refuse(errc::bad_role, "the certificate has no OU; each OU is a role its holder may "
                                  "take");
  for (const std::string& unit : s.units)
    if (!model::is_role_name(unit))
      return refuse(errc::bad_role, "OU " + printable(unit) +
                                        " is not a role name (a lower-case letter, then lower-case "
                                        "letters, digits and underscores, at most 63)");

  return peer{.domain = *std::move(domain),
              .id = *std::move(id),
              .roles = {s.units.begin(), s.units.end()},
              .addresses = s.addresses,
              .not_after = s.not_after,
              .serial = s.serial,
              .fingerprint = s.fingerprint,
              .issuer = s.issuer};
}

std::expected<void, error> check_domain(const peer& p, std::string_view domain) {
  if (p.domain != domain)
    return refuse(errc::wrong_domain, "the certificate of " + p.id.text() + " is of domain " +
                                          p.domain + ", not of " + std::string(domain));
  return {};
}

std::expected<void, error> check_event_server(const peer& p) {
  if (!p.has_role(role_event_server))
    return refuse(errc::not_an_event_server,
                  "the certificate of " + p.id.text() + " has no OU thor_eventserver");
  return {};
}

std::expected<void, error> check_dns_manager(const peer& p) {
  if (!p.has_role(role_dns_manager))
    return refuse(errc::not_a_dns_manager,
                  "the certificate of " + p.id.text() + " has no OU thor_dnsmanager");
  return {};
}

std::expected<void, error> check_manager(const peer& p) {
  if (!p.has_role(role_manager))
    return refuse(errc::not_a_manager,
                  "the certificate of " + p.id.text() + " has no OU thor_manager");
  return {};
}

std::expected<void, error> check_author(const peer& p, const model::presence& claimed) {
  if (claimed.id != p.id)
    return refuse(errc::id_not_in_certificate, p.id.text() + " claims the id " + claimed.id.text());
  for (const auto& [role, offer] : claimed.roles)
    if (!p.has_role(role))
      return refuse(errc::role_not_in_certificate, p.id.text() + " claims the role " + role +
                                                       ", which is not an OU of its certificate");
  return {};
}

std::expected<void, error> check_presence(const peer& p, const model::presence& claimed,
                                          const model::ip_address& from,
                                          const std::vector<model::ip_network>& ranges) {
  if (auto author = check_author(p, claimed); !author)
    return author;
  const auto allowed = [&](const model::ip_address& address) {
    if (!p.addresses.empty())
      return std::ranges::find(p.addresses, address) != p.addresses.end();
    return address == from || std::ranges::any_of(ranges, [&](const model::ip_network& range) {
             return range.contains(address);
           });
  };
  const auto refused = std::ranges::find_if_not(claimed.addresses, allowed);
  if (refused == claimed.addresses.end())
    return {};
  return refuse(errc::address_not_in_certificate,
                p.id.text() + " claims the address " + refused->text() +
                    (p.addresses.empty()
                         ? ", but its certificate names no addresses, it is connected from " +
                               from.text() + ", and no address_ranges entry allows it"
                         : ", which is not among the addresses of its certificate"));
}

} // namespace thor::identity
