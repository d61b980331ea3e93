// The messages of the event stream, subprotocol `thor.v1`: one JSON object a WebSocket text frame.
//
// README.md in this folder is the specification, for any language; these are the same messages as
// C++ values. Pure; the codec (codec.hpp) is the only code that knows their JSON. Bodies of
// published topics travel as opaque text, exactly as their author signed them: an event server
// stores and forwards them and reads only what it must authorise.
#pragma once

#include "coordinator/model/operator_copy.hpp"
#include "coordinator/model/presence.hpp"
#include "coordinator/model/status.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace thor::wire {

/// Body of Thor.Statistics; event servers refuse more.
inline constexpr std::size_t statistics_octets_max = 16U << 10;

inline constexpr std::string_view subprotocol = "thor.v1";
inline constexpr std::uint16_t default_port = 8000;
/// The largest frame anyone may send; a larger one ends the connection. A whole status of 10,000
/// members fits.
inline constexpr std::size_t frame_octets_max = 4U << 20;
/// The largest frame an event server takes from a peer that is not a manager.
inline constexpr std::size_t member_frame_octets_max = 64U << 10;
/// The largest integer on the wire, 2^53 - 1: what every JSON reader holds exactly (RFC 7493
/// section 2.2). Incarnations, sequences and counters beyond it are refused; digests, which need
/// all 64 bits, travel as 16 hex digits.
inline constexpr std::uint64_t integer_max = (std::uint64_t{1} << 53) - 1;
/// Bounds of the parts of a signed body, in raw octets.
inline constexpr std::size_t signature_octets_max = 512;
inline constexpr std::size_t certificate_octets_max = 8192;
/// Bound of a text for people: software, detail. Longer ones are refused.
inline constexpr std::size_t text_octets_max = 512;
/// How long a leaving member may ask to be kept.
inline constexpr std::uint32_t hold_ms_max = 600'000;

enum class topic : std::uint8_t { presence, leave, members, statistics };
/// "Thor.Presence", "Thor.Leave", "Thor.Members", "Thor.Statistics".
std::string_view to_string(topic t);
std::optional<topic> parse_topic(std::string_view text);

/// Why the connection ends, as WebSocket close codes (RFC 6455 section 7.4: 4000-4999 are ours).
enum class close_code : std::uint16_t {
  going_away = 1001,     ///< the server stops; reconnect
  too_large = 1009,      ///< a frame beyond the limit
  replaced = 4000,       ///< a newer incarnation of this id connected: do not come back by yourself
  protocol_error = 4001, ///< malformed or unexpected frame, no hello in time
  too_slow = 4002,       ///< the queue towards this subscriber was full
  unauthorised = 4003,   ///< the certificate does not allow this peer here
  revoked = 4004,        ///< the certificate was revoked or expired while connected
  overloaded = 4005,     ///< a bound was reached; come back later
};

/// Text published under a topic, with the author's proof. `signature` is over
/// "thor.v1\n" + topic + "\n" + body; `certificate` is the author's certificate. Both raw octets
/// here, base64 on the wire.
struct signed_body {
  topic about = topic::presence;
  std::string body;
  std::string signature;
  std::string certificate; ///< DER
  friend bool operator==(const signed_body&, const signed_body&) = default;
};

// ---- member to event server

/// First frame of every connection.
struct hello {
  std::uint64_t incarnation = 0; ///< of the process; 0 for one that only listens
  std::string software;
  friend bool operator==(const hello&, const hello&) = default;
};
struct subscribe {
  std::vector<topic> topics;
  friend bool operator==(const subscribe&, const subscribe&) = default;
};
struct publish {
  signed_body what;
  friend bool operator==(const publish&, const publish&) = default;
};
/// "I am still here, unchanged": once a second, absorbed by the event server.
struct renew {
  model::version at;
  friend bool operator==(const renew&, const renew&) = default;
};

// ---- event server to member

