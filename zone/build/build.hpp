// From a description of a zone to its immutable contents, and from two contents to what changed.
//
// Pure. The builder never fails as a whole: a record that cannot stand in the zone is left out and
// reported, so that one bad row of an operator never costs the others.
#pragma once

#include "zone/model/contents.hpp"
#include "zone/model/error.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace thor::zone {

/// RFC 2181 section 8.
inline constexpr std::uint32_t ttl_s_max = 0x7fff'ffff;

/// A name that exists whether or not it has records now.
struct promised_name {
  name owner;
  /// Its records come from membership: while membership is unknown the name is unavailable.
  bool dynamic = false;
  /// What stands at the names directly below; nullptr: only what is in the zone.
  std::shared_ptr<const synthesis> below{};
  /// That names below are, or will be once membership is known, synthesised.
  bool synthesised = false;
  friend bool operator==(const promised_name& a, const promised_name& b);
};

struct zone_input {
  name apex;
  std::uint32_t id = 0;
  soa_rdata soa; ///< its serial is the serial of the zone
  std::uint32_t soa_ttl_s = 0;
  /// RRsets at and below the apex, NS at the apex included, SOA excluded. Two RRsets of one owner
  /// and type are merged; the first one's TTL and slice win. `homes` is empty or as long as
  /// `records`.
  std::vector<rrset> rrsets{};
  std::vector<promised_name> promised{};
  /// Names that were made before, with their records in order: what many publications share costs
  /// next to nothing in each. In canonical order and below the apex; nothing lies below them, and
  /// no other name of this description at them or between the first and the last.
  std::vector<std::shared_ptr<const node>> leaves{};
  /// False: nobody can say what the dynamic names hold.
  bool dynamic_known = true;
  friend bool operator==(const zone_input&, const zone_input&) = default;
};

/// A record that was left out.
struct rejection {
  name owner;
  rr_type type = rr_type::any;
  std::string content; ///< presentation form
  error reason;
};

struct built {
  std::shared_ptr<const contents> zone;
  std::vector<rejection> rejected;
};

/// Builds the zone: RRsets sorted and merged, every ancestor up to the apex present (empty
/// non-terminals), zone cuts and glue marked. Nodes and RRsets equal to those of `previous` (may be
/// nullptr) are shared. Left out, with a reason: owners outside the zone, a SOA besides the zone's
/// own, types that are not data, TTLs above `ttl_s_max`, a CNAME beside other data (RFC 1034
/// section 3.6.2; the CNAME is what goes, so never one at the apex), a DNAME above existing names
/// (RFC 6672 section 2.4; the DNAME is what goes), all but the first CNAME or DNAME of an owner.
/// An RRset without records is as none.
built build(const zone_input& input, const contents* previous);

/// What became of one RRset between two contents of a zone.
struct change {
  name owner;
  rr_type type = rr_type::any;
  std::uint32_t ttl_s = 0; ///< of the records now; 0 when the RRset is gone
  std::vector<rdata> added{};
  std::vector<rdata> removed{};
  /// Forms that clients of other views get (rrset::homes), where such a form is new at its record.
  /// No transfer holds them.
  std::vector<rdata> added_elsewhere{};
};

/// Changes in canonical order of owner, then type; a TTL change shows as all removed and all added.
/// `before` may be nullptr. Cheap where nodes are shared.
std::vector<change> diff(const contents* before, const contents& after);

/// Owners whose answers differ (records, existence, availability), each once, in canonical order.
std::vector<name> changed_names(const contents* before, const contents& after);

/// Whether the apex answers as before but for the serial in its SOA. `before` may be nullptr.
bool only_serial_changed(const contents* before, const contents& after);

/// The next SOA serial: after `last`, and never below unix time (RFC 1982 arithmetic is not needed
/// as long as the value stays below 2^32 and only grows; at the top it saturates).
std::uint32_t next_serial(std::uint32_t last, std::uint64_t unix_time_s);

} // namespace thor::zone
