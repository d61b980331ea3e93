#include "backend/protocol/json_text.hpp"
#include "backend/protocol/read.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

namespace thor::backend {
namespace {

/// A name of up to four labels of any octets.
zone::name any_name() {
  zone::name out;
  const auto labels = *rc::gen::inRange(0, 5);
  for (int i = 0; i < labels; ++i) {
    const auto octets = *rc::gen::container<std::string>(*rc::gen::inRange<std::size_t>(1, 20),
                                                         rc::gen::arbitrary<char>());
    out = *out.child(octets);
  }
  return out;
}

/// As YaHTTP encodes: every octet that is not a letter or a digit.
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += hex[static_cast<unsigned char>(c) >> 4];
      out += hex[static_cast<unsigned char>(c) & 0xf];
    }
  }
  return out;
}

/// Some letters in upper case, as clients like to write.
std::string shouted(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z' && *rc::gen::arbitrary<bool>()) {
      c = static_cast<char>(c - 'a' + 'A');
    }
  }
  return text;
}

RC_GTEST_PROP(read, all_forms_of_a_lookup_say_the_same, ()) {
  const zone::name name = any_name();
  const std::string qname = shouted(name.text());
  const auto zone_id = *rc::gen::arbitrary<std::uint32_t>();
  const auto client = *rc::gen::element<std::string>("192.0.2.0/24", "::1/128", "::/0");

  std::string parameters = "{\"qname\":";
  append_json_string(parameters, qname);
  parameters += ",\"qtype\":\"ANY\",\"zone-id\":" + std::to_string(zone_id) +
                ",\"real-remote\":\"" + client + "\"}";
  const std::string envelope = "{\"method\":\"lookup\",\"parameters\":" + parameters + "}";
  const std::string rest_url = "/t/lookup/" + percent_encoded(qname) + "/ANY";

  const auto rest_target = read_target(rest_url);
  RC_ASSERT(rest_target.has_value());
  const std::vector<std::expected<request, error>> all{
      read_envelope(envelope),
      read_http({.verb = "POST", .where = *read_target("/t"), .body = envelope, .zone_id = ""}),
      read_http({.verb = "POST",
                 .where = *read_target("/t/lookup"),
                 .body = "parameters=" + percent_encoded(parameters),
                 .zone_id = ""}),
      read_http({.verb = "GET",
                 .where = *rest_target,
                 .body = "",
                 .zone_id = std::to_string(zone_id),
                 .real_remote = client}),
  };
  for (const auto& one : all) {
    RC_ASSERT(one.has_value());
    const auto& asked = std::get<lookup_request>(*one);
    RC_ASSERT(asked.qname == name);
    RC_ASSERT(asked.qtype == zone::rr_type::any);
    RC_ASSERT(asked.zone_id == zone_id);
    RC_ASSERT(asked.client == ip_prefix::parse(client));
  }
}

RC_GTEST_PROP(read, whatever_arrives_is_read_or_refused_with_a_reason, ()) {
  const auto text = *rc::gen::arbitrary<std::string>();
  const auto read = read_envelope(text);
  RC_ASSERT(read.has_value() || !read.error().detail.empty());
}

} // namespace
} // namespace thor::backend
