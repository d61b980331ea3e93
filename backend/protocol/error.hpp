// Why a request of PowerDNS, or of somebody who is not PowerDNS, cannot be read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace thor::backend {

enum class errc : std::uint8_t {
  bad_json,   ///< not one JSON text within the bounds, or an object that names a member twice
  bad_shape,  ///< JSON, but a member is missing or has the wrong type
  bad_name,   ///< not a DNS name
  bad_target, ///< the URL is not /<token>[/<method>[/<argument>...]]
  bad_form,   ///< the body is not parameters=<urlencoded JSON>
  bad_verb,   ///< the HTTP method goes with no request of the protocol
};
inline constexpr std::size_t errc_count = 6;

std::string_view to_string(errc code);

struct error {
  errc code;
  /// What was wrong and where, for a person: `lookup: "qname" is missing`. What it repeats of
  /// the input went through excerpt().
  std::string detail;

  friend bool operator==(const error&, const error&) = default;
};

/// `text` in quotes for a detail: at most 64 octets, those that are not printable as '?'.
std::string excerpt(std::string_view text);

} // namespace thor::backend
