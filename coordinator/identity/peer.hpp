// Who a certificate says its holder is, and what that holder may do. The certificate is the
// configuration.
//
// Profile: O = overlay domain, CN = node id, one OU per role the holder may take; SAN iPAddress
// entries, when present, bound the addresses it may publish. PURE: identity/x509 reads the
// certificate, this folder decides.
#pragma once

#include "coordinator/model/address.hpp"
#include "coordinator/model/node_id.hpp"
#include "coordinator/model/presence.hpp"
#include "coordinator/model/time.hpp"

#include <cstdint>
#include <expected>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace thor::identity {

inline constexpr std::string_view role_event_server = "thor_eventserver";
inline constexpr std::string_view role_manager = "thor_manager";
inline constexpr std::string_view role_dns_manager = "thor_dnsmanager";

/// Why a certificate or a claim is not accepted. to_string() gives the stable words of the wire and
/// the counters.
enum class errc : std::uint8_t {
  no_domain,                  ///< O is missing, repeated or no DNS name
  bad_node_id,                ///< CN is missing, repeated or no node id
  bad_role,                   ///< an OU is no role name, or there is none
  wrong_domain,               ///< another overlay's certificate
  id_not_in_certificate,      ///< claims another id than its own
  role_not_in_certificate,    ///< claims a role its certificate does not carry
  address_not_in_certificate, ///< claims an address it may not publish
  not_a_manager,              ///< publishes a network status without OU thor_manager
  not_an_event_server,        ///< the server's certificate lacks OU thor_eventserver
  not_a_dns_manager,          ///< copies operator's data without OU thor_dnsmanager
  not_yet_valid,
  expired,
  revoked,
  untrusted,          ///< no chain to the operator's CA
  bad_certificate,    ///< not a certificate, or outside the profile (key type, extensions)
  bad_signature,      ///< a signature does not verify
  unreadable,         ///< a file is missing or not readable
  unsafe_permissions, ///< a private key is readable by others
};
std::string_view to_string(errc code);

struct error {
  errc code;
  std::string detail;
  friend bool operator==(const error&, const error&) = default;
};

/// Subject and SAN as read from a certificate, before any judgement.
struct subject {
  std::vector<std::string> organizations;
  std::vector<std::string> common_names;
  std::vector<std::string> units;
  std::vector<model::ip_address> addresses;
  model::unix_time not_before{};
  model::unix_time not_after{};
  std::string serial{};      ///< lower-case hex, two digits an octet
  std::string fingerprint{}; ///< SHA-256 of the DER, lower-case hex
  std::string issuer{};      ///< key identifier of the CA that issued it, lower-case hex
};

/// An accepted identity.
struct peer {
  std::string domain; ///< lower-case, without trailing dot
  model::node_id id;
  std::set<std::string> roles;
  std::vector<model::ip_address> addresses;
  model::unix_time not_after{};
  std::string serial{};
  std::string fingerprint{};
  std::string issuer{}; ///< with `serial` what a revocation list names

  [[nodiscard]] bool has_role(std::string_view role) const {
    return roles.contains(std::string(role));
  }
};

/// The overlay domain in its one form: lower-case, without trailing dot. LDH labels (RFC 1123
/// section 2.1), at most 64 octets because it is an organizationName too (RFC 5280 appendix A.1).
std::expected<std::string, error> parse_domain(std::string_view text);

/// Reads the profile. Does not look at the clock: validity is checked where the certificate is
/// used.
std::expected<peer, error> read_profile(const subject& s);

/// The peer belongs to `domain`.
std::expected<void, error> check_domain(const peer& p, std::string_view domain);

/// What a client asks of the server it connected to.
std::expected<void, error> check_event_server(const peer& p);

/// What name servers ask of each other before one copies the operator's data from the other.
std::expected<void, error> check_dns_manager(const peer& p);

/// What anybody asks of the author of a network status.
std::expected<void, error> check_manager(const peer& p);

/// `claimed` may be published by `p` connected from `from`. Addresses: the SAN entries bound them;
/// without SAN entries they must be `from` itself or lie in `ranges` (configured address_ranges).
/// Loopback `from` gives no exception.
std::expected<void, error> check_presence(const peer& p, const model::presence& claimed,
                                          const model::ip_address& from,
                                          const std::vector<model::ip_network>& ranges);

/// The roles and the id only: what a consumer can check of a signed presence it got through an
/// event server.
std::expected<void, error> check_author(const peer& p, const model::presence& claimed);

} // namespace thor::identity
