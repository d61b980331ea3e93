#include "backend/protocol/writes.hpp"

#include <limits>
#include <utility>

namespace thor::backend {
namespace {

/// RFC 2181 section 8.
constexpr std::int64_t ttl_s_max = std::numeric_limits<std::int32_t>::max();

std::int64_t transaction_of(const parameter_reader& from) {
  return from.integer("trxid", 0, std::numeric_limits<std::int64_t>::max());
}

/// PowerDNS's `auth` and `ordername` are left aside: what is below a cut, and the order of names,
/// is worked out here.
zone::written_record read_record(const parameter_reader& from) {
  return {.type = std::string(from.text("qtype")),
          .ttl_s = static_cast<std::uint32_t>(from.integer("ttl", 0, ttl_s_max)),
          .content = std::string(from.text("content"))};
}

zone::key_edit::action action_of(method what) {
  using enum zone::key_edit::action;
  switch (what) {
  case method::activate_domain_key:
    return activate;
  case method::deactivate_domain_key:
    return deactivate;
  case method::publish_domain_key:
    return publish;
  case method::unpublish_domain_key:
    return unpublish;
  default:
    return remove;
  }
}

} // namespace

write_request read_set_metadata(const parameter_reader& from, method what) {
  return edit_request{what, zone::metadata_edit{.apex = zone::name(from.name("name")),
                                                .kind = std::string(from.text("kind")),
                                                .values = from.texts("value")}};
}

write_request read_add_key(const parameter_reader& from, method what) {
  // REST writes the members of "key" beside the name.
  const parameter_reader key = from.how() == spelling::text ? from : from.object("key");
  constexpr std::int64_t flags_max = std::numeric_limits<std::uint16_t>::max();
  return edit_request{
      what, zone::key_addition{
                .apex = zone::name(from.name("name")),
                .key = {.flags = static_cast<std::uint16_t>(key.integer("flags", 0, flags_max)),
                        .active = key.truth("active", false),
                        .published = key.truth("published", true),
                        .content = std::string(key.text("content"))}}};
}

write_request read_key_edit(const parameter_reader& from, method what) {
  constexpr std::int64_t id_max = std::numeric_limits<std::uint32_t>::max();
  return edit_request{
      what, zone::key_edit{.what = action_of(what),
                           .apex = zone::name(from.name("name")),
                           .id = static_cast<std::uint32_t>(from.integer("id", 0, id_max))}};
}

write_request read_set_tsig_key(const parameter_reader& from, method what) {
  return edit_request{what, zone::tsig_edit{.owner = zone::name(from.name("name")),
                                            .algorithm = std::string(from.text("algorithm")),
                                            .secret = std::string(from.text("content"))}};
}

write_request read_delete_tsig_key(const parameter_reader& from, method what) {
  return edit_request{what, zone::tsig_edit{.owner = zone::name(from.name("name")),
                                            .algorithm = {},
                                            .secret = std::nullopt}};
}

write_request read_begin(const parameter_reader& from, method) {
  return begin_request{.zone = zone::name(from.name("domain")),
                       .zone_id = from.domain_id("domain_id"),
                       .transaction = transaction_of(from)};
}

write_request read_commit(const parameter_reader& from, method) {
  return commit_request{transaction_of(from)};
}

write_request read_abort(const parameter_reader& from, method) {
  return abort_request{transaction_of(from)};
}

write_request read_feed_record(const parameter_reader& from, method what) {
  const parameter_reader record = from.object("rr");
  step_request out{.what = what,
                   .zone_id = std::nullopt,
                   .transaction = from.transaction_id("trxid"),
                   .step = {.how = zone::rrset_edit::kind::add,
                            .owner = zone::name(record.name("qname")),
                            .type = {},
                            .records = {}}};
  out.step.records.push_back(read_record(record));
  return out;
}

write_request read_replace_rrset(const parameter_reader& from, method what) {
  step_request out{.what = what,
                   .zone_id = from.domain_id("domain_id"),
                   .transaction = from.transaction_id("trxid"),
                   .step = {.how = zone::rrset_edit::kind::replace,
                            .owner = zone::name(from.name("qname")),
                            .type = std::string(from.text("qtype")),
                            .records = {}}};
  for (const parameter_reader& record : from.objects("rrset")) {
    if (record.name("qname") != out.step.owner) {
      record.refuse(errc::bad_shape, "qname", "is not the owner of the set");
    }
    out.step.records.push_back(read_record(record));
  }
  return out;
}

write_request read_ents(const parameter_reader&, method what) {
  return ents_request{what};
}

} // namespace thor::backend
