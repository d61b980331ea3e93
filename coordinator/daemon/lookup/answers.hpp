// What thor-lookup prints of the members that it knows.
#pragma once

#include "coordinator/client/network.hpp"
#include "coordinator/daemon/lookup/options.hpp"

namespace thor::lookup {

/// Nobody offers the role.
inline constexpr int exit_nobody = 3;

/// Prints what `how` asks for, to standard output; returns the exit code.
int print_answers(const options& how, const client::network& members);

} // namespace thor::lookup
