// Presentation form of RDATA, as master files, PowerDNS and dig write it.
//
// Pure. Names are written absolute with the trailing dot; character strings are always quoted and
// escaped (RFC 1035 section 5.1), so that the text can be read back byte for byte.
#pragma once

#include "zone/model/error.hpp"
#include "zone/model/record.hpp"

#include <expected>
#include <string>
#include <string_view>

namespace thor::zone {

/// The content of one record: `10 100 5060 n1.node.example.` for an SRV.
std::string to_text(const rdata& data);

/// The same of an address, appended: takes nothing from the heap but the room in `out`.
void append_text(std::string& out, const a_rdata& address);
void append_text(std::string& out, const aaaa_rdata& address);

/// Reads the content of a record of `type`. Names are taken as absolute; a missing trailing dot is
/// allowed. For a type without a struct of its own the text is kept (white space folded), to be
/// judged by zone/check.
std::expected<rdata, error> parse_rdata(rr_type type, std::string_view text);

} // namespace thor::zone
