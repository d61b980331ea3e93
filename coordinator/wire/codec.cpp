// Frames: the messages between a member and an event server.
#include "coordinator/wire/codec.hpp"

#include "coordinator/wire/base64.hpp"
#include "coordinator/wire/json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace thor::wire {

namespace json = boost::json;

namespace {

constexpr std::size_t type_octets_max = 32;
constexpr std::size_t instance_octets = 16;
constexpr std::size_t topic_octets_max = 32;
constexpr std::size_t reason_octets_max = 64;

// ---- writing

json::object to_json(const hello& m) {
  return {{"type", "hello"}, {"incarnation", m.incarnation}, {"software", m.software}};
}

json::object to_json(const subscribe& m) {
  json::array topics;
  for (const auto t : m.topics)
    topics.emplace_back(to_string(t));
  return {{"type", "subscribe"}, {"topics", std::move(topics)}};
}

json::object to_json(std::string_view type, const signed_body& b) {
  return {{"type", type},
          {"topic", to_string(b.about)},
          {"body", b.body},
          {"signature", base64_encode(b.signature)},
          {"certificate", base64_encode(b.certificate)}};
}

json::object to_json(const publish& m) {
  return to_json("publish", m.what);
}

json::object to_json(const renew& m) {
  return {{"type", "renew"}, {"incarnation", m.at.incarnation}, {"sequence", m.at.sequence}};
}

json::object to_json(const welcome& m) {
  return {{"type", "welcome"},     {"server", m.server},       {"instance", m.instance},
          {"age_ms", m.age_ms},    {"admitting", m.admitting}, {"renew_ms", m.renew_ms},
          {"lease_ms", m.lease_ms}};
}

json::object fact_fields(const fact& f) {
  return {{"id", f.id.text()},
          {"incarnation", f.at.incarnation},
          {"sequence", f.at.sequence},
          {"state", to_string(f.state)},
          {"age_ms", f.age_ms}};
}

json::object to_json(const fact& m) {
  json::object o{{"type", "fact"}};
  for (auto& member : fact_fields(m))
    o.insert(member);
  return o;
}

json::object to_json(const event& m) {
  auto o = to_json("event", m.what);
  if (m.about)
    o["fact"] = fact_fields(*m.about);
  return o;
}

json::object to_json(const synced& m) {
  return {{"type", "synced"}, {"topic", to_string(m.about)}, {"count", m.count}};
}

json::object to_json(const heartbeat& m) {
  return {{"type", "heartbeat"},      {"beat", m.beat},       {"age_ms", m.age_ms},
          {"admitting", m.admitting}, {"members", m.members}, {"digest", hex64(m.digest)}};
}

json::object to_json(const refused& m) {
  return {{"type", "refused"}, {"reason", m.reason}, {"detail", m.detail}};
}

// ---- reading

std::optional<topic> read_topic(fields& in) {
  const auto text = in.text("topic", topic_octets_max);
  const auto known = parse_topic(text);
  if (!known)
    in.fail("topic", "is no topic of thor.v1", errc::bad_topic);
  return known;
}

signed_body read_signed_body(fields& in) {
  signed_body b;
  b.about = read_topic(in).value_or(topic::presence);
  b.body = in.text("body", frame_octets_max);
  b.signature = in.octets("signature", signature_octets_max);
  b.certificate = in.octets("certificate", certificate_octets_max);
  return b;
}

hello read_hello(fields& in) {
  return {.incarnation = in.number("incarnation"), .software = in.words("software")};
}

subscribe read_subscribe(fields& in) {
  subscribe m;
  for (const auto& element : in.array("topics")) {
    const auto* text = element.if_string();
    const auto known = text != nullptr ? parse_topic({text->data(), text->size()}) : std::nullopt;
    if (!known) {
      in.fail("topics", "holds something that is no topic of thor.v1", errc::bad_topic);
      break;
    }
    if (std::ranges::find(m.topics, *known) != m.topics.end()) {
      in.fail("topics", "names a topic twice", errc::bad_topic);
      break;
    }
    m.topics.push_back(*known);
  }
  if (m.topics.empty())
    in.fail("topics", "is empty", errc::bad_topic);
  return m;
}

welcome read_welcome(fields& in) {
  constexpr auto ms_max = std::numeric_limits<std::uint32_t>::max();
  welcome m;
  if (const auto id = in.id("server"))
    m.server = id->text();
  in.hex64("instance");
  m.instance = in.text("instance", instance_octets);
  m.age_ms = in.number("age_ms");
  m.admitting = in.boolean("admitting");
  m.renew_ms = static_cast<std::uint32_t>(in.number("renew_ms", ms_max));
  m.lease_ms = static_cast<std::uint32_t>(in.number("lease_ms", ms_max));
  return m;
}

std::optional<fact_state> parse_fact_state(std::string_view text) {
  for (const auto s : {fact_state::connected, fact_state::late, fact_state::closed,
                       fact_state::revoked, fact_state::expired})
    if (to_string(s) == text)
      return s;
  return std::nullopt;
}

/// Nothing after an error, which `in` then holds.
std::optional<fact> read_fact(fields& in) {
  const auto id = in.id("id");
  const auto state = parse_fact_state(in.text("state", type_octets_max));
  if (!state)
    in.fail("state", "is not connected, late, closed, revoked or expired");
  const auto at = in.version();
  const auto age_ms = in.number("age_ms");
  if (in.failed())
    return std::nullopt;
  return fact{.id = *id, .at = at, .state = *state, .age_ms = age_ms};
}

std::optional<fact> read_event_fact(fields& in) {
  fields inner(in.object("fact"), "fact");
  auto about = read_fact(inner);
  if (inner.failed())
    in.fail(inner.why());
  return about;
}

event read_event(fields& in) {
  event m;
  m.what = read_signed_body(in);
  if (m.what.about == topic::presence)
    m.about = read_event_fact(in);
  return m;
}

synced read_synced(fields& in) {
  return {.about = read_topic(in).value_or(topic::presence), .count = in.number("count")};
}

heartbeat read_heartbeat(fields& in) {
  return {.beat = in.number("beat"),
          .age_ms = in.number("age_ms"),
          .admitting = in.boolean("admitting"),
          .members = in.number("members"),
          .digest = in.hex64("digest")};
}

/// A stable word such as "role_not_in_certificate".
std::string read_word(fields& in, std::string_view key) {
  const auto word = in.text(key, reason_octets_max);
  if (word.empty() ||
      word.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != std::string_view::npos)
    in.fail(key, "is not a word of a-z, 0-9 and _");
  return std::string(word);
}

refused read_refused(fields& in) {
  return {.reason = read_word(in, "reason"), .detail = in.words("detail")};
}

/// The message, unless a field was wrong.
template <class Message, class Read>
std::expected<Message, error> finish(const fields& in, Read read) {
  if (in.failed())
    return std::unexpected(in.why());
  return Message(std::move(read));
}

std::unexpected<error> unknown_type(const fields& in, std::string_view type) {
  if (in.failed())
    return std::unexpected(error{errc::unknown_type, in.why().detail});
  return std::unexpected(error{errc::unknown_type, "type: " + model::printable(type)});
}

} // namespace

