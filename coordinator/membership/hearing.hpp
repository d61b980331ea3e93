// What the messages of an event server mean to the judge. Pure.
#pragma once

#include "coordinator/membership/membership.hpp"
#include "coordinator/wire/codec.hpp"

#include <expected>
#include <optional>
#include <string>

namespace thor::membership {

/// The input that `message`, verified, of the event server `server` is; nothing when it does not
/// concern the judge. An error when its body cannot be read.
std::expected<std::optional<input>, wire::error> hear(const std::string& server,
                                                      const wire::server_message& message);

} // namespace thor::membership
