// Watches one RRset from outside, as a SIP client would: one UDP query a millisecond, with a DNS
// codec of its own that shares nothing with the code it judges.
#pragma once

#include <cstdint>
#include <string>

namespace thor::bench {

/// Asks `server`:`port` (IPv4) for the records of `owner` until stdin ends; `type` is "SRV" or "A".
/// Each time a record comes into or goes out of the answer a line goes to stdout:
///
///     <nanoseconds of CLOCK_MONOTONIC> <+ or -> <record> <answers since its last line>
///
/// where the record is told by the first label of the SRV target, or by the address. An answer
/// counts against a record only when its query was sent after that record's last change was seen,
/// so what was under way during a change is no change back. At the end one line:
///
///     end <queries> <unanswered> <answers that are truncated or not NOERROR>
int probe(const std::string& server, std::uint16_t port, const std::string& owner,
          const std::string& type);

} // namespace thor::bench
