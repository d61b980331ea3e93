#include "backend/protocol/methods.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace thor::backend {
namespace {

namespace json = boost::json;

/// The parameters of one method call, read with the method's name in every complaint.
class parameter_reader {
 public:
  parameter_reader(std::string_view method, const json::object& parameters)
      : method_(method)
      , parameters_(parameters) {}

  [[nodiscard]] std::expected<std::string_view, error> text(std::string_view key) const {
    const json::value* const found = parameters_.if_contains(key);
    if (found == nullptr) {
      return refuse(errc::bad_shape, key, "is missing");
    }
    const json::string* const value = found->if_string();
    if (value == nullptr) {
      return refuse(errc::bad_shape, key, "is not a string");
    }
    return std::string_view(value->data(), value->size());
  }

  [[nodiscard]] std::expected<zone::name, error> name(std::string_view key) const {
    const auto value = text(key);
    if (!value) {
      return std::unexpected(value.error());
    }
    auto parsed = zone::name::parse(*value);
    if (!parsed) {
      return refuse(errc::bad_name, key, "is not a DNS name: " + excerpt(*value));
    }
    return *std::move(parsed);
  }

  /// A domain id. PowerDNS writes -1 for none; a missing id is the same.
  [[nodiscard]] std::expected<std::optional<std::uint32_t>, error>
  domain_id(std::string_view key) const {
    const json::value* const found = parameters_.if_contains(key);
    if (found == nullptr) {
      return std::nullopt;
    }
    const std::int64_t* const id = found->if_int64();
    if (id == nullptr || *id < -1 || *id > std::numeric_limits<std::uint32_t>::max()) {
      return refuse(errc::bad_shape, key, "is not a domain id (an integer, -1 for none)");
    }
    if (*id == -1) {
      return std::nullopt;
    }
    return static_cast<std::uint32_t>(*id);
  }

  /// The network of the client; a missing one is no network.
  [[nodiscard]] std::expected<std::optional<ip_prefix>, error> network(std::string_view key) const {
    const json::value* const found = parameters_.if_contains(key);
    if (found == nullptr) {
      return std::nullopt;
    }
    const json::string* const written = found->if_string();
    if (written == nullptr) {
      return refuse(errc::bad_shape, key, "is not a string");
    }
    const auto parsed = ip_prefix::parse(*written);
    if (!parsed) {
      return refuse(errc::bad_shape, key, "is not an address or a network: " + excerpt(*written));
    }
    return parsed;
  }

 private:
  [[nodiscard]] std::unexpected<error> refuse(errc code, std::string_view key,
                                              std::string_view why) const {
    std::string detail(method_);
    detail += ": \"";
    detail += key;
    detail += "\" ";
    detail += why;
    return std::unexpected(error{code, std::move(detail)});
  }

