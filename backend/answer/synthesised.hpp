// The rows of a name that is in no zone's list: zone::synthesis as PowerDNS reads it. Pure.
#pragma once

#include "zone/model/record.hpp"
#include "zone/model/synthesis.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace thor::backend {

/// Between the SRV priorities of a host and of the one to turn to when it fails. The first has this
/// one itself.
inline constexpr unsigned synthesised_priority_step = 10;

/// Appends the rows of `qtype`, each with a comma before it, of the name whose canonical wire
/// octets are `owner`: an SRV record for each host, and the addresses of the first. Without hosts
/// `any` gives the row that means "exists, has nothing". Every row has a scopeMask: PowerDNS is to
/// keep none of them, because nobody could tell it which to forget when a host goes.
void append_synthesised(std::string& out, std::string_view owner, zone::rr_type qtype,
                        const zone::synthesis& made, std::uint32_t domain_id);

} // namespace thor::backend
