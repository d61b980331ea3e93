// What only the whole can tell of role definitions: names that are none, two roles at one name,
// NAPTR records that lead nowhere. Types and ranges are judged where a definition is read. Pure.
#pragma once

#include "coordinator/dns/zone_plan.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace thor::dns {

/// Labels right below the domain whose names are not a role's: those of the members, the overlay
/// names of the roles, resource lookup.
inline constexpr std::string_view labels_of_the_overlay[] = {node_label, role_label, "lookup"};

/// Something wrong with a definition, and where in it.
struct role_fault {
  std::size_t role = 0;  ///< which of the configuration's
  std::string_view part; ///< "srv", "naptr", "txt", "uri"; "" = the definition itself. A literal
  std::size_t index = 0; ///< which of them
  std::string_view key;  ///< "owner". A literal
  std::string why;       ///< completes a sentence about the value: "is no DNS name"
};

/// All faults; none when zone_plan can make records of every role.
std::vector<role_fault> check_roles(const zone_config& config);

/// "role sip_proxy: owner of [[srv]] 2 is no DNS name"
std::string to_text(const role_fault& fault, const std::vector<role_definition>& roles);

} // namespace thor::dns
