// Databases in a temporary directory, and a second connection such as an operator's sqlite3.
#pragma once

#include "schema/store/error.hpp"
#include "zone/build/build.hpp"
#include "zone/text/rdata_text.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdlib>
#include <expected>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace thor::store {

template <typename T, typename E>
T value_of(std::expected<T, E>&& result) {
  if (!result) {
    throw std::runtime_error(result.error().detail);
  }
  if constexpr (!std::is_void_v<T>) {
    return *std::move(result);
  }
}

class temporary_directory {
 public:
  temporary_directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "thor-store-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw std::runtime_error("mkdtemp");
    }
    path_ = pattern;
  }
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  std::filesystem::path operator/(std::string_view file) const { return path_ / file; }

 private:
  std::filesystem::path path_;
};

/// What `sqlite3 FILE SQL` would do.
inline void sql(const std::filesystem::path& file, const std::string& text) {
  SQLite::Database(file, SQLite::OPEN_READWRITE).exec(text);
}

/// All rows, the columns joined by `|`; NULL is empty.
inline std::vector<std::string> rows(const std::filesystem::path& file, const std::string& query) {
  SQLite::Database db(file, SQLite::OPEN_READONLY);
  SQLite::Statement statement(db, query);
  std::vector<std::string> lines;
  while (statement.executeStep()) {
    std::string line;
    for (int column = 0; column < statement.getColumnCount(); ++column) {
      line += (column == 0 ? "" : "|") + statement.getColumn(column).getString();
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

inline int mode_of(const std::filesystem::path& file) {
  return static_cast<int>(std::filesystem::status(file).permissions());
}

inline zone::name operator""_n(const char* text, std::size_t size) {
  return value_of(zone::name::parse({text, size}));
}

inline zone::rrset set_of(std::string_view owner, zone::rr_type type,
                          const std::vector<std::string>& contents, std::uint32_t ttl_s = 30) {
  zone::rrset set{.owner = value_of(zone::name::parse(owner)), .type = type, .ttl_s = ttl_s};
  for (const std::string& content : contents) {
    set.records.push_back(value_of(zone::parse_rdata(type, content)));
  }
  return set;
}

} // namespace thor::store
