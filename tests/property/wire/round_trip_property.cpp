// What the codec writes it reads back as the same value, and nothing that it reads harms it.
#include "coordinator/wire/base64.hpp"
#include "coordinator/wire/codec.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace thor::wire {
namespace {

using rc::gen::inRange;

// ---- any value within the bounds of the specification

std::uint64_t any_integer() {
  return *rc::gen::oneOf(inRange<std::uint64_t>(0, 100), inRange<std::uint64_t>(0, integer_max + 1),
                         rc::gen::just(integer_max));
}

model::version any_version() {
  return {.incarnation = any_integer(), .sequence = any_integer()};
}

/// From all of `letters`, 1 to `max` of them.
std::string any_word(std::string_view letters, std::size_t max) {
  const auto size = *inRange<std::size_t>(1, max + 1);
  std::string word;
  for (std::size_t i = 0; i < size; ++i)
    word += letters[*inRange<std::size_t>(0, letters.size())];
  return word;
}

constexpr std::string_view label_letters = "abcxyz0189";
/// With everything that JSON escapes and octets of a two-octet character kept together.
std::string any_text(std::size_t max) {
  std::string text;
  const auto size = *inRange<std::size_t>(0, max / 2);
  for (std::size_t i = 0; i < size; ++i)
    text += *rc::gen::element<std::string>("a", "\"", "\\", "/", " ", "{", "é", "=");
  return text;
}

std::string any_octets(std::size_t max) {
  const auto size = *inRange<std::size_t>(1, max + 1);
  std::string octets;
  for (std::size_t i = 0; i < size; ++i)
    octets += static_cast<char>(*inRange(0, 256));
  return octets;
}

model::node_id any_id() {
  return model::node_id::parse(any_word(label_letters, 63)).value();
}

model::ip_address any_address() {
  // Unicast by construction.
  if (*rc::gen::arbitrary<bool>())
    return model::ip_address::v4(
        {static_cast<std::uint8_t>(*inRange(1, 224)), *rc::gen::arbitrary<std::uint8_t>(),
         *rc::gen::arbitrary<std::uint8_t>(), *rc::gen::arbitrary<std::uint8_t>()});
  std::array<std::uint8_t, 16> octets{0x20, 0x01};
  for (std::size_t i = 2; i < octets.size(); ++i)
    octets[i] = *rc::gen::arbitrary<std::uint8_t>();
  return model::ip_address::v6(octets);
}

model::role_offer any_offer() {
  model::role_offer offer;
  offer.state = *rc::gen::element(model::role_state::active, model::role_state::draining);
  offer.priority = *rc::gen::arbitrary<std::uint16_t>();
  offer.weight = *rc::gen::arbitrary<std::uint16_t>();
  for (auto left = *inRange(0, 4); left > 0; --left)
    offer.ports.emplace(any_word(label_letters, 10) + ".udp", *rc::gen::arbitrary<std::uint16_t>());
  return offer;
}

model::presence any_presence() {
  model::presence p{.id = any_id(),
                    .at = any_version(),
                    .addresses = {any_address()},
                    .roles = {},
                    .site = *rc::gen::arbitrary<bool>() ? "" : any_word("ams1-", 10),
                    .software = any_text(model::software_octets_max),
                    .attributes = {}};
  for (auto left = *inRange(0, 4); left > 0; --left)
    p.roles.emplace("r" + any_word("abc_019", 20), any_offer());
  for (auto left = *inRange(0, 4); left > 0; --left)
    p.attributes.emplace(any_word("abcXYZ.-_", model::attribute_key_octets_max),
                         any_text(model::attribute_value_octets_max));
  return p;
}

model::member any_member() {
  return {.what = any_presence(),
          .since = model::unix_time(std::chrono::seconds(*inRange<std::int64_t>(0, 1LL << 40)))};
}

model::position any_position() {
  return {.at = {.counter = any_integer(), .manager = any_id().text()}, .sequence = any_integer()};
}

model::withdrawal any_withdrawal() {
  using enum model::withdrawal;
  return *rc::gen::element(left, closed, silent, replaced, revoked, expired);
}

model::status_event any_status() {
  const auto where = any_position();
  const auto serial = *rc::gen::arbitrary<std::uint32_t>();
  const auto kind = *inRange(0, 3);
  if (kind == 0)
    return model::status_beat{where, serial, *rc::gen::arbitrary<std::uint64_t>()};
  model::member_map members;
  for (auto left = *inRange(0, 4); left > 0; --left) {
    const auto m = any_member();
    members.emplace(m.what.id, m);
  }
  if (kind == 1)
    return model::status_full{where, serial, members};
  model::status_delta delta{where, serial, {}, {}};
  for (const auto& [id, m] : members) {
    if (*rc::gen::arbitrary<bool>())
      delta.upserts.push_back(m);
    else
      delta.removals.push_back({id, any_withdrawal()});
  }
  return delta;
}

topic any_topic() {
  return *rc::gen::element(topic::presence, topic::leave, topic::members, topic::statistics);
}

signed_body any_signed_body() {
  return {.about = any_topic(),
          .body = any_text(200),
          .signature = any_octets(80),
          .certificate = any_octets(200)};
}

fact any_fact() {
  using enum fact_state;
  return {.id = any_id(),
          .at = any_version(),
          .state = *rc::gen::element(connected, late, closed, revoked, expired),
          .age_ms = any_integer()};
}

client_message any_client_message() {
  switch (*inRange(0, 4)) {
  case 0:
    return hello{.incarnation = any_integer(), .software = any_text(text_octets_max)};
  case 1:
    return subscribe{{any_topic()}};
  case 2:
    return publish{any_signed_body()};
  default:
    return renew{any_version()};
  }
}

server_message any_server_message() {
  switch (*inRange(0, 6)) {
  case 0:
    return welcome{.server = any_id().text(),
                   .instance = "0123456789abcdef",
                   .age_ms = any_integer(),
                   .admitting = *rc::gen::arbitrary<bool>(),
                   .renew_ms = *rc::gen::arbitrary<std::uint32_t>(),
                   .lease_ms = *rc::gen::arbitrary<std::uint32_t>()};
  case 1:
    return any_fact();
  case 2: {
    event e{.what = any_signed_body(), .about = std::nullopt};
    if (e.what.about == topic::presence)
      e.about = any_fact();
    return e;
  }
  case 3:
    return synced{.about = any_topic(), .count = any_integer()};
  case 4:
    return heartbeat{.beat = any_integer(),
                     .age_ms = any_integer(),
                     .admitting = *rc::gen::arbitrary<bool>(),
                     .members = any_integer(),
                     .digest = *rc::gen::arbitrary<std::uint64_t>()};
  default:
    return refused{.reason = any_word("abc_019", 64), .detail = any_text(text_octets_max)};
  }
}

// ---- properties

RC_GTEST_PROP(codec, reads_the_frames_it_writes, ()) {
  const auto from_client = any_client_message();
  RC_ASSERT((decode_client(encode(from_client)) == from_client));
  const auto from_server = any_server_message();
  RC_ASSERT((decode_server(encode(from_server)) == from_server));
}

RC_GTEST_PROP(codec, reads_the_bodies_it_writes, ()) {
  const auto p = any_presence();
  RC_PRE(model::validate(p).has_value());
  RC_ASSERT((decode_presence(encode_body(p)) == p));
  const leave l{any_id(), any_version(), *inRange<std::uint32_t>(0, hold_ms_max + 1)};
  RC_ASSERT((decode_leave(encode_body(l)) == l));
  const auto s = any_status();
  RC_ASSERT((decode_status(encode_body(s)) == s));
  statistics figures{any_id(), R"({"calls":1})", any_version(), {}};
  for (auto left = *inRange(0, 4); left > 0; --left)
    figures.taken.emplace(any_text(20), std::chrono::seconds(any_integer()));
  RC_ASSERT((decode_statistics(encode_body(figures)) == figures));
}

/// One octet changed, taken out or put in: refused, or read as a value that makes the round trip.
RC_GTEST_PROP(codec, takes_damaged_frames_without_harm, ()) {
  auto text = encode(any_client_message());
  const auto at = *inRange<std::size_t>(0, text.size());
  const auto octet = static_cast<char>(*rc::gen::oneOf(
      inRange(0, 256), rc::gen::element<int>('"', '{', '}', '[', ']', ',', ':', '\\', '0', '-')));
  switch (*inRange(0, 3)) {
  case 0:
    text[at] = octet;
    break;
  case 1:
    text.erase(at, 1);
    break;
  default:
    text.insert(at, 1, octet);
  }
  if (const auto read = decode_client(text))
    RC_ASSERT((decode_client(encode(*read)) == *read));
}

RC_GTEST_PROP(codec, takes_any_octets_without_harm, (std::string text)) {
  RC_ASSERT(!decode_client(text));
  RC_ASSERT(!decode_server(text));
  RC_ASSERT(!decode_status(text));
}

RC_GTEST_PROP(base64, makes_the_round_trip, (std::string octets)) {
  RC_ASSERT(base64_decode(base64_encode(octets)) == octets);
}

RC_GTEST_PROP(base64, has_one_text_for_each_value, (std::string noise)) {
  if (const auto octets = base64_decode(noise))
    RC_ASSERT(base64_encode(*octets) == noise);
}

} // namespace
} // namespace thor::wire
