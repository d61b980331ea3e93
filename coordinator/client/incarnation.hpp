// The number of this process in the history of its member.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>

namespace thor::client {

/// A number above every earlier one of the file, and not below the unix time `now`: greater than
/// that of any process before, also when the file was lost. Stored before it is
/// returned. Directories are created when missing. Throws std::runtime_error when the file holds
/// something else or cannot be replaced.
std::uint64_t take_incarnation(const std::filesystem::path& file,
                               std::chrono::sys_time<std::chrono::milliseconds> now);

} // namespace thor::client
