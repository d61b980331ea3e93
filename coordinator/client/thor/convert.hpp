// Between the values of the public headers and those that the overlay is made of. Not installed.
#pragma once

#include "coordinator/client/thor/member.hpp"
#include "coordinator/lookup/ring.hpp"
#include "coordinator/model/status.hpp"

#include <expected>
#include <optional>
#include <string>

namespace thor {

member to_public(const model::member& m);
departure to_public(std::optional<model::withdrawal> why);
lookup::placement to_lookup(placement what_for);

/// Without addresses where none are given. The error says what is out of bounds.
std::expected<model::presence, std::string> to_model(const presence& p, const model::node_id& id);

} // namespace thor
