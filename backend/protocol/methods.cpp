#include "backend/protocol/methods.hpp"

#include "backend/protocol/writes.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace thor::backend {
namespace {

namespace json = boost::json;

template <typename Request>
request read_bare(const parameter_reader&, method) {
  return Request{};
}

request read_nothing(const parameter_reader&, method what) {
  return nothing_request{what};
}

request read_lookup(const parameter_reader& from, method what) {
  // PowerDNS knows types by names of its own (ALIAS, LUA): no record here has one of those.
  constexpr auto no_type = static_cast<zone::rr_type>(0);
  lookup_request out{.qname = from.name("qname"),
                     .qtype = zone::parse_type(from.text("qtype")).value_or(no_type),
                     .zone_id = from.domain_id(zone_id_key),
                     .client = from.network(real_remote_key),
                     .for_api = what == method::api_lookup};
  return out;
}

constexpr std::string_view zone_key = "zonename";
constexpr std::string_view name_key = "name";

/// Requests that hold nothing but a name.
template <typename Request, const std::string_view& key>
request read_name(const parameter_reader& from, method) {
  return Request{from.name(key)};
}

request read_metadata(const parameter_reader& from, method) {
  metadata_request out{.zone = from.name(name_key), .kind = {}};
  const std::string_view kind = from.text("kind");
  if (kind.size() > metadata_kind::octets_max) {
    from.refuse(errc::bad_shape, "kind", "is longer than 64 octets");
  } else {
    out.kind = kind;
  }
  return out;
}

request read_neighbours(const parameter_reader& from, method) {
  return neighbours_request{.zone_id = from.domain_id("id"),
                            .qname = zone::name(from.name("qname"))};
}

request read_search(const parameter_reader& from, method) {
  constexpr std::int64_t max = std::numeric_limits<std::int32_t>::max();
  return search_request{.pattern = std::string(from.text("pattern")),
                        .records_max =
                            static_cast<std::uint32_t>(from.integer("maxResults", 0, max))};
}

request read_command(const parameter_reader& from, method) {
  return command_request{std::string(from.text("query"))};
}

request decline_incoming(const parameter_reader& from, method what) {
  return declined_request{what, std::string(from.method()) +
                                    ": incoming zones are not offered, every zone here is a "
                                    "primary"};
}

template <write_request (*read)(const parameter_reader&, method)>
request writing(const parameter_reader& from, method what) {
  return read(from, what);
}

struct entry {
  std::string_view name;
  method what;
  request (*read)(const parameter_reader&, method);
  std::string_view verb;                  ///< of REST; empty: REST does not have it
  std::array<std::string_view, 3> path{}; ///< REST's path parameters, empty ones unused
};

// In the order of enum method. A parameter that is no part of the path is in REST a header field
// (zone-id, real-remote, trxid), or in the query or the body.
constexpr std::array<entry, method_count - 1> methods{{
    {"initialize", method::initialize, read_bare<initialize_request>, ""},
    {"lookup", method::lookup, read_lookup, "GET", {"qname", "qtype"}},
    {"APILookup", method::api_lookup, read_lookup, "GET", {"qname", "qtype"}},
    {"list", method::list, read_name<list_request, zone_key>, "GET", {"domain_id", zone_key}},
    {"getAllDomains", method::get_all_domains, read_bare<all_domains_request>, "GET"},
    {"getDomainInfo",
     method::get_domain_info,
     read_name<domain_info_request, name_key>,
     "GET",
     {name_key}},
    {"getAllDomainMetadata",
     method::get_all_domain_metadata,
     read_name<all_metadata_request, name_key>,
     "GET",
     {name_key}},
    {"getDomainMetadata", method::get_domain_metadata, read_metadata, "GET", {name_key, "kind"}},
    {"getBeforeAndAfterNamesAbsolute",
     method::get_before_and_after_names_absolute,
     read_neighbours,
     "GET",
     {"id", "qname"}},
    {"getDomainKeys",
     method::get_domain_keys,
     read_name<domain_keys_request, name_key>,
     "GET",
     {name_key}},
    {"getTSIGKey", method::get_tsig_key, read_name<tsig_key_request, name_key>, "GET", {name_key}},
    {"getTSIGKeys", method::get_tsig_keys, read_bare<tsig_keys_request>, "GET"},
    {"getUpdatedMasters", method::get_updated_masters, read_nothing, "GET"},
    {"getUnfreshSlaveInfos", method::get_unfresh_slave_infos, read_nothing, "GET"},
    {"searchRecords", method::search_records, read_search, "GET"},
    {"directBackendCmd", method::direct_backend_cmd, read_command, "POST"},
    {"setNotified", method::set_notified, read_bare<set_notified_request>, "PATCH", {"id"}},
    {"setDomainMetadata",
     method::set_domain_metadata,
     writing<read_set_metadata>,
     "PATCH",
     {name_key, "kind"}},
    {"addDomainKey", method::add_domain_key, writing<read_add_key>, "PUT", {name_key}},
    {"removeDomainKey",
     method::remove_domain_key,
     writing<read_key_edit>,
     "DELETE",
     {"id", name_key}},
    {"activateDomainKey",
     method::activate_domain_key,
     writing<read_key_edit>,
     "POST",
     {"id", name_key}},
    {"deactivateDomainKey",
     method::deactivate_domain_key,
     writing<read_key_edit>,
     "POST",
     {"id", name_key}},
    {"publishDomainKey",
     method::publish_domain_key,
     writing<read_key_edit>,
     "POST",
     {"id", name_key}},
    {"unpublishDomainKey",
     method::unpublish_domain_key,
     writing<read_key_edit>,
     "POST",
     {"id", name_key}},
    {"setTSIGKey", method::set_tsig_key, writing<read_set_tsig_key>, "PATCH", {name_key}},
    {"deleteTSIGKey", method::delete_tsig_key, writing<read_delete_tsig_key>, "DELETE", {name_key}},
    {"startTransaction",
     method::start_transaction,
     writing<read_begin>,
     "POST",
     {"domain_id", "domain", transaction_key}},
    {"commitTransaction",
     method::commit_transaction,
     writing<read_commit>,
     "POST",
     {transaction_key}},
    {"abortTransaction", method::abort_transaction, writing<read_abort>, "POST", {transaction_key}},
    {"feedRecord", method::feed_record, writing<read_feed_record>, "PATCH", {transaction_key}},
    {"replaceRRSet",
     method::replace_rrset,
     writing<read_replace_rrset>,
     "PATCH",
     {"domain_id", "qname", "qtype"}},
    {"feedEnts", method::feed_ents, writing<read_ents>, ""},
    {"feedEnts3", method::feed_ents3, writing<read_ents>, ""},
    {"setFresh", method::set_fresh, decline_incoming, "PATCH"},
    {"setStale", method::set_stale, decline_incoming, "PATCH"},
    {"superMasterBackend", method::super_master_backend, decline_incoming, "POST"},
    {"createSlaveDomain", method::create_slave_domain, decline_incoming, "PUT"},
}};
static_assert(std::ranges::is_sorted(methods, {}, &entry::what));

const entry* find(std::string_view name) {
  const auto* const found = std::ranges::find(methods, name, &entry::name);
  return found == methods.end() ? nullptr : found;
}

declined_request unknown_method(std::string_view name) {
  return {method::other, "Thor does not know the method " + excerpt(name)};
}

} // namespace

