// What a member says about itself.
//
// A presence is ordered by (incarnation, sequence): the incarnation changes only when the member's
// process starts and only upwards, the sequence with every change within it. Merging is taking the
// later one, so it commutes.
#pragma once

#include "coordinator/model/address.hpp"
#include "coordinator/model/node_id.hpp"

#include <compare>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thor::model {

/// Bounds of one presence; what exceeds them is refused, never cut.
inline constexpr std::size_t roles_max = 32;
inline constexpr std::size_t addresses_max = 16;
inline constexpr std::size_t ports_per_role_max = 16;
inline constexpr std::size_t attributes_max = 32;
inline constexpr std::size_t attribute_key_octets_max = 64;
inline constexpr std::size_t attribute_value_octets_max = 512;
inline constexpr std::size_t role_octets_max = 63;
inline constexpr std::size_t site_octets_max = 63;
inline constexpr std::size_t software_octets_max = 128;

/// `[a-z][a-z0-9_]{0,62}`: sip_proxy, media_relay, ...
bool is_role_name(std::string_view text);

enum class role_state : std::uint8_t {
  active,   ///< takes new work
  draining, ///< finishes what it has: leaves SRV, keeps its address
};
std::string_view to_string(role_state state);

/// One role as offered by one member.
struct role_offer {
  role_state state = role_state::active;
  /// Port by SRV service label pair without the leading underscores, `sip.udp` -> 5060; where a
  /// service is missing the role's definition has the default. 0: this member does not offer it.
  std::map<std::string, std::uint16_t> ports;
  std::uint16_t priority = 10;
  std::uint16_t weight = 100;
  friend bool operator==(const role_offer&, const role_offer&) = default;
};

/// Position of a presence in its member's history.
struct version {
  std::uint64_t incarnation = 0;
  std::uint64_t sequence = 0;
  friend auto operator<=>(const version&, const version&) = default;
};

struct presence {
  node_id id;
  version at;
  std::vector<ip_address> addresses;       ///< in the member's order, no duplicates, at least one
  std::map<std::string, role_offer> roles; ///< by role name
  std::string site;                        ///< "" = none
  std::string software;                    ///< program and version, for people
  std::map<std::string, std::string> attributes;

  friend bool operator==(const presence&, const presence&) = default;
};

/// Accepts a presence within the bounds above, or says which field is wrong. Addresses must be
/// unicast and, for IPv6, not link-local; no text may hold control characters.
std::expected<void, error> validate(const presence& p);

/// A role of the overlay's own programs, `thor_*`: an event server, a manager, ... DNS shows
/// nothing of it.
bool is_overlay_role(std::string_view role);

/// False for a member that has roles and only the overlay's own: it has no name in DNS.
bool is_in_dns(const presence& p);

/// The attribute that says how much work a member can take: a decimal number in a unit of the
/// operator's, the same for all members of a role.
inline constexpr std::string_view attribute_capacity = "capacity";
/// Its value; nothing when it is absent or no such number.
std::optional<std::uint64_t> capacity_of(const presence& p);

/// Attributes of this prefix and a role tell how a member judges what it offers as that role, for
/// people: "up", or a word, a colon and why. A role that is down is not among its roles.
inline constexpr std::string_view attribute_health_prefix = "health.";
/// By role, without the prefix.
std::map<std::string, std::string> health_of(const presence& p);

/// "sip.udp": a key of role_offer::ports.
bool is_port_key(std::string_view text);

/// True when the two differ in something that DNS shows: whether they are in DNS, addresses, roles
/// but the overlay's own, their ports, state, priority and weight, site, capacity.
bool dns_relevant_change(const presence& a, const presence& b);

} // namespace thor::model
