// The command line of thor-monitor.
#pragma once

#include "coordinator/monitor/verdict.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <vector>

namespace thor::monitor {

enum class mode : std::uint8_t {
  screen, ///< the live full screen
  once,   ///< the classic list
  json,   ///< one JSON object
  events, ///< changes as lines
  check,  ///< a monitoring plugin
  check_config,
};

struct options {
  mode how = mode::screen;
  std::filesystem::path config_file;
  bool config_given = false;
  std::chrono::seconds timeout{10}; ///< until a status must have come: once, json, check
  std::vector<condition> conditions;
};

/// Nothing when the process is to end at once, with `exit_code`. What was wrong is already told: to
/// standard error, or as a verdict to standard output when it was to be a plugin.
std::optional<options> read_command_line(int argc, char** argv, int& exit_code);

/// Tells why nothing can be done, where the mode's reader looks for it; returns the exit code.
int complain(mode how, int exit_code, std::string_view why);

} // namespace thor::monitor
