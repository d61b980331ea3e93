// The columns of the table member that hold JSON. Lossless: what is written is read back equal.
// Pure.
#pragma once

#include "coordinator/model/presence.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thor::store {

std::string addresses_json(const std::vector<model::ip_address>& addresses);
std::string roles_json(const std::map<std::string, model::role_offer>& roles);
std::string attributes_json(const std::map<std::string, std::string>& attributes);

// Nothing when the text is not of the form that the functions above write.
std::optional<std::vector<model::ip_address>> read_addresses(std::string_view json);
std::optional<std::map<std::string, model::role_offer>> read_roles(std::string_view json);
std::optional<std::map<std::string, std::string>> read_attributes(std::string_view json);

} // namespace thor::store
