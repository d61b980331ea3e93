// What the serving threads count. Read from any thread; every value only grows, but for the
// gauges of open connections.
#pragma once

#include "backend/protocol/request.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace thor::backend {

/// Why a request or a connection was turned away.
enum class refusal : std::uint8_t {
  bad_http,         ///< not HTTP/1.x
  bad_json,         ///< not one JSON text within the bounds
  bad_request,      ///< JSON of the wrong shape, a name that is none, a form that is none
  bad_target,       ///< a URL that is not /<token>[/<method>...], or a verb that goes with none
  wrong_token,      ///< the path token is missing or not ours
  header_too_long,  ///< URL and header fields
  body_too_long,    ///< HTTP body
  line_too_long,    ///< request on the Unix socket
  slow_client,      ///< a request or the reading of a reply took too long
  connection_limit, ///< a connection closed for, or refused because of, too many others
  peer,             ///< a local user that may not use the Unix socket
  unsupported,      ///< a method that is not offered, or a write where nothing is written
  write,            ///< an edit that was not applied
  too_large,        ///< an answer longer than PowerDNS can read over the Unix connector
};
inline constexpr std::size_t refusal_count = 14;

/// Name of the reason as a metric label ("wrong_token").
std::string_view to_string(refusal reason);

struct serve_counters {
  using counter = std::atomic<std::uint64_t>;

  std::array<counter, method_count> requests{};  ///< by method, of either connector
  std::array<counter, refusal_count> refusals{}; ///< by reason
  counter not_ready = 0;                         ///< requests nobody could answer at that time
  counter http_accepted = 0;
  counter unix_accepted = 0;
  counter accept_errors = 0;
  counter http_open = 0; ///< gauge
  counter unix_open = 0; ///< gauge
};

} // namespace thor::backend
