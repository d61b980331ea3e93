// What one publication writes into zone.sqlite3. Internal to schema/store.
#pragma once

#include "schema/store/record_row.hpp"
#include "schema/store/zone_store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <map>
#include <set>
#include <string>

namespace thor::store {

/// Lives within one transaction. Every function may throw SQLite::Exception.
class zone_writer {
 public:
  zone_writer(SQLite::Database& db, const publication& p);

  /// `before` is what the database shows of these zones, as far as this process has written it. Of
  /// the others every row is compared.
  void write_zones(const zone::snapshot& before);
  /// `before` is what the table holds; nullptr: nobody knows.
  void write_members(const model::member_map* before);
  void write_published();

 private:
  /// By text: the node, or nullptr for a name that does not exist any more.
  using named_nodes = std::map<std::string, const zone::node*>;

  std::set<std::uint32_t> drop_other_domains();
  void insert_domain(const zone::contents& zone);
  void write_zone(const zone::contents* before, const zone::contents& now, bool with_history);
  named_nodes all_names(const zone::contents& now);
  void write_name(const zone::contents& zone, const std::string& text, const zone::node* n,
                  bool with_history);
  record_row row_in_database();
  bool is_as_written();
  void insert(const zone::contents& zone, const std::string& text, const record_row& row);
  void remember(const zone::contents& zone, const char* change, const std::string& text,
                const record_row& row);

  SQLite::Database& db_;
  const publication& p_;
  SQLite::Statement rows_;
  SQLite::Statement insert_row_;
  SQLite::Statement delete_row_;
  SQLite::Statement insert_history_;
};

} // namespace thor::store
