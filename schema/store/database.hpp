// What both databases have in common: a file with a safe mode, its schema, and SQLite's exceptions
// turned into errors. Internal to schema/store.
#pragma once

#include "schema/store/error.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <sys/types.h>

#include <concepts>
#include <expected>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace thor::store {

struct database_kind {
  std::string_view what; ///< "operator database"
  int application_id;    ///< PRAGMA application_id: tells our databases from others
  mode_t mode;           ///< of the file, at most
  std::string_view synchronous;
  std::span<const std::string_view> migrations;
};

/// Opens or makes the database: mode, write-ahead log, integrity check, migrations.
std::expected<std::unique_ptr<SQLite::Database>, error>
open_database(const std::filesystem::path& file, const database_kind& kind);

error to_error(const std::filesystem::path& file, const SQLite::Exception& failure);

/// Runs `work`, which returns std::expected<T, error>, at the boundary where exceptions end.
template <std::invocable Work>
std::invoke_result_t<Work> guarded(const std::filesystem::path& file, Work work) {
  try {
    return work();
  } catch (const SQLite::Exception& failure) {
    return std::unexpected(to_error(file, failure));
  }
}

} // namespace thor::store
