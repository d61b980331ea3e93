// What can go wrong with a database, with the words a person needs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace thor::store {

enum class errc : std::uint8_t {
  cannot_open,  ///< missing directory, missing permission, not a regular file
  corrupt,      ///< not a database, or a damaged one
  foreign,      ///< a database, but another program's
  newer_schema, ///< made by a newer Thor
  busy,         ///< another writer held it for longer than busy_timeout_ms
  full,         ///< no space left
  read_only,    ///< the file or its file system cannot be written
  bad_value,    ///< the value does not fit: unknown domain, name outside it, bad content
  not_found,    ///< no such row
  follower,     ///< a copy of another name server's data: to be written there
  differs,      ///< a copy turned out not to be what the writer has
  failed,       ///< anything else SQLite reports
};

std::string_view to_string(errc code);

struct error {
  errc code;
  /// Which file, what was wrong, what to do next.
  std::string detail;

  friend bool operator==(const error&, const error&) = default;
};

/// How long a statement waits for another connection's write.
inline constexpr int busy_timeout_ms = 5000;
/// The same for an edit, whose sender waits for the outcome.
inline constexpr int edit_busy_timeout_ms = 1000;

} // namespace thor::store
