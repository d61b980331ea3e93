// Which metadata of a zone can be kept. Internal to schema/store. Pure.
#pragma once

#include <string>
#include <vector>

namespace thor::store {

/// Why these cannot be the values of `kind`, "" when they can. No values remove a kind, which can
/// always be.
std::string fault_of_metadata(const std::string& kind, const std::vector<std::string>& values);

} // namespace thor::store