  std::string_view method_;
  const json::object& parameters_;
};

using result = std::expected<request, error>;

template <typename Request>
result read_bare(const parameter_reader&) {
  return Request{};
}

template <method what>
result read_nothing(const parameter_reader&) {
  return nothing_request{what};
}

result read_lookup(const parameter_reader& from) {
  auto qname = from.name("qname");
  if (!qname) {
    return std::unexpected(std::move(qname).error());
  }
  const auto qtype = from.text("qtype");
  if (!qtype) {
    return std::unexpected(qtype.error());
  }
  const auto zone_id = from.domain_id(zone_id_key);
  if (!zone_id) {
    return std::unexpected(zone_id.error());
  }
  const auto client = from.network(real_remote_key);
  if (!client) {
    return std::unexpected(client.error());
  }
  // PowerDNS knows types by names of its own (ALIAS, LUA): no record here has one of those.
  constexpr auto no_type = static_cast<zone::rr_type>(0);
  return lookup_request{*std::move(qname), zone::parse_type(*qtype).value_or(no_type), *zone_id,
                        *client};
}

/// Requests that hold nothing but the name of a zone.
template <typename Request, const std::string_view& key>
result read_zone(const parameter_reader& from) {
  auto name = from.name(key);
  if (!name) {
    return std::unexpected(std::move(name).error());
  }
  return Request{*std::move(name)};
}

constexpr std::string_view zone_key = "zonename";
constexpr std::string_view name_key = "name";

result read_metadata(const parameter_reader& from) {
  auto name = from.name(name_key);
  if (!name) {
    return std::unexpected(std::move(name).error());
  }
  const auto kind = from.text("kind");
  if (!kind) {
    return std::unexpected(kind.error());
  }
  return metadata_request{*std::move(name), std::string(*kind)};
}

result read_neighbours(const parameter_reader& from) {
  const auto zone_id = from.domain_id("id");
  if (!zone_id) {
    return std::unexpected(zone_id.error());
  }
  auto qname = from.name("qname");
  if (!qname) {
    return std::unexpected(std::move(qname).error());
  }
  return neighbours_request{*zone_id, *std::move(qname)};
}

struct entry {
  std::string_view name;
  method what;
  result (*read)(const parameter_reader&);
  std::array<std::string_view, 2> path{}; ///< REST's path parameters, empty ones unused
};

constexpr std::array<entry, method_count - 1> methods{{
    {"initialize", method::initialize, read_bare<initialize_request>},
    {"lookup", method::lookup, read_lookup, {"qname", "qtype"}},
    {"list", method::list, read_zone<list_request, zone_key>, {"domain_id", zone_key}},
    {"getAllDomains", method::get_all_domains, read_bare<all_domains_request>},
    {"getDomainInfo",
     method::get_domain_info,
     read_zone<domain_info_request, name_key>,
     {name_key}},
    {"getAllDomainMetadata",
     method::get_all_domain_metadata,
     read_zone<all_metadata_request, name_key>,
     {name_key}},
    {"getDomainMetadata", method::get_domain_metadata, read_metadata, {name_key, "kind"}},
    {"getBeforeAndAfterNamesAbsolute",
     method::get_before_and_after_names_absolute,
     read_neighbours,
     {"id", "qname"}},
    {"getDomainKeys", method::get_domain_keys, read_nothing<method::get_domain_keys>, {name_key}},
    {"getTSIGKey", method::get_tsig_key, read_nothing<method::get_tsig_key>, {name_key}},
    {"getTSIGKeys", method::get_tsig_keys, read_nothing<method::get_tsig_keys>},
    {"getUpdatedMasters", method::get_updated_masters, read_nothing<method::get_updated_masters>},
    {"getUnfreshSlaveInfos", method::get_unfresh_slave_infos,
     read_nothing<method::get_unfresh_slave_infos>},
    {"setNotified", method::set_notified, read_bare<set_notified_request>},
}};
static_assert(std::ranges::is_sorted(methods, {}, &entry::what));

const entry* find(std::string_view name) {
  const auto* const found = std::ranges::find(methods, name, &entry::name);
  return found == methods.end() ? nullptr : found;
}

} // namespace

std::string_view to_string(method which) {
  return which == method::other ? "other" : methods[static_cast<std::size_t>(which)].name;
}

method method_of(const request& what) {
  struct visitor {
    method operator()(const initialize_request&) const { return method::initialize; }
    method operator()(const lookup_request&) const { return method::lookup; }
    method operator()(const list_request&) const { return method::list; }
    method operator()(const all_domains_request&) const { return method::get_all_domains; }
    method operator()(const domain_info_request&) const { return method::get_domain_info; }
    method operator()(const all_metadata_request&) const { return method::get_all_domain_metadata; }
    method operator()(const metadata_request&) const { return method::get_domain_metadata; }
    method operator()(const neighbours_request&) const {
      return method::get_before_and_after_names_absolute;
    }
    method operator()(const nothing_request& r) const { return r.what; }
    method operator()(const set_notified_request&) const { return method::set_notified; }
    method operator()(const other_request&) const { return method::other; }
  };
  return std::visit(visitor{}, what);
}

std::expected<request, error> read_parameters(std::string_view name,
                                              const json::object& parameters) {
  const entry* const known = find(name);
  if (known == nullptr) {
    return other_request{std::string(name)};
  }
  return known->read(parameter_reader(name, parameters));
}

std::span<const std::string_view> path_parameters(std::string_view name) {
  const entry* const known = find(name);
  if (known == nullptr) {
    return {};
  }
  const auto used = std::ranges::find(known->path, std::string_view{});
  return {known->path.begin(), used};
}

} // namespace thor::backend
