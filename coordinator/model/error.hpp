// What can be wrong with the values of the overlay.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace thor::model {

enum class errc : std::uint8_t {
  bad_node_id, ///< not one lower-case LDH label of at most 63 octets
  bad_role,    ///< not a role name
  bad_address, ///< not an IPv4 or IPv6 address
  bad_value,   ///< a field is out of its range
};

std::string_view to_string(errc code);

struct error {
  errc code;
  std::string detail;
  friend bool operator==(const error&, const error&) = default;
};

/// Input from outside, fit for a message: in quotes, cut to 64 octets, everything but printable
/// ASCII as \xNN.
std::string printable(std::string_view text);

} // namespace thor::model
