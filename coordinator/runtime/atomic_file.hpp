// Small state files that survive a crash in the middle of a write: the old content or the new one,
// never a part.
#pragma once

#include <sys/types.h>

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>

namespace thor::runtime {

/// Writes a temporary file beside `path` with `mode`, syncs it, renames it over `path` and syncs
/// the directory. The error names the step, the path and the system's reason.
std::expected<void, std::string> write_file_atomically(const std::filesystem::path& path,
                                                       std::string_view content,
                                                       mode_t mode = 0640);

/// The whole file; more than `octets_max` is an error. A missing file is an error, too.
std::expected<std::string, std::string> read_file(const std::filesystem::path& path,
                                                  std::size_t octets_max);

} // namespace thor::runtime
