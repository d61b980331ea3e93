// What a role looks like in DNS, as data.
//
// A definition says which names a role owns (they exist always) and how a member that holds the
// role turns into records at them. Names are written relative to the overlay's domain, "@" is the
// domain itself; only what a record points at may also be absolute, with a dot at the end. Pure
// values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace thor::dns {

/// One SRV RRset (RFC 2782): every active member is one record of it.
struct srv_service {
  std::string owner;    ///< "_sip._udp"
  std::string port_key; ///< key of role_offer::ports, "sip.udp"; port 0 there: this member does not
                        ///< offer the service
  std::uint16_t default_port = 0; ///< where the member's presence names none
  friend bool operator==(const srv_service&, const srv_service&) = default;
};

/// One NAPTR record (RFC 3403), static: it points at names that always exist.
struct naptr_rule {
  std::string owner;
  std::uint16_t order = 0;
  std::uint16_t preference = 0;
  std::string flags; ///< "s": to SRV, "a": to addresses, "": to more NAPTR records
  std::string service;
  std::string replacement;
  friend bool operator==(const naptr_rule&, const naptr_rule&) = default;
};

/// One static TXT record; `{domain}` in the text stands for the overlay's domain without trailing
/// dot. A text longer than 255 octets becomes several strings of the record.
struct txt_rule {
  std::string owner;
  std::string text;
  friend bool operator==(const txt_rule&, const txt_rule&) = default;
};

/// One static URI record (RFC 7553); `{domain}` in the target as in a TXT record.
struct uri_rule {
  std::string owner;
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::string target;
  friend bool operator==(const uri_rule&, const uri_rule&) = default;
};

/// Where the weight of a member's SRV records comes from.
enum class weight_source : std::uint8_t {
  presence, ///< "equal": what the member announces, 100 unless it is told otherwise
  capacity, ///< its attribute `capacity`, 1 to 65535; the announced weight without it
};

/// TTLs, seconds. A member that died stays in caches for the TTL of a record that follows
/// membership.
inline constexpr std::uint32_t member_ttl_s_max = 3600;
inline constexpr std::uint32_t static_ttl_s_max = 604'800;
/// Records of one RRset in one answer: more than this many cannot be asked for but by 0, all.
inline constexpr std::uint16_t slice_max = 64;
/// Octets of a TXT text or of the target of a URI record.
inline constexpr std::size_t rule_text_octets_max = 1024;

struct role_definition {
  std::string role;
  /// Owner of the A and AAAA of all active members, for clients that do neither NAPTR nor SRV; "" =
  /// none.
  std::string address_name{};
  std::vector<srv_service> services{};
  std::vector<naptr_rule> naptr{};
  std::vector<txt_rule> texts{};
  std::vector<uri_rule> uris{};
  /// TTL of records that follow membership, seconds.
  std::uint32_t member_ttl_s = 30;
  /// TTL of the static records, seconds.
  std::uint32_t static_ttl_s = 300;
  /// Records of one RRset in one answer at most; 0 = all, up to answer_records_max.
  std::uint16_t slice = 8;
  /// False: the role has no names in the overlay's zone, only the overlay name `<role>.role`.
  bool is_public = true;
  /// Its members are the nodes of a ring that keys are looked up in; the overlay name says so.
  bool ring = false;
  weight_source weights = weight_source::presence;
  /// A service without any member is "decidedly not available" (RFC 2782: one SRV record with the
  /// target "."), where NODATA would send clients to addresses that are something else.
  bool null_target = false;

  friend bool operator==(const role_definition&, const role_definition&) = default;
};

} // namespace thor::dns
