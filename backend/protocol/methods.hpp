// The methods of the protocol as a table: what each is called, which parameters it takes and how
// they become a typed request. Pure.
#pragma once

#include "backend/protocol/error.hpp"
#include "backend/protocol/request.hpp"

#include <boost/json/object.hpp>

#include <expected>
#include <span>
#include <string_view>

namespace thor::backend {

/// The parameters of a lookup that REST writes as header fields.
inline constexpr std::string_view zone_id_key = "zone-id";
inline constexpr std::string_view real_remote_key = "real-remote";

/// Reads the parameters of the method `name`. Members that it does not use are ignored: PowerDNS
/// sends more than is needed (remote, local, include_disabled). A method that is not
/// in the table gives an other_request.
std::expected<request, error> read_parameters(std::string_view name,
                                              const boost::json::object& parameters);

/// The parameters that REST writes as path segments, in their order. Empty for methods without and
/// for methods that are not in the table.
std::span<const std::string_view> path_parameters(std::string_view name);

} // namespace thor::backend
