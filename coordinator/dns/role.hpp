// What a role looks like in DNS, as data.
//
// A definition says which names a role owns (they exist always) and how a member that holds the
// role turns into records at them. Names are written relative to the overlay's domain, "@" is the
// domain itself. Pure values.
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
  std::uint16_t default_port; ///< where the member's presence names none
};

/// One NAPTR record (RFC 3403), static: it points at names that always exist.
struct naptr_rule {
  std::string owner;
  std::uint16_t order;
  std::uint16_t preference;
  std::string flags;
  std::string service;
  std::string replacement;
};

/// One static TXT record; `{domain}` in the text stands for the overlay's domain without trailing
/// dot.
struct txt_rule {
  std::string owner;
  std::string text;
};

struct role_definition {
  std::string role;
  /// Owner of the A and AAAA of all active members, for clients that do neither NAPTR nor SRV; "" =
  /// none.
  std::string address_name;
  std::vector<srv_service> services;
  std::vector<naptr_rule> naptr;
  std::vector<txt_rule> texts;
  /// TTL of records that follow membership, seconds.
  std::uint32_t member_ttl_s = 30;
  /// TTL of the static records, seconds.
  std::uint32_t static_ttl_s = 300;
  /// Records of one RRset in one answer at most; 0 = all, up to zone_plan's answer_records_max.
  std::uint16_t slice = 8;
};

/// sip_proxy, media_relay, xcap_server, voicemail_server, provisioning_server.
const std::vector<role_definition>& built_in_roles();

} // namespace thor::dns
