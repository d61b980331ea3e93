// Every bound of the serving side, in one place.
#pragma once

#include <chrono>
#include <cstddef>

namespace thor::backend {

/// Request line and header fields. The longest of PowerDNS, a REST lookup of a name of 255 octets
/// with every octet escaped twice, takes less than 3 KiB.
inline constexpr std::size_t http_header_octets_max = 8 * 1024;
/// The longest request is the largest RRset that fits into a DNS message, written in full.
inline constexpr std::size_t http_body_octets_max = 1024 * 1024;
/// The body of a request without the token, which is read to be refused; on a connection that
/// has shown it once, http_body_octets_max holds.
inline constexpr std::size_t stranger_body_octets_max = 64 * 1024;
/// One request on the Unix socket.
inline constexpr std::size_t unix_line_octets_max = 1024 * 1024;
/// How much memory of a request a connection keeps for the next.
inline constexpr std::size_t request_octets_kept = 64 * 1024;

/// Connections of each kind on one serving thread. PowerDNS opens one for each of its threads and
/// a few more.
inline constexpr std::size_t connections_max = 512;

/// From the first octet of an HTTP request, or from the connection's begin, to its last octet.
inline constexpr std::chrono::seconds request_time_max{5};
/// Until the peer has taken a reply, or one piece of a long one.
inline constexpr std::chrono::seconds reply_time_max{10};
/// How long, and for how much input, a connection that is turned away stays open so that its peer
/// can read why.
inline constexpr std::chrono::seconds linger_time_max{1};
inline constexpr std::size_t linger_octets_max = 256 * 1024;

/// PowerDNS refuses a reply of more than 2 MiB, unless it comes in chunks.
inline constexpr std::size_t whole_body_octets_max = 1024 * 1024;

/// As much as the first read of a request takes; PowerDNS's requests are a few hundred octets.
inline constexpr std::size_t read_octets = 4096;

/// A long reply is written in pieces of about this size.
inline constexpr std::size_t piece_octets = 64 * 1024;

/// After a failed accept, most likely for want of file descriptors.
inline constexpr std::chrono::milliseconds accept_retry_delay{200};
/// For replies that are being written when the server stops.
inline constexpr std::chrono::seconds stop_grace_max{1};

/// Log lines of one serving thread in one period; what is above is counted and summed up.
inline constexpr unsigned log_lines_max = 10;
inline constexpr std::chrono::seconds log_period{10};

/// A path token shorter than this is no secret.
inline constexpr std::size_t token_characters_min = 16;

} // namespace thor::backend
