// The command line of thor-lookup.
#pragma once

#include "coordinator/lookup/ring.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace thor::lookup {

/// A key is asked for at most this many nodes.
inline constexpr int nodes_max = 1000;

enum class mode : std::uint8_t {
  nodes,   ///< those responsible for keys
  members, ///< all of a role
  status,  ///< everybody, as one JSON object
  check_config,
};

struct options {
  mode how = mode::nodes;
  std::string role;
  std::vector<std::string> keys;
  bool keys_from_input = false; ///< one a line of standard input
  std::size_t count = 1;
  placement what_for = placement::existing;
  bool json = false;
  std::chrono::seconds timeout{10}; ///< until the members must be known
  std::filesystem::path config_file;
  bool config_given = false;
};

/// Nothing when the process is to end at once, with `exit_code`; what was wrong is already told.
std::optional<options> read_command_line(int argc, char** argv, int& exit_code);

} // namespace thor::lookup
