// A zone as it is served: immutable, complete, in canonical order.
//
// A `contents` is made aside by zone/build, checked by zone/check and then shared by pointer:
// between the overlay thread that makes it and the serving threads that read it nothing is ever
// changed in place. Consecutive contents share the nodes and RRsets that did not change.
#pragma once

#include "zone/model/name.hpp"
#include "zone/model/record.hpp"
#include "zone/model/synthesis.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace thor::zone {

/// One existing name. Without RRsets it is an empty non-terminal, or a name that configuration
/// promises and that has no record now: both answer NODATA, never NXDOMAIN (RFC 8020, RFC 4592
/// section 2.2.2).
struct node {
  name owner;
  std::vector<std::shared_ptr<const rrset>> rrsets{}; ///< by type, ascending
  /// A zone cut: the NS RRset here delegates what lies at and below this name (RFC 1034 section
  /// 4.2.1).
  bool delegation = false;
  /// False below a zone cut: glue, or hidden by the delegation.
  bool authoritative = true;
  /// It has no records and nothing lies below it: it exists by promise alone.
  bool bare = false;
  /// False while nobody can say what the records are: queries get SERVFAIL, so that a resolver
  /// tries the next name server (never NODATA, never NXDOMAIN).
  bool available = true;
  /// What stands at the names directly below, which are no nodes; nullptr where there are none.
  std::shared_ptr<const synthesis> below{};
};

/// Whether the zone itself answers for the node's records of `type`; PowerDNS's `auth`. At a cut
/// only what speaks about the cut is: DS and NSEC (RFC 4035 section 2.6); not its NS, nor addresses
/// there, which are glue.
bool is_authoritative(const node& n, rr_type type);

struct contents {
  name apex;
  /// PowerDNS domain id: persistent, >= 1.
  std::uint32_t id = 0;
  std::uint32_t serial = 0;
  std::vector<std::shared_ptr<const node>> nodes; ///< canonical order; the apex first
  /// Some names of the zone are synthesised, so that no transfer and no order of its names is
  /// complete.
  bool is_synthesised = false;

  /// The node of an existing name, or nullptr. O(log nodes).
  [[nodiscard]] const node* find(const name& owner) const;
};

/// All zones served now. Zones are ordered by apex.
struct snapshot {
  std::vector<std::shared_ptr<const contents>> zones;
};

} // namespace thor::zone
