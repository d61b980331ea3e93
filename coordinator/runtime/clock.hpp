// The two clocks of a process, asked by the edge and handed to the machines as arguments.
#pragma once

#include "coordinator/model/time.hpp"

namespace thor::runtime {

/// CLOCK_BOOTTIME. It never jumps, and unlike CLOCK_MONOTONIC it goes on while the machine is
/// suspended: a program that wakes up sees that its leases are over and that it was absent itself,
/// instead of believing that no time has passed. Timers of the loop do not run during a suspend, so
/// a deadline that fell into one is seen with the first thing that happens after it.
model::time_point monotonic_now();

/// Unix time, for certificates, serials and people. May jump.
model::unix_time unix_now();

} // namespace thor::runtime
