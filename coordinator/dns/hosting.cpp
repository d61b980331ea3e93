#include "coordinator/dns/hosting.hpp"

#include "zone/text/rdata_text.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace thor::dns {

namespace {

zone::rrset address_rrset(const zone::name& owner, const model::ip_address& address) {
  if (address.is_v4())
    return {owner, zone::rr_type::a, infrastructure_ttl_s, {zone::a_rdata{address.v4_octets()}}, 0};
  return {
      owner, zone::rr_type::aaaa, infrastructure_ttl_s, {zone::aaaa_rdata{address.v6_octets()}}, 0};
}

std::string without_last_dot(const zone::name& name) {
  std::string text = name.text();
  text.pop_back();
  return text;
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

std::string expanded(std::string text, const zone::name& domain, const zone::name& overlay) {
  if (text.contains('{')) {
    replace_all(text, "{domain}", without_last_dot(domain));
    replace_all(text, "{overlay}", without_last_dot(overlay));
  }
  return text;
}

/// The name that a record points to.
const zone::name* target_of(const zone::rdata& data) {
  if (const auto* ns = std::get_if<zone::ns_rdata>(&data))
    return &ns->target;
  if (const auto* cname = std::get_if<zone::cname_rdata>(&data))
    return &cname->target;
  if (const auto* ptr = std::get_if<zone::ptr_rdata>(&data))
    return &ptr->target;
  if (const auto* mx = std::get_if<zone::mx_rdata>(&data))
    return &mx->exchange;
  if (const auto* srv = std::get_if<zone::srv_rdata>(&data))
    return &srv->target;
  if (const auto* naptr = std::get_if<zone::naptr_rdata>(&data))
    return &naptr->replacement;
  return nullptr;
}

/// DNS allows braces in names; here they are a placeholder that nobody knows.
bool has_placeholder(const zone::name& name) {
  return name.wire().contains('{');
}

std::string describe_row(const template_row& row) {
  return row.name + " " + zone::to_string(row.type) + " " + row.content;
}

std::string describe_row(const static_row& row) {
  return row.owner.text() + " " + zone::to_string(row.type) + " " + zone::to_text(row.data);
}

std::expected<zone::name, config_error> read_name(const std::string& text, const zone::name& domain,
                                                  std::string_view what) {
  auto name = text.ends_with('.') ? zone::name::parse(text) : domain.descendant(text);
  if (name)
    return *std::move(name);
  return std::unexpected(
      config_error{std::string(what) + " \"" + text + "\" is no DNS name: " + name.error().detail});
}

} // namespace

std::expected<hosting, config_error> hosting::make(const zone::name& overlay, const soa_config& soa,
                                                   const std::vector<fixed_host>& name_servers) {
  if (name_servers.empty())
    return std::unexpected(
        config_error{"[[dns.name_server]] is missing: a zone needs at least one name server"});
  hosting made;
  made.overlay_ = overlay;
  for (const auto& host : name_servers) {
    auto target = read_name(host.name, overlay, "name server");
    if (!target)
      return std::unexpected(target.error());
    name_server server{*std::move(target), {}};
    for (const auto& address : host.addresses)
      server.addresses.push_back(address_rrset(server.target, address));
    made.name_servers_.push_back(std::move(server));
  }
  auto mname =
      read_name(soa.mname.empty() ? name_servers.front().name : soa.mname, overlay, "soa.mname");
  auto rname = read_name(soa.rname, overlay, "soa.rname");
  if (!mname || !rname)
    return std::unexpected(!mname ? mname.error() : rname.error());
  made.soa_ = {.mname = *std::move(mname),
               .rname = *std::move(rname),
               .serial = 0,
               .refresh_s = soa.refresh_s,
               .retry_s = soa.retry_s,
               .expire_s = soa.expire_s,
               .minimum_s = soa.minimum_s};
  made.soa_ttl_s_ = soa.ttl_s;
  return made;
}

hosted_description hosting::describe(const hosted_domain& domain,
                                     std::span<const template_row> rows,
                                     std::span<const static_row> records,
                                     const record_check& check) const {
  hosted_description made{
      .input = {.apex = domain.apex, .id = domain.id, .soa = soa_, .soa_ttl_s = soa_ttl_s_},
      .refused = {}};
  made.input.soa.serial = domain.serial;
  auto& rrsets = made.input.rrsets;
  for (const auto& server : name_servers_) {
    rrsets.push_back(
        {domain.apex, zone::rr_type::ns, infrastructure_ttl_s, {zone::ns_rdata{server.target}}, 0});
    if (server.target.is_at_or_below(domain.apex))
      rrsets.insert(rrsets.end(), server.addresses.begin(), server.addresses.end());
  }
  bool has_soa = false;
  for (const auto& row : records) {
    zone::rrset one{row.owner, row.type, row.ttl_s, {row.data}, 0};
    const bool is_soa = row.type == zone::rr_type::soa;
    auto why = fault(domain.apex, one, check);
    if (why.empty() && is_soa && std::exchange(has_soa, true))
      why = "there is another SOA before it";
    if (!why.empty())
      made.refused.push_back({false, row.row, describe_row(row), std::move(why)});
    else if (is_soa)
      use_soa(made.input, one);
    else
      rrsets.push_back(std::move(one));
  }
  const auto operators_own = rrsets.size();
  for (const auto& row : rows) {
    auto one = expand(row, domain.apex, check);
    if (!one) {
      made.refused.push_back({true, row.row, describe_row(row), std::move(one).error()});
      continue;
    }
    const bool replaced =
        std::ranges::any_of(std::span(rrsets).first(operators_own), [&](const zone::rrset& own) {
          return own.owner == one->owner && own.type == one->type;
        });
    if (!replaced)
      rrsets.push_back(*std::move(one));
  }
  return made;
}

zone::rrset hosting::configured_soa(const zone::name& apex) const {
  return {apex, zone::rr_type::soa, soa_ttl_s_, {soa_}, 0};
}

std::vector<zone::rrset> hosting::of_template(const zone::name& apex,
                                              std::span<const template_row> rows,
                                              const record_check& check) const {
  std::vector<zone::rrset> sets;
  for (const auto& row : rows) {
    auto one = expand(row, apex, check);
    if (!one)
      continue;
    const auto same = std::ranges::find_if(sets, [&](const zone::rrset& set) {
      return set.owner == one->owner && set.type == one->type;
    });
    if (same == sets.end())
      sets.push_back(*std::move(one));
    else if (std::ranges::find(same->records, one->records.front()) == same->records.end())
      same->records.push_back(std::move(one->records.front()));
  }
  return sets;
}

/// The record that a row comes to in the zone `apex`.
std::expected<zone::rrset, std::string>
hosting::expand(const template_row& row, const zone::name& apex, const record_check& check) const {
  const auto text = expanded(row.name, apex, overlay_);
  auto owner = text.ends_with('.') ? zone::name::parse(text) : apex.descendant(text);
  if (!owner)
    return std::unexpected(owner.error().detail);
  if (row.type == zone::rr_type::soa)
    return std::unexpected("a template has no SOA");
  auto data = zone::parse_rdata(row.type, expanded(row.content, apex, overlay_));
  if (!data)
    return std::unexpected(data.error().detail);
  const auto* target = target_of(*data);
  if (has_placeholder(*owner) || (target != nullptr && has_placeholder(*target)))
    return std::unexpected("the placeholders are {domain} and {overlay}");
  zone::rrset one{*std::move(owner), row.type, row.ttl_s, {*std::move(data)}, 0};
  if (auto why = fault(apex, one, check); !why.empty())
    return std::unexpected(std::move(why));
  return one;
}

/// What is wrong with a record in the zone `apex`, "" when nothing is.
std::string hosting::fault(const zone::name& apex, zone::rrset& one,
                           const record_check& check) const {
  if (!one.owner.is_at_or_below(apex))
    return one.owner.text() + " is not at or below " + apex.text();
  auto why = reserved(apex, one.owner, one.type);
  return why.empty() ? check(one) : why;
}

bool hosting::is_overlay(const zone::name& apex) const {
  return apex.is_at_or_below(overlay_);
}

std::string hosting::reserved(const zone::name& apex) const {
  if (apex.is_root())
    return "the root is nobody's domain";
  if (is_overlay(apex))
    return "it lies in " + overlay_.text() + ", the overlay's own domain";
  return "";
}

std::string hosting::reserved(const zone::name& apex, const zone::name& owner,
                              zone::rr_type type) const {
  if (type == zone::rr_type::soa)
    return owner == apex ? "" : "an SOA stands at the apex";
  if (owner == apex && type == zone::rr_type::ns)
    return "NS at the apex come from [[dns.name_server]]";
  const auto is_that = [&](const zone::rrset& one) {
    return one.owner == owner && one.type == type;
  };
  const bool taken = std::ranges::any_of(name_servers_, [&](const name_server& server) {
    return std::ranges::any_of(server.addresses, is_that);
  });
  return taken ? "addresses of name servers come from [[dns.name_server]]" : "";
}

} // namespace thor::dns
