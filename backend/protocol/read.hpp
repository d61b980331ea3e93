// From what arrives on a connection to a typed request: the JSON envelope of the Unix socket and of
// HTTP with post_json, the `post` form, and REST. Pure.
//
//   post_json   POST /<token>[/]            {"method":"lookup","parameters":{...}}
//   post        POST /<token>/lookup        parameters=%7B%22qname%22...
//   REST        GET  /<token>/lookup/www%2eexample%2ecom%2e/ANY   X-RemoteBackend-zone-id: 1
//                                           X-RemoteBackend-real-remote: 192.0.2.0/24
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
  /// Values of X-RemoteBackend-zone-id and X-RemoteBackend-real-remote, empty when there is none.
  /// Only REST needs them.
  std::string_view zone_id;
  std::string_view real_remote{};
};

/// Reads any of the three HTTP forms. What REST would use to write (PATCH, PUT, DELETE and POST
/// with arguments) is an other_request: PowerDNS before 5.0 writes those requests broken, so that
/// only post_json could carry them.
std::expected<request, error> read_http(const http_question& question);

} // namespace thor::backend
