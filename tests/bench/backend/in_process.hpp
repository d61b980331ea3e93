// Figures that need no socket: lookups, and the making of tables.
#pragma once

#include "tests/bench/backend/figures.hpp"

namespace thor::bench {

void in_process(const report& out);

} // namespace thor::bench
