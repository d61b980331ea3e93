// Many members in one process: libthor clients that join and leave on command.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace thor::bench {

/// Reads commands from stdin, one a line, until it ends:
///
///     prepare ID ADDRESS  reads ID.crt, ID.key and ca.crt in `certificates`
///     connect ID          connects to the event servers without announcing anything
///     announce ID         announces ADDRESS in the role; connects first if need be
///     leave ID            says Thor.Leave
///     row GAP announce|leave|connect ID...
///                         the same with one member after the other, GAP microseconds apart
///
/// and writes one line to stdout when a command is carried out, with the time at which it began
/// (nanoseconds of CLOCK_MONOTONIC): `<time> prepare ID`, ...; `connect` is carried out when a
/// server has answered.
int members(const std::vector<std::string>& event_servers, const std::string& role,
            const std::filesystem::path& certificates);

} // namespace thor::bench
