// What a name looks like to the connection that has changed it in a transaction and not yet
// committed. PowerDNS reads a set, writes it back changed, and reads it again for the next change
// of the same DNS UPDATE (RFC 2136 section 3.4): without its own writes in the answer it would
// undo the first with the second. Pure.
#pragma once

#include "zone/edit/edit.hpp"
#include "zone/model/contents.hpp"

#include <string>

namespace thor::backend {

/// Whether a lookup of `name` has to see `edit`. Not while a whole zone is replaced: then PowerDNS
/// only writes.
bool touches(const zone::zone_edit& edit, const zone::name& name);

/// Appends the rows of `qtype` at `name` as `edit` leaves them, each with a comma before it. `node`
/// is the published one, or nullptr. A record is as it was written: whether it can stand in the
/// zone turns out when the transaction is committed.
void append_pending(std::string& out, const zone::zone_edit& edit, const zone::name& name,
                    zone::rr_type qtype, const zone::node* node, std::uint32_t domain_id);

} // namespace thor::backend