std::string_view to_string(errc code) {
  switch (code) {
  case errc::not_json:
    return "not_json";
  case errc::unknown_type:
    return "unknown_type";
  case errc::bad_field:
    return "bad_field";
  case errc::bad_base64:
    return "bad_base64";
  case errc::bad_topic:
    return "bad_topic";
  }
  std::unreachable();
}

std::string encode(const client_message& m) {
  return std::visit([](const auto& message) { return json::serialize(to_json(message)); }, m);
}

std::string encode(const server_message& m) {
  return std::visit([](const auto& message) { return json::serialize(to_json(message)); }, m);
}

std::expected<client_message, error> decode_client(std::string_view frame) {
  const auto object = parse_object(frame);
  if (!object)
    return std::unexpected(object.error());
  fields in(*object);
  const auto type = in.text("type", type_octets_max);
  if (type == "hello")
    return finish<client_message>(in, read_hello(in));
  if (type == "subscribe")
    return finish<client_message>(in, read_subscribe(in));
  if (type == "publish")
    return finish<client_message>(in, publish{read_signed_body(in)});
  if (type == "renew")
    return finish<client_message>(in, renew{in.version()});
  return unknown_type(in, type);
}

std::expected<server_message, error> decode_server(std::string_view frame) {
  const auto object = parse_object(frame);
  if (!object)
    return std::unexpected(object.error());
  fields in(*object);
  const auto type = in.text("type", type_octets_max);
  if (type == "welcome")
    return finish<server_message>(in, read_welcome(in));
  if (type == "fact") {
    const auto read = read_fact(in);
    if (!read)
      return std::unexpected(in.why());
    return *read;
  }
  if (type == "event")
    return finish<server_message>(in, read_event(in));
  if (type == "synced")
    return finish<server_message>(in, read_synced(in));
  if (type == "heartbeat")
    return finish<server_message>(in, read_heartbeat(in));
  if (type == "refused")
    return finish<server_message>(in, read_refused(in));
  return unknown_type(in, type);
}

std::string signed_octets(topic about, std::string_view body) {
  std::string octets(subprotocol);
  octets += '\n';
  octets += to_string(about);
  octets += '\n';
  octets += body;
  return octets;
}

} // namespace thor::wire
