// The methods of the protocol as a table: what each is called, how REST writes it, which parameters
// it takes and how they become a typed request. Pure.
#pragma once

#include "backend/protocol/error.hpp"
#include "backend/protocol/parameters.hpp"
#include "backend/protocol/request.hpp"

#include <boost/json/object.hpp>

#include <expected>
#include <optional>
#include <span>
#include <string_view>

namespace thor::backend {

/// The parameters that REST writes as header fields.
inline constexpr std::string_view zone_id_key = "zone-id";
inline constexpr std::string_view real_remote_key = "real-remote";
inline constexpr std::string_view transaction_key = "trxid";

/// Reads the parameters of the method `name`. Members that it does not use are ignored: PowerDNS
/// sends more than is needed (remote, local, include_disabled). A method that is not
/// in the table gives a declined_request.
std::expected<request, error> read_parameters(std::string_view name,
                                              const boost::json::object& parameters, spelling how);

/// How REST writes a method.
struct rest_form {
  std::string_view verb;
  std::span<const std::string_view> path; ///< the parameters that are path segments, in order
};

/// Nothing for methods that are not in the table, and for those that REST cannot say.
std::optional<rest_form> rest_form_of(std::string_view name);

/// A call that PowerDNS writes over REST so that its parameters are lost; or a method that is not
/// in the table.
declined_request lost_over_rest(std::string_view name);

} // namespace thor::backend
