// The path token of the HTTP backend: what keeps other local users from reading keys and writing
// records.
#pragma once

#include <filesystem>
#include <string>

namespace thor::dns {

/// The token in `file`, which is made with a random one (128 bits, 32 hex digits, mode 0640) when
/// it is missing. Throws std::runtime_error when the file cannot be read or made, does not hold a
/// token, or is readable by everybody.
std::string read_or_create_token(const std::filesystem::path& file);

} // namespace thor::dns
