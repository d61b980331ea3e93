// The tables of operator.sqlite3 that followers copy: how their rows are read, compared and
// written, and how a copy is kept from being written to. Internal to schema/store.
//
// A table is replicated by one line in replicated_tables.cpp; nothing else here knows any of them.
// All functions throw SQLite::Exception; those that write need a transaction around them.
#pragma once

#include "coordinator/model/operator_copy.hpp"
#include "schema/store/error.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace thor::store {

/// No trigger of this connection fires while this lives. A copy takes the writer's revision and
/// serials as they are, and may write where the guards refuse it.
class without_triggers {
 public:
  explicit without_triggers(SQLite::Database& db);
  ~without_triggers();
  without_triggers(const without_triggers&) = delete;
  without_triggers& operator=(const without_triggers&) = delete;

 private:
  SQLite::Database& db_;
};

/// Rows are taken as they are: no triggers, and no constraints but those that hold a table
/// together. Made before the transaction begins, because SQLite refuses it within one.
class verbatim {
 public:
  explicit verbatim(SQLite::Database& db);
  ~verbatim();
  verbatim(const verbatim&) = delete;
  verbatim& operator=(const verbatim&) = delete;

 private:
  SQLite::Database& db_;
  without_triggers triggers_;
};

std::uint64_t digest_of_rows(SQLite::Database& db);

struct read_parts {
  std::vector<model::copied_rows> parts; ///< below 256 KiB each, but for one of a single row
  std::uint64_t digest = 0;
};
/// All rows. An error (bad_value) names a row that cannot be copied.
std::expected<read_parts, error> read_rows(SQLite::Database& db);

/// A whole copy, read and found well-formed.
struct parsed_rows {
  std::map<std::string_view, std::unordered_set<std::string>> by_table; ///< as JSON
  std::uint64_t digest = 0;
};
/// Errors (bad_value): a table or columns unknown here, rows that are none.
std::expected<parsed_rows, error> parse_rows(const std::vector<model::copied_rows>& parts);
/// Makes the tables hold exactly these rows, and touches only those that differ. Within `verbatim`.
void write_rows(SQLite::Database& db, const parsed_rows& wanted);

/// From now on INSERT, UPDATE and DELETE fail with a sentence that names the writer.
/// Precondition: `writer` is a node id.
void refuse_writes(SQLite::Database& db, const std::string& writer);
void allow_writes(SQLite::Database& db);

} // namespace thor::store
