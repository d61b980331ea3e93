// What a manager keeps over a restart: one small JSON file,
// {"epoch_counter": 1795308418, "epoch_manager": "m1", "serial_limit": 1795309420}.
#pragma once

#include "coordinator/membership/effect.hpp"

#include <expected>
#include <filesystem>
#include <string>

namespace thor::manager {

/// Zeros when the file does not exist. Throws std::runtime_error when it cannot be read or
/// understood: a manager that guessed could go back in epoch or serial.
membership::persist read_kept_state(const std::filesystem::path& file);

std::expected<void, std::string> write_kept_state(const std::filesystem::path& file,
                                                  const membership::persist& what);

} // namespace thor::manager
