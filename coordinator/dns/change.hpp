// What changed between two sets of members, and whether DNS shows it. Pure.
#pragma once

#include "coordinator/model/status.hpp"

#include <vector>

namespace thor::dns {

/// The presence of a member, or nullptr.
const model::presence* find_presence(const model::member_map& members, const model::node_id& id);

/// The members that say something else of themselves in `to`, or are in one of the sets only;
/// ascending.
std::vector<model::node_id> difference(const model::member_map& from, const model::member_map& to);

/// True when DNS shows the step from `was` to `is`; nullptr = no member.
bool is_visible(const model::presence* was, const model::presence* is);
/// True when DNS shows any of the differences of these members.
bool is_visible(const model::member_map& from, const model::member_map& to,
                const std::vector<model::node_id>& changed);

} // namespace thor::dns
