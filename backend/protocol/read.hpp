// From what arrives on a connection to a typed request: the JSON envelope of the Unix socket and of
// HTTP with post_json, the `post` form, and REST. Pure.
//
//   post_json   POST /<token>[/]            {"method":"lookup","parameters":{...}}
//   post        POST /<token>/lookup        parameters=%7B%22qname%22...
//   REST        GET  /<token>/lookup/www%2eexample%2ecom%2e/ANY   X-RemoteBackend-zone-id: 1
//                                           X-RemoteBackend-real-remote: 192.0.2.0/24
//               PATCH /<token>/setDomainMetadata/example%2e/NSEC3PARAM   value[]=1+0+0+-
#pragma once

#include "backend/protocol/error.hpp"
#include "backend/protocol/request.hpp"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace thor::backend {

/// A request target of HTTP, split and then decoded: an escaped slash does not split.
struct target {
  /// First segment, as it was sent: a token never needs an escape.
  std::string_view token;
  /// Second segment: the method, or empty.
  std::string method;
  /// The segments after the method.
  std::vector<std::string> arguments;
  /// What follows the question mark, as it was sent.
  std::string_view query{};
};

/// Splits the target of a request line (RFC 9112 section 3.2.1). Valid as long as `text`.
std::expected<target, error> read_target(std::string_view text);

/// Reads {"method":...,"parameters":{...}}. Missing parameters are none.
std::expected<request, error> read_envelope(std::string_view text);

/// The parts of an HTTP request that say what is asked.
struct http_question {
  std::string_view verb; ///< "GET", "POST", ...
  const target& where;
  std::string_view body;
  /// Values of X-RemoteBackend-zone-id, -real-remote and -trxid, empty when there is none. Only
  /// REST needs them.
  std::string_view zone_id;
  std::string_view real_remote{};
  std::string_view transaction{};
};

/// Reads any of the three HTTP forms. A write that PowerDNS before 5.0 writes broken over REST (a
/// truth value without its key) is a declined_request, and so are feedEnts and feedEnts3, whose
/// names it never writes there.
std::expected<request, error> read_http(const http_question& question);

} // namespace thor::backend
