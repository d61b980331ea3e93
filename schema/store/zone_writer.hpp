// What one publication writes into zone.sqlite3. Internal to schema/store.
#pragma once

#include "schema/store/record_row.hpp"
#include "schema/store/zone_store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

namespace thor::store {

/// What the database shows, once this process has written it.
struct shown {
  zone::snapshot zones;
  std::shared_ptr<const zone::snapshot> hosted;
  model::member_map members;
};

/// Lives within one transaction. Every function may throw SQLite::Exception.
class zone_writer {
 public:
  zone_writer(SQLite::Database& db, const publication& p);

  /// `before` nullptr: nobody knows what the database holds, so every row is compared.
  void write_zones(const shown* before);
  /// `before` is what the table says, as far as it can be read; `known`: it says nothing else.
  void write_members(const model::member_map& before, bool known);
  void write_published();

 private:
  /// By text: the node, or nullptr for a name that does not exist any more.
  using named_nodes = std::map<std::string, const zone::node*>;

  void write_all(const std::vector<const zone::contents*>& zones);
  void write_changes(const shown& before);
  std::unordered_set<std::uint32_t>
  drop_other_domains(const std::vector<const zone::contents*>& zones);
  void drop_domain(std::int64_t id);
  void write_new(const zone::contents& zone);
  void write_zone(const zone::contents* before, const zone::contents& now, bool with_history);
  named_nodes all_names(const zone::contents& now);
  void write_name(const zone::contents& zone, const std::string& text, const zone::node* n,
                  bool with_history);
  record_row row_in_database();
  bool is_as_written();
  void insert(const zone::contents& zone, const std::string& text, const record_row& row);
  void remember(const zone::contents& zone, const char* change, const std::string& text,
                const record_row& row);
  void remember_member(const model::member* was, const model::member* is);
  void trim(const char* table, std::int64_t rows_max);

  SQLite::Database& db_;
  const publication& p_;
  SQLite::Statement insert_domain_;
  SQLite::Statement delete_domain_;
  SQLite::Statement names_;
  SQLite::Statement rows_;
  SQLite::Statement insert_row_;
  SQLite::Statement delete_row_;
  SQLite::Statement insert_history_;
  SQLite::Statement insert_member_change_;
};

} // namespace thor::store
