// The OPTIONS request by which a SIP server shows that it is alive (RFC 3261 section 11), and what
// is needed of its response.
//
// PURE: text in, text out; the edge sends and receives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace thor::health {

/// A response whose header is larger is refused.
inline constexpr std::size_t sip_header_octets_max = 16384;

struct sip_options {
  std::string transport; ///< "UDP", "TCP" or "TLS", as in Via
  std::string target;    ///< "192.0.2.1:5060", "[2001:db8::1]:5060": whom it is for
  std::string local;     ///< the same of this end
  std::string token;     ///< [a-z0-9]+, different for every request
};

/// The branch that the response carries back (RFC 3261 section 17.1.3).
std::string sip_branch(const sip_options& what);

/// The request. Max-Forwards is 0, so that a proxy answers itself instead of passing it on.
std::string sip_request(const sip_options& what);

struct sip_response {
  unsigned status = 0;         ///< 100 to 699
  std::string reason;          ///< as received
  std::string branch;          ///< of the topmost Via; "" = it has none
  std::string cseq_method;     ///< "OPTIONS"
  std::size_t body_octets = 0; ///< Content-Length; 0 when it has none
};

/// Reads the header of a response, from its first octet to the empty line that ends it. The error
/// says what it is instead.
std::expected<sip_response, std::string> parse_sip_response(std::string_view header);

/// The header at the begin of what a stream has brought: its octets with the empty line, nothing
/// when it is not complete.
std::optional<std::size_t> sip_header_octets(std::string_view received);

/// It answers this request, and is no provisional response.
bool is_final_answer(const sip_response& response, const sip_options& to);

} // namespace thor::health