/// First frame of the server.
struct welcome {
  std::string server;         ///< node id of the event server
  std::string instance;       ///< new at every start of the process, 16 hex digits
  std::uint64_t age_ms = 0;   ///< since the process started
  bool admitting = false;     ///< reconnections are still queued: absence proves nothing yet
  std::uint32_t renew_ms = 0; ///< how often to renew
  std::uint32_t lease_ms = 0; ///< silence after which a member counts as silent
  friend bool operator==(const welcome&, const welcome&) = default;
};

/// What an event server knows first-hand about a member's connection. Never a judgement.
enum class fact_state : std::uint8_t {
  connected, ///< connected and heard; age = since last heard
  late,      ///< connected, but a renewal is overdue; age = since last heard
  closed,    ///< its connection ended; age = since then
  revoked,   ///< cut off because its certificate was revoked; age = since then
  expired,   ///< cut off because its certificate expired; age = since then
};
std::string_view to_string(fact_state s);

struct fact {
  model::node_id id;
  model::version at; ///< of the presence or renewal last heard
  fact_state state = fact_state::connected;
  std::uint64_t age_ms = 0;
  friend bool operator==(const fact&, const fact&) = default;
};

/// A published body on its way to subscribers. `about` is set for Thor.Presence only.
struct event {
  signed_body what;
  std::optional<fact> about;
  friend bool operator==(const event&, const event&) = default;
};

/// Ends the retained part of a subscription.
struct synced {
  topic about = topic::presence;
  std::uint64_t count = 0; ///< events sent before this frame for the topic
  friend bool operator==(const synced&, const synced&) = default;
};

/// Once a second to everybody.
struct heartbeat {
  std::uint64_t beat = 0;
  std::uint64_t age_ms = 0;
  bool admitting = false;
  std::uint64_t members = 0; ///< connected members with a presence
  std::uint64_t digest = 0;  ///< model::digest_of over them
  friend bool operator==(const heartbeat&, const heartbeat&) = default;
};

/// A frame was not accepted; the connection goes on unless a close follows.
struct refused {
  std::string reason; ///< a stable word: "role_not_in_certificate"
  std::string detail; ///< for a person
  friend bool operator==(const refused&, const refused&) = default;
};

using client_message = std::variant<hello, subscribe, publish, renew>;
using server_message = std::variant<welcome, fact, event, synced, heartbeat, refused>;

/// Body of Thor.Leave.
struct leave {
  model::node_id id;
  model::version at; ///< the version after the last presence
  /// The member means to be back within this time: keep it until then. 0 = withdraw at once. At
  /// most hold_ms_max.
  std::uint32_t hold_ms = 0;
  friend bool operator==(const leave&, const leave&) = default;
};

/// Body of Thor.Statistics: figures of one member, not interpreted.
struct statistics {
  model::node_id id;
  std::string json; ///< text of one JSON object
  /// Which of the member's figures these are; zeros when it does not say.
  model::version at{};
  /// When figures were taken, by the name that they have in the object; unix time of the member's
  /// clock. Of a name that is missing here the member does not say.
  std::map<std::string, model::unix_time> taken{};
  friend bool operator==(const statistics&, const statistics&) = default;
};

/// Whose operator's data a thor-dns has, and which state of them.
struct operator_report {
  model::writer_claim of;
  model::data_state have;
  friend bool operator==(const operator_report&, const operator_report&) = default;
};

/// What a thor-dns tells of the zone that it serves, in its statistics under "dns".
struct zone_report {
  std::uint32_t serial = 0; ///< SOA serial
  std::uint64_t digest = 0; ///< of the zone's records: the same where the zones are
  bool degraded = false;    ///< it judges the members itself, because no manager lives
  bool divergent = false;   ///< the serial is its own: no manager has caught up with it
  std::optional<operator_report> operator_data = std::nullopt;
  friend bool operator==(const zone_report&, const zone_report&) = default;
};

} // namespace thor::wire