std::string_view to_string(method which) {
  return which == method::other ? "other" : methods[static_cast<std::size_t>(which)].name;
}

method method_of(const write_request& what) {
  struct visitor {
    method operator()(const edit_request& r) const { return r.what; }
    method operator()(const begin_request&) const { return method::start_transaction; }
    method operator()(const step_request& r) const { return r.what; }
    method operator()(const commit_request&) const { return method::commit_transaction; }
    method operator()(const abort_request&) const { return method::abort_transaction; }
    method operator()(const ents_request& r) const { return r.what; }
  };
  return std::visit(visitor{}, what);
}

method method_of(const request& what) {
  struct visitor {
    method operator()(const initialize_request&) const { return method::initialize; }
    method operator()(const lookup_request& r) const {
      return r.for_api ? method::api_lookup : method::lookup;
    }
    method operator()(const list_request&) const { return method::list; }
    method operator()(const all_domains_request&) const { return method::get_all_domains; }
    method operator()(const domain_info_request&) const { return method::get_domain_info; }
    method operator()(const all_metadata_request&) const { return method::get_all_domain_metadata; }
    method operator()(const metadata_request&) const { return method::get_domain_metadata; }
    method operator()(const neighbours_request&) const {
      return method::get_before_and_after_names_absolute;
    }
    method operator()(const domain_keys_request&) const { return method::get_domain_keys; }
    method operator()(const tsig_key_request&) const { return method::get_tsig_key; }
    method operator()(const tsig_keys_request&) const { return method::get_tsig_keys; }
    method operator()(const nothing_request& r) const { return r.what; }
    method operator()(const search_request&) const { return method::search_records; }
    method operator()(const command_request&) const { return method::direct_backend_cmd; }
    method operator()(const set_notified_request&) const { return method::set_notified; }
    method operator()(const write_request& r) const { return method_of(r); }
    method operator()(const declined_request& r) const { return r.what; }
  };
  return std::visit(visitor{}, what);
}

std::expected<request, error> read_parameters(std::string_view name, const json::object& parameters,
                                              spelling how) {
  const entry* const known = find(name);
  if (known == nullptr) {
    return unknown_method(name);
  }
  std::optional<error> failure;
  request out = known->read(parameter_reader(known->name, parameters, how, failure), known->what);
  if (failure) {
    return std::unexpected(*std::move(failure));
  }
  return out;
}

std::optional<rest_form> rest_form_of(std::string_view name) {
  const entry* const known = find(name);
  if (known == nullptr || known->verb.empty()) {
    return std::nullopt;
  }
  const auto used = std::ranges::find(known->path, std::string_view{});
  return rest_form{.verb = known->verb, .path = {known->path.begin(), used}};
}

declined_request lost_over_rest(std::string_view name) {
  const entry* const known = find(name);
  if (known == nullptr) {
    return unknown_method(name);
  }
  return {known->what, std::string(name) + ": this PowerDNS writes it broken over REST; use "
                                           "post=1,post_json=1 in remote-connection-string"};
}

} // namespace thor::backend
