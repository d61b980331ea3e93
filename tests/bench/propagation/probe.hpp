// Watches an SRV RRset from outside, as a SIP client would: one UDP query a millisecond, with a DNS
// codec of its own that shares nothing with the code it judges.
#pragma once

#include <cstdint>
#include <string>

namespace thor::bench {

/// Asks `server`:`port` (IPv4) for the SRV records of `owner` until stdin ends. Each time a
/// target's first label comes into or goes out of the answer a line goes to stdout:
///
///     <nanoseconds of CLOCK_MONOTONIC> <+ or -> <label> <answers since its last line>
///
/// An answer counts against a label only when its query was sent after that label's last change was
/// seen, so what was under way during a change is no change back. At the end one line:
///
///     end <queries> <unanswered> <answers with an rcode other than NOERROR>
int probe(const std::string& server, std::uint16_t port, const std::string& owner);

} // namespace thor::bench
