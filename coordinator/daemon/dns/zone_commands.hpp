// thor-dns zone ...: the zones as the running daemon serves them, for people.
//
// The daemon hands out its snapshot over the control socket; everything else happens here, in the
// process of the command.
#pragma once

#include "coordinator/daemon/dns/served_zones.hpp"
#include "coordinator/runtime/control.hpp"
#include "coordinator/runtime/program.hpp"

#include <functional>
#include <vector>

namespace thor::dns {

/// The daemon's side, on its overlay thread. What the references lead to must outlive the server.
void answer_zone_commands(runtime::control_server& control, const served_zones& served,
                          std::function<const zone_plan&()> plan);

std::vector<runtime::local_command> zone_commands();

} // namespace thor::dns
