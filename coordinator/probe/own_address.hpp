// Which addresses are this machine's.
#pragma once

#include "coordinator/model/address.hpp"

#include <vector>

namespace thor::probe {

/// The first of `announced` that this machine has, else a loopback address: behind a NAT what is
/// announced belongs to somebody else, who is not to be probed.
model::ip_address own_address(const std::vector<model::ip_address>& announced);

} // namespace thor::probe
