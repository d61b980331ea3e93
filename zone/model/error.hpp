// What can be wrong with names, records and zones. One code per kind, with the words a person
// needs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace thor::zone {

enum class errc : std::uint8_t {
  bad_name,      ///< not a DNS name in presentation form
  name_too_long, ///< more than 255 octets, or a label of more than 63
  bad_type,      ///< not a record type
  bad_rdata,     ///< the content does not fit the type
  out_of_zone,   ///< the owner is not at or below the apex
  conflict,      ///< the record cannot stand beside another (CNAME, TTL, duplicate)
  refused,       ///< the second opinion (ldns) does not accept it
};

std::string_view to_string(errc code);

struct error {
  errc code;
  /// What was wrong and where, for a person: "SRV port 70000 is above 65535".
  std::string detail;

  friend bool operator==(const error&, const error&) = default;
};

} // namespace thor::zone
