// What PowerDNS's remote backend asks, as types. The three ways it is written down (the JSON
// envelope, the `post` form and REST) all end here.
//
// Pure values, safe on any thread. Names are canonical: PowerDNS passes on the case its client
// used.
#pragma once

#include "backend/protocol/error.hpp"
#include "backend/protocol/ip_prefix.hpp"
#include "zone/model/name.hpp"
#include "zone/model/record.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace thor::backend {

/// The methods this backend knows, and `other` for the rest of the protocol.
enum class method : std::uint8_t {
  initialize,
  lookup,
  list,
  get_all_domains,
  get_domain_info,
  get_all_domain_metadata,
  get_domain_metadata,
  get_before_and_after_names_absolute,
  get_domain_keys,
  get_tsig_key,
  get_tsig_keys,
  get_updated_masters,
  get_unfresh_slave_infos,
  set_notified,
  other,
};
inline constexpr std::size_t method_count = 15;

/// PowerDNS's spelling ("getAllDomains"); "other" for the rest.
std::string_view to_string(method which);

/// First message on a Unix connection.
struct initialize_request {};

struct lookup_request {
  zone::name qname;
  /// `any` asks for everything at the name. A type that nothing can have (TYPE0) stands for a type
  /// we have no word for.
  zone::rr_type qtype = zone::rr_type::any;
  /// The zone PowerDNS already chose; without a value the nearest zone above the name is meant.
  std::optional<std::uint32_t> zone_id;
  /// Who gets the answer, as far as PowerDNS tells.
  std::optional<ip_prefix> client{};
};

/// A whole zone, for a transfer.
struct list_request {
  zone::name zone;
};

struct all_domains_request {};

struct domain_info_request {
  zone::name zone;
};

struct all_metadata_request {
  zone::name zone;
};

struct metadata_request {
  zone::name zone;
  std::string kind;
};

/// The neighbours of a name in the order in which the zone denies names (RFC 4034 section 6.1, RFC
/// 5155 section 7.1). Whether it asks in the order of NSEC or of NSEC3 is not said.
struct neighbours_request {
  std::optional<std::uint32_t> zone_id;
  /// Below the zone's apex, as if that were the root: the root itself is the apex (NSEC). Or one
  /// label, a hash in lower-case base32hex (NSEC3).
  zone::name qname;
};

/// Asks for things this backend has none of: keys, and zones that need a transfer.
struct nothing_request {
  method what = method::other;
};

/// PowerDNS queued the notifications of a zone, and wants the serial kept until the next time. Here
/// it is told when to notify, so that there is nothing to keep.
struct set_notified_request {};

/// A method that is not in the table: a write, or unknown.
struct other_request {
  std::string name;
};

using request =
    std::variant<initialize_request, lookup_request, list_request, all_domains_request,
                 domain_info_request, all_metadata_request, metadata_request, neighbours_request,
                 nothing_request, set_notified_request, other_request>;

method method_of(const request& what);

} // namespace thor::backend
