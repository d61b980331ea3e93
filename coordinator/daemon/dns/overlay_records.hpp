// The operator's static records in the overlay's own zones: which of them may be served.
#pragma once

#include "coordinator/dns/zone_plan.hpp"
#include "schema/store/operator_store.hpp"

#include <string>
#include <vector>

namespace thor::dns {

struct overlay_records {
  std::vector<zone::rrset> rrsets;     ///< one record each
  std::vector<std::string> not_served; ///< rows and why, for people
};

/// Judges all records of `data`, from which those of hosted zones have been taken, and its domains
/// as far as they lie in the overlay's. What depends on other records is left to zone::build.
overlay_records read_overlay_records(const zone_plan& plan, const store::operator_data& data);

} // namespace thor::dns
