// JSON text <-> messages and bodies. Pure; every reader here takes bytes from outside and is
// fuzzed.
//
// Readers refuse what they do not understand: unknown message types, missing or mistyped fields,
// numbers out of range, duplicate keys, nesting beyond 8. Unknown extra fields are ignored, so that
// the protocol can grow. Writers expect values within the bounds of message.hpp and
// model::validate: what they write, the readers accept.
#pragma once

#include "coordinator/wire/message.hpp"

#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace thor::wire {

enum class errc : std::uint8_t {
  not_json,     ///< not one JSON object
  unknown_type, ///< "type" is missing or unknown
  bad_field,    ///< a field is missing, has the wrong type or is out of range
  bad_base64,
  bad_topic,
};
std::string_view to_string(errc code);

struct error {
  errc code;
  std::string detail;
  friend bool operator==(const error&, const error&) = default;
};

std::string encode(const client_message& m);
std::string encode(const server_message& m);
std::expected<client_message, error> decode_client(std::string_view frame);
std::expected<server_message, error> decode_server(std::string_view frame);

std::string encode_body(const model::presence& p);
std::string encode_body(const leave& l);
/// Precondition: `s.json` is the text of a JSON object.
std::string encode_body(const statistics& s);
std::string encode_body(const model::status_event& s);
std::expected<model::presence, error> decode_presence(std::string_view body);
std::expected<leave, error> decode_leave(std::string_view body);
std::expected<statistics, error> decode_statistics(std::string_view body);
std::expected<model::status_event, error> decode_status(std::string_view body);

/// The statistics of a thor-dns.
statistics statistics_of(model::node_id id, const zone_report& zone);
/// Nothing when they do not speak of a zone.
std::expected<std::optional<zone_report>, error> zone_report_of(const statistics& s);

/// The octets a signature covers.
std::string signed_octets(topic about, std::string_view body);

} // namespace thor::wire
