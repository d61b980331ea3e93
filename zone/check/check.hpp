// The second opinion: every record is read by ldns before it is published.
//
// The rule is a round trip: ldns parses our text, prints it, and what it prints must say the same
// as ours. The only folder that includes ldns. Blocking, no I/O, any thread (no shared state).
#pragma once

#include "zone/model/contents.hpp"
#include "zone/model/error.hpp"

#include <expected>
#include <string>

namespace thor::zone {

/// Accepts the RRset, or says which record ldns does not accept and why.
std::expected<void, error> check(const rrset& set);

/// The same, and brings records of types without a struct of their own into the canonical form, the
/// only one that check() accepts: people and PowerDNS write LOC and APL in several.
std::expected<void, error> settle(rrset& set);

/// Checks what `after` has and `before` (may be nullptr) has not: cost grows with the change.
std::expected<void, error> check_changes(const contents* before, const contents& after);

/// Canonical presentation text of one record of any type ldns knows; how operator data is read.
std::expected<std::string, error> canonical_rdata(rr_type type, const std::string& content);

} // namespace thor::zone
