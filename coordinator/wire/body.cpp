// Bodies: what is published under the topics, and signed by its author.
#include "coordinator/wire/json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

namespace thor::wire {

namespace json = boost::json;

namespace {

constexpr std::size_t word_octets_max = 32;
constexpr std::size_t address_octets_max = 45; // the longest IPv6 text
constexpr auto u16_max = std::numeric_limits<std::uint16_t>::max();
constexpr auto u32_max = std::numeric_limits<std::uint32_t>::max();

std::string_view view(json::string_view s) {
  return {s.data(), s.size()};
}

// ---- writing

json::object to_json(const model::role_offer& r) {
  json::object o{{"state", to_string(r.state)}, {"priority", r.priority}, {"weight", r.weight}};
  if (!r.ports.empty()) {
    json::object ports;
    for (const auto& [service, port] : r.ports)
      ports.emplace(service, port);
    o.emplace("ports", std::move(ports));
  }
  return o;
}

json::object to_json(const model::presence& p) {
  json::array addresses;
  for (const auto& a : p.addresses)
    addresses.emplace_back(a.text());
  json::object roles;
  for (const auto& [name, offer] : p.roles)
    roles.emplace(name, to_json(offer));
  json::object o{{"id", p.id.text()},
                 {"incarnation", p.at.incarnation},
                 {"sequence", p.at.sequence},
                 {"addresses", std::move(addresses)},
                 {"roles", std::move(roles)}};
  if (!p.site.empty())
    o.emplace("site", p.site);
  if (!p.software.empty())
    o.emplace("software", p.software);
  if (!p.attributes.empty()) {
    json::object attributes;
    for (const auto& [key, value] : p.attributes)
      attributes.emplace(key, value);
    o.emplace("attributes", std::move(attributes));
  }
  return o;
}

json::object to_json(const model::member& m) {
  auto o = to_json(m.what);
  o.emplace("since", m.since.time_since_epoch().count());
  return o;
}

json::object to_json(const model::removal& r) {
  return {{"id", r.id.text()}, {"reason", to_string(r.reason)}};
}

json::object position_json(std::string_view kind, const model::position& where,
                           std::uint32_t serial) {
  return {{"kind", kind},
          {"epoch", {{"counter", where.at.counter}, {"manager", where.at.manager}}},
          {"sequence", where.sequence},
          {"serial", serial}};
}

json::object to_json(const std::map<std::string, model::unix_time>& times) {
  json::object o;
  for (const auto& [name, at] : times)
    o.emplace(name, at.time_since_epoch().count());
  return o;
}

json::object to_json(const model::status_full& s) {
  auto o = position_json("full", s.where, s.serial);
  json::array members;
  for (const auto& [id, m] : s.members)
    members.emplace_back(to_json(m));
  o.emplace("members", std::move(members));
  return o;
}

json::object to_json(const model::status_delta& s) {
  auto o = position_json("delta", s.where, s.serial);
  json::array upserts;
  for (const auto& m : s.upserts)
    upserts.emplace_back(to_json(m));
  json::array removals;
  for (const auto& r : s.removals)
    removals.emplace_back(to_json(r));
  o.emplace("upserts", std::move(upserts));
  o.emplace("removals", std::move(removals));
  return o;
}

json::object to_json(const model::status_beat& s) {
  auto o = position_json("beat", s.where, s.serial);
  o.emplace("digest", hex64(s.digest));
  return o;
}

// ---- reading

std::vector<model::ip_address> read_addresses(fields& in) {
  std::vector<model::ip_address> addresses;
  for (const auto& element : in.array("addresses")) {
    const auto* text = element.if_string();
    const auto address = text != nullptr && text->size() <= address_octets_max
                             ? model::ip_address::parse({text->data(), text->size()})
                             : std::unexpected(model::error{model::errc::bad_address, {}});
    if (!address) {
      in.fail("addresses", "holds something that is no IP address");
      break;
    }
    addresses.push_back(*address);
  }
  return addresses;
}

std::map<std::string, std::uint16_t> read_ports(fields& in) {
  const auto& object = in.object_or_empty("ports");
  fields each(object, in.path("ports"));
  std::map<std::string, std::uint16_t> ports;
  for (const auto& member : object)
    ports.emplace(member.key(), each.number(view(member.key()), u16_max));
  if (each.failed())
    in.fail(each.why());
  return ports;
}

model::role_offer read_offer(fields& in) {
  model::role_offer offer;
  const auto state = in.text_or("state", to_string(offer.state), word_octets_max);
  if (state == to_string(model::role_state::draining))
    offer.state = model::role_state::draining;
  else if (state != to_string(model::role_state::active))
    in.fail("state", "is not active or draining");
  offer.ports = read_ports(in);
  offer.priority = static_cast<std::uint16_t>(in.number_or("priority", offer.priority, u16_max));
  offer.weight = static_cast<std::uint16_t>(in.number_or("weight", offer.weight, u16_max));
  return offer;
}

std::map<std::string, model::role_offer> read_roles(fields& in) {
  const auto& object = in.object("roles");
  fields by_name(object, in.path("roles"));
  std::map<std::string, model::role_offer> roles;
  for (const auto& member : object) {
    fields each(by_name.object(view(member.key())), by_name.path(view(member.key())));
    roles.emplace(member.key(), read_offer(each));
    if (each.failed())
      by_name.fail(each.why());
  }
  if (by_name.failed())
    in.fail(by_name.why());
  return roles;
}

std::map<std::string, std::string> read_attributes(fields& in) {
  const auto& object = in.object_or_empty("attributes");
  fields each(object, in.path("attributes"));
  std::map<std::string, std::string> attributes;
  for (const auto& member : object)
    attributes.emplace(member.key(),
                       each.text(view(member.key()), model::attribute_value_octets_max));
  if (each.failed())
    in.fail(each.why());
  return attributes;
}

std::optional<model::presence> read_presence(fields& in) {
  const auto id = in.id("id");
  if (!id)
    return std::nullopt;
  model::presence p{.id = *id,
                    .at = in.version(),
                    .addresses = read_addresses(in),
                    .roles = read_roles(in),
                    .site = in.words("site"),
                    .software = in.words("software"),
                    .attributes = read_attributes(in)};
  if (in.failed())
    return std::nullopt;
  if (const auto valid = model::validate(p); !valid) {
    in.fail(error{errc::bad_field, valid.error().detail});
    return std::nullopt;
  }
  return p;
}

/// Calls `each` with the fields of every object in array `key`, until something is wrong.
template <class Each>
void for_each_object(fields& in, std::string_view key, Each each) {
  std::size_t index = 0;
  for (const auto& element : in.array(key)) {
    const auto where = in.path(key) + "[" + std::to_string(index++) + "]";
    if (!element.is_object())
      return in.fail(error{errc::bad_field, where + ": is not an object"});
    fields inner(element.get_object(), where);
    each(inner);
    if (inner.failed())
      return in.fail(inner.why());
  }
}

std::optional<model::member> read_member(fields& in) {
  auto what = read_presence(in);
  const auto since = in.number("since");
  if (!what || in.failed())
    return std::nullopt;
  return model::member{
      .what = *std::move(what),
      .since = model::unix_time(std::chrono::seconds(static_cast<std::int64_t>(since)))};
}

std::map<std::string, model::unix_time> read_times(fields& in, std::string_view key) {
  const auto& object = in.object_or_empty(key);
  fields each(object, in.path(key));
  std::map<std::string, model::unix_time> times;
  for (const auto& member : object)
    times.emplace(member.key(), model::unix_time(std::chrono::seconds(
                                    static_cast<std::int64_t>(each.number(view(member.key()))))));
  if (each.failed())
    in.fail(each.why());
  return times;
}

std::optional<model::withdrawal> parse_withdrawal(std::string_view text) {
  using enum model::withdrawal;
  for (const auto w : {left, closed, silent, replaced, revoked, expired})
    if (to_string(w) == text)
      return w;
  return std::nullopt;
}

std::optional<model::removal> read_removal(fields& in) {
  const auto id = in.id("id");
  const auto reason = parse_withdrawal(in.text("reason", word_octets_max));
  if (!reason)
    in.fail("reason", "is not left, closed, silent, replaced, revoked or expired");
  if (in.failed())
    return std::nullopt;
  return model::removal{.id = *id, .reason = *reason};
}

model::position read_position(fields& in) {
  fields epoch(in.object("epoch"), "epoch");
  model::position where;
  where.at.counter = epoch.number("counter");
  if (const auto manager = epoch.id("manager"))
    where.at.manager = manager->text();
  if (epoch.failed())
    in.fail(epoch.why());
  where.sequence = in.number("sequence");
  return where;
}

model::status_event read_full(fields& in, model::position where, std::uint32_t serial) {
  model::status_full s{.where = std::move(where), .serial = serial, .members = {}};
  for_each_object(in, "members", [&](fields& each) {
    auto m = read_member(each);
    if (!m)
      return;
    auto id = m->what.id;
    if (!s.members.emplace(std::move(id), *std::move(m)).second)
      each.fail("id", "appears twice");
  });
  return s;
}

model::status_event read_delta(fields& in, model::position where, std::uint32_t serial) {
  model::status_delta s{.where = std::move(where), .serial = serial, .upserts = {}, .removals = {}};
  std::set<model::node_id> seen;
  for_each_object(in, "upserts", [&](fields& each) {
    auto m = read_member(each);
    if (!m)
      return;
    if (!seen.insert(m->what.id).second)
      each.fail("id", "appears twice");
    s.upserts.push_back(*std::move(m));
  });
  for_each_object(in, "removals", [&](fields& each) {
    auto r = read_removal(each);
    if (!r)
      return;
    if (!seen.insert(r->id).second)
      each.fail("id", "appears twice");
    s.removals.push_back(*std::move(r));
  });
  return s;
}

} // namespace

std::string encode_body(const model::presence& p) {
  return json::serialize(to_json(p));
}

std::string encode_body(const leave& l) {
  return json::serialize(json::object{{"id", l.id.text()},
                                      {"incarnation", l.at.incarnation},
                                      {"sequence", l.at.sequence},
                                      {"hold_ms", l.hold_ms}});
}

std::string encode_body(const statistics& s) {
  auto out = R"({"id":)" + json::serialize(s.id.text());
  if (s.at != model::version{})
    out += R"(,"incarnation":)" + std::to_string(s.at.incarnation) + R"(,"sequence":)" +
           std::to_string(s.at.sequence);
  if (!s.taken.empty())
    out += R"(,"taken":)" + json::serialize(to_json(s.taken));
  // Pasted, not parsed: what the member measured is its own text.
  return out + R"(,"statistics":)" + s.json + "}";
}

std::string encode_body(const model::status_event& s) {
  return std::visit([](const auto& status) { return json::serialize(to_json(status)); }, s);
}

std::expected<model::presence, error> decode_presence(std::string_view body) {
  const auto object = parse_object(body);
  if (!object)
    return std::unexpected(object.error());
  fields in(*object);
  auto p = read_presence(in);
  if (!p)
    return std::unexpected(in.why());
  return *std::move(p);
}

std::expected<leave, error> decode_leave(std::string_view body) {
  const auto object = parse_object(body);
  if (!object)
    return std::unexpected(object.error());
  fields in(*object);
  const auto id = in.id("id");
  const auto at = in.version();
  const auto hold_ms = static_cast<std::uint32_t>(in.number_or("hold_ms", 0, hold_ms_max));
  if (in.failed())
    return std::unexpected(in.why());
  return leave{.id = *id, .at = at, .hold_ms = hold_ms};
}

std::expected<statistics, error> decode_statistics(std::string_view body) {
  const auto object = parse_object(body);
  if (!object)
    return std::unexpected(object.error());
  fields in(*object);
  const auto id = in.id("id");
  const model::version at{in.number_or("incarnation", 0, integer_max),
                          in.number_or("sequence", 0, integer_max)};
  auto taken = read_times(in, "taken");
  const auto& figures = in.object("statistics");
  if (in.failed())
    return std::unexpected(in.why());
  return statistics{
      .id = *id, .json = json::serialize(figures), .at = at, .taken = std::move(taken)};
}

statistics statistics_of(model::node_id id, const zone_report& zone) {
  json::object dns{{"serial", zone.serial}, {"digest", hex64(zone.digest)}};
  if (zone.degraded)
    dns["degraded"] = true;
  if (zone.divergent)
    dns["divergent"] = true;
  if (const auto& data = zone.operator_data)
    dns["operator"] = json::object{{"writer", data->of.writer},
                                   {"term", data->of.term},
                                   {"revision", data->have.revision},
                                   {"digest", hex64(data->have.digest)}};
  return {.id = std::move(id),
          .json = json::serialize(json::object{{"dns", dns}}),
          .at = {},
          .taken = {}};
}

namespace {

operator_report read_operator_report(fields& dns) {
  fields in(dns.object("operator"), dns.path("operator"));
  const auto writer = in.id("writer");
  const auto term = in.number("term");
  const auto revision = in.number("revision");
  const auto digest = in.hex64("digest");
  if (in.failed())
    dns.fail(in.why());
  return {{term, writer ? writer->text() : ""}, {revision, digest}};
}

} // namespace

std::expected<std::optional<zone_report>, error> zone_report_of(const statistics& s) {
  const auto figures = parse_object(s.json);
  if (!figures)
    return std::unexpected(figures.error());
  fields in(*figures);
  if (!figures->contains("dns"))
    return std::nullopt;
  const auto& told = in.object("dns");
  fields dns(told, in.path("dns"));
  zone_report report{.serial = static_cast<std::uint32_t>(dns.number("serial", u32_max)),
                     .digest = dns.hex64("digest"),
                     .degraded = dns.boolean_or("degraded", false),
                     .divergent = dns.boolean_or("divergent", false)};
  if (told.contains("operator"))
    report.operator_data = read_operator_report(dns);
  if (in.failed() || dns.failed())
    return std::unexpected(in.failed() ? in.why() : dns.why());
  return report;
}

std::expected<model::status_event, error> decode_status(std::string_view body) {
  const auto object = parse_object(body);
  if (!object)
    return std::unexpected(object.error());
  fields in(*object);
  const auto kind = in.text("kind", word_octets_max);
  auto where = read_position(in);
  const auto serial = static_cast<std::uint32_t>(in.number("serial", u32_max));
  model::status_event status;
  if (kind == "full")
    status = read_full(in, std::move(where), serial);
  else if (kind == "delta")
    status = read_delta(in, std::move(where), serial);
  else if (kind == "beat")
    status = model::status_beat{
        .where = std::move(where), .serial = serial, .digest = in.hex64("digest")};
  else
    in.fail("kind", "is not full, delta or beat");
  if (in.failed())
    return std::unexpected(in.why());
  return status;
}

} // namespace thor::wire
