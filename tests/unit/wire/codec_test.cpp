#include "coordinator/wire/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::wire {
namespace {

using testing::HasSubstr;

model::node_id id(std::string_view text) {
  return model::node_id::parse(text).value();
}

std::string refusal(std::string_view frame) {
  const auto decoded = decode_client(frame);
  return decoded ? "accepted" : std::string(to_string(decoded.error().code));
}

std::string detail(std::string_view frame) {
  const auto decoded = decode_client(frame);
  return decoded ? "accepted" : decoded.error().detail;
}

TEST(client_frames, are_read) {
  EXPECT_EQ(decode_client(R"({"type":"hello","incarnation":5,"software":"x"})"),
            client_message(hello{.incarnation = 5, .software = "x"}));
  EXPECT_EQ(decode_client(R"({"type":"hello","incarnation":0})"), client_message(hello{}));
  EXPECT_EQ(decode_client(R"({"type":"subscribe","topics":["Thor.Members","Thor.Leave"]})"),
            client_message(subscribe{{topic::members, topic::leave}}));
  EXPECT_EQ(decode_client(R"({"type":"renew","incarnation":5,"sequence":9})"),
            client_message(renew{{5, 9}}));
  EXPECT_EQ(decode_client(R"({"type":"publish","topic":"Thor.Leave","body":"{\"a\":\"é\"}",)"
                          R"("signature":"AAE=","certificate":"/w=="})"),
            client_message(publish{{.about = topic::leave,
                                    .body = R"({"a":"é"})",
                                    .signature = std::string("\0\1", 2),
                                    .certificate = "\xff"}}));
}

TEST(client_frames, may_carry_fields_of_later_versions) {
  EXPECT_EQ(decode_client(R"({"type":"renew","incarnation":5,"sequence":9,"later":[{}]})"),
            client_message(renew{{5, 9}}));
}

TEST(client_frames, of_unknown_type_are_told_apart_from_malformed_ones) {
  EXPECT_EQ(refusal(R"({"type":"sing"})"), "unknown_type");
  EXPECT_EQ(refusal(R"({"type":7})"), "unknown_type");
  EXPECT_EQ(refusal(R"({})"), "unknown_type");
  EXPECT_EQ(refusal(R"({"type":"welcome"})"), "unknown_type");
}

TEST(client_frames, that_are_not_one_object_are_refused) {
  for (const auto* frame : {"", "   ", "{", "[]", "null", "7", "{}{}", "{} x", "{'type':1}",
                            R"({"type":"renew",})", "{\"type\":\"\xff\"}", "// c\n{}"})
    EXPECT_EQ(refusal(frame), "not_json") << frame;
}

TEST(client_frames, with_a_repeated_key_are_refused) {
  EXPECT_EQ(refusal(R"({"type":"renew","incarnation":5,"sequence":9,"sequence":9})"), "not_json");
  EXPECT_EQ(refusal(R"({"type":"renew","incarnation":5,"sequence":9,"x":[{"a":1,"a":1}]})"),
            "not_json");
  // The same key once literally and once escaped.
  EXPECT_EQ(refusal(R"({"type":"renew","incarnation":5,"sequence":9,"\u0074ype":"renew"})"),
            "not_json");
}

TEST(client_frames, nest_at_most_eight_deep) {
  const auto nested = [](int depth) {
    return R"({"type":"renew","incarnation":5,"sequence":9,"x":)" +
           std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']') + "}";
  };
  EXPECT_EQ(refusal(nested(7)), "accepted");
  EXPECT_EQ(refusal(nested(8)), "not_json");
  EXPECT_EQ(refusal(nested(100'000)), "not_json");
}

TEST(client_frames, hold_integers_up_to_2_53_exactly) {
  EXPECT_EQ(decode_client(R"({"type":"renew","incarnation":9007199254740991,"sequence":0})"),
            client_message(renew{{integer_max, 0}}));
  for (const auto* number : {"9007199254740992", "18446744073709551615", "18446744073709551616",
                             "-1", "-0.0", "1.0", "1e3", "0.5", "\"1\"", "null", "true", "[1]"}) {
    const auto frame =
        R"({"type":"renew","incarnation":)" + std::string(number) + R"(,"sequence":0})";
    EXPECT_EQ(refusal(frame), "bad_field") << number;
  }
}

TEST(client_frames, say_which_field_is_wrong) {
  EXPECT_EQ(detail(R"({"type":"renew","incarnation":5})"), "sequence: is missing");
  EXPECT_EQ(detail(R"({"type":"hello","incarnation":5,"software":5})"),
            "software: is not a string of at most 512 octets");
}

TEST(client_frames, keep_control_characters_out_of_text_for_people) {
  EXPECT_EQ(refusal(R"({"type":"hello","incarnation":5,"software":"a\nb"})"), "bad_field");
  EXPECT_EQ(refusal(R"({"type":"hello","incarnation":5,"software":"a\u001b[1m"})"), "bad_field");
}

TEST(client_frames, subscribe_to_known_topics_once_each) {
  EXPECT_EQ(refusal(R"({"type":"subscribe","topics":[]})"), "bad_topic");
  EXPECT_EQ(refusal(R"({"type":"subscribe","topics":["Thor.Nobody"]})"), "bad_topic");
  EXPECT_EQ(refusal(R"({"type":"subscribe","topics":[1]})"), "bad_topic");
  EXPECT_EQ(refusal(R"({"type":"subscribe","topics":["Thor.Leave","Thor.Leave"]})"), "bad_topic");
  EXPECT_EQ(refusal(R"({"type":"subscribe","topics":"Thor.Leave"})"), "bad_field");
}

TEST(client_frames, bound_signature_and_certificate) {
  const auto frame = [](std::size_t signature, std::size_t certificate) {
    return encode(client_message(publish{{.about = topic::presence,
                                          .body = "{}",
                                          .signature = std::string(signature, 's'),
                                          .certificate = std::string(certificate, 'c')}}));
  };
  EXPECT_EQ(refusal(frame(signature_octets_max, certificate_octets_max)), "accepted");
  EXPECT_NE(refusal(frame(signature_octets_max + 1, 1)), "accepted");
  EXPECT_NE(refusal(frame(1, certificate_octets_max + 1)), "accepted");
  EXPECT_EQ(refusal(frame(0, 1)), "bad_base64");
  EXPECT_EQ(refusal(R"({"type":"publish","topic":"Thor.Leave","body":"{}","signature":"A",)"
                    R"("certificate":"AAAA"})"),
            "bad_base64");
}

TEST(server_frames, are_read) {
  const fact seen{.id = id("n1"), .at = {5, 9}, .state = fact_state::late, .age_ms = 1500};
  EXPECT_EQ(
      decode_server(
          R"({"type":"fact","id":"n1","incarnation":5,"sequence":9,"state":"late","age_ms":1500})"),
      server_message(seen));
  EXPECT_EQ(
      decode_server(
          R"({"type":"heartbeat","beat":1,"age_ms":2,"admitting":true,"members":3,"digest":"ffffffffffffffff"})"),
      server_message(heartbeat{1, 2, true, 3, ~std::uint64_t{0}}));
  EXPECT_EQ(decode_server(R"({"type":"synced","topic":"Thor.Statistics","count":3})"),
            server_message(synced{topic::statistics, 3}));
  EXPECT_EQ(decode_server(R"({"type":"refused","reason":"stale_version","detail":"old"})"),
            server_message(refused{"stale_version", "old"}));
}

TEST(server_frames, carry_a_fact_with_a_presence_only) {
  const signed_body body{
      .about = topic::presence, .body = "{}", .signature = "s", .certificate = "c"};
  EXPECT_FALSE(decode_server(encode(server_message(event{body, std::nullopt}))));
  auto other = body;
  other.about = topic::leave;
  EXPECT_EQ(decode_server(encode(server_message(event{other, std::nullopt}))),
            server_message(event{other, std::nullopt}));
}

TEST(server_frames, name_the_inner_field_that_is_wrong) {
  const auto decoded = decode_server(
      R"({"type":"event","topic":"Thor.Presence","body":"{}","signature":"AAAA","certificate":"AAAA",)"
      R"("fact":{"id":"N1","incarnation":5,"sequence":9,"state":"late","age_ms":1500}})");
  ASSERT_FALSE(decoded);
  EXPECT_THAT(decoded.error().detail, HasSubstr("fact.id"));
}

TEST(server_frames, hold_hex_of_exactly_16_lower_case_digits) {
  for (const auto* digest : {"0", "00000000000000000", "FFFFFFFFFFFFFFFF", "0x00000000000000",
                             "+000000000000001", "000000000000000g", ""}) {
    const auto frame =
        R"({"type":"heartbeat","beat":1,"age_ms":2,"admitting":true,"members":3,"digest":")" +
        std::string(digest) + R"("})";
    EXPECT_FALSE(decode_server(frame)) << digest;
  }
}

TEST(signatures, cover_protocol_topic_and_body) {
  EXPECT_EQ(signed_octets(topic::leave, "{\"id\":\"n1\"}"), "thor.v1\nThor.Leave\n{\"id\":\"n1\"}");
}

TEST(topics, keep_sip_thors_names) {
  for (const auto t : {topic::presence, topic::leave, topic::members, topic::statistics})
    EXPECT_EQ(parse_topic(to_string(t)), t);
  EXPECT_EQ(to_string(topic::statistics), "Thor.Statistics");
  EXPECT_EQ(parse_topic("thor.leave"), std::nullopt);
}

} // namespace
} // namespace thor::wire
