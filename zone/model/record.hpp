// Resource records and RRsets as typed values.
//
// The types a SIP platform publishes are spelled out; every other type an operator may write is
// carried as checked presentation text. Pure, value semantics, safe on any thread.
#pragma once

#include "zone/model/error.hpp"
#include "zone/model/name.hpp"

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace thor::zone {

/// RR TYPE (RFC 1035 section 3.2.2 and the IANA registry). Any 16-bit value is possible; the named
/// ones are those the code treats by meaning.
enum class rr_type : std::uint16_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  ptr = 12,
  mx = 15,
  txt = 16,
  aaaa = 28,
  srv = 33,
  naptr = 35,
  dname = 39,
  ds = 43,
  rrsig = 46,
  nsec = 47,
  dnskey = 48,
  any = 255,
  uri = 256,
};

/// "SRV", or "TYPE65280" (RFC 3597 section 5) for a type without a mnemonic here.
std::string to_string(rr_type type);
/// Reads either form, in any case.
std::expected<rr_type, error> parse_type(std::string_view text);

/// True for a type that records can have: not 0, OPT or one of the query and meta types (RFC 6895
/// section 3.1).
bool is_data_type(rr_type type);

struct a_rdata {
  std::array<std::uint8_t, 4> octets{};
  auto operator<=>(const a_rdata&) const = default;
};
struct aaaa_rdata {
  std::array<std::uint8_t, 16> octets{};
  auto operator<=>(const aaaa_rdata&) const = default;
};
struct ns_rdata {
  name target;
  auto operator<=>(const ns_rdata&) const = default;
};
struct cname_rdata {
  name target;
  auto operator<=>(const cname_rdata&) const = default;
};
struct ptr_rdata {
  name target;
  auto operator<=>(const ptr_rdata&) const = default;
};
struct mx_rdata {
  std::uint16_t preference = 0;
  name exchange;
  auto operator<=>(const mx_rdata&) const = default;
};

/// RFC 1035 section 3.3.13; all times in seconds.
struct soa_rdata {
  name mname;
  name rname;
  std::uint32_t serial = 0;
  std::uint32_t refresh_s = 0;
  std::uint32_t retry_s = 0;
  std::uint32_t expire_s = 0;
  std::uint32_t minimum_s = 0;
  auto operator<=>(const soa_rdata&) const = default;
};

/// RFC 2782.
struct srv_rdata {
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  name target;
  auto operator<=>(const srv_rdata&) const = default;
};

/// RFC 3403 section 4.1. The three strings are raw octets, at most 255 each.
struct naptr_rdata {
  std::uint16_t order = 0;
  std::uint16_t preference = 0;
  std::string flags;
  std::string service;
  std::string regexp;
  name replacement;
  auto operator<=>(const naptr_rdata&) const = default;
};

/// RFC 1035 section 3.3.14: one or more strings of at most 255 raw octets each.
struct txt_rdata {
  std::vector<std::string> strings;
  auto operator<=>(const txt_rdata&) const = default;
};

/// Any other type: canonical presentation text, accepted by zone/check.
struct opaque_rdata {
  std::string text;
  auto operator<=>(const opaque_rdata&) const = default;
};

using rdata = std::variant<a_rdata, aaaa_rdata, ns_rdata, cname_rdata, ptr_rdata, mx_rdata,
                           soa_rdata, srv_rdata, naptr_rdata, txt_rdata, opaque_rdata>;

/// Where a record is at home. Clients of some networks see an RRset through a view, which is a
/// number of 1 and more: those of the record's own view get the record itself, those of another one
/// get `elsewhere` in its place.
struct home {
  std::uint16_t view = 0; ///< 0 = at home in none
  rdata elsewhere;

  friend bool operator==(const home&, const home&) = default;
};

/// All records of one owner and type. RFC 2181 section 5.2: they share one TTL.
struct rrset {
  name owner;
  rr_type type = rr_type::any;
  std::uint32_t ttl_s = 0;
  /// Sorted, without duplicates, once the set is in a zone.
  std::vector<rdata> records{};
  /// At most this many records in one answer, 0 = all; see backend/answer. Transfers always hold
  /// all.
  std::uint16_t slice = 0;
  /// Empty, or one for each of `records`, in their order: the set then looks different through each
  /// view. Clients of no view and transfers get `records`.
  std::vector<home> homes{};

  friend bool operator==(const rrset&, const rrset&) = default;
};

} // namespace thor::zone
