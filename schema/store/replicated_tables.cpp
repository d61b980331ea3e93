#include "schema/store/replicated_tables.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <sqlite3.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace thor::store {
namespace {

namespace json = boost::json;

struct table_layout {
  std::string_view name;
  /// All columns that are copied, the key among them.
  std::string_view columns;
};

constexpr std::array replicated_tables{
    table_layout{"domains", "id, name, template, serial"},
    table_layout{"records", "id, domain_id, name, type, content, ttl, disabled"},
    table_layout{"domainmetadata", "id, domain_id, kind, content"},
    table_layout{"templates", "id, name"},
    table_layout{"template_records", "id, template, name, type, content, ttl"},
    table_layout{"cryptokeys", "id, domain_id, flags, active, published, content"},
    table_layout{"tsigkeys", "id, name, algorithm, secret"},
    // The ids that were ever given. Last: SQLite itself writes there when rows are inserted.
    table_layout{"sqlite_sequence", "name, seq"},
};

/// A part as it travels stays below 256 KiB.
constexpr std::size_t part_octets_max = 250U << 10;
/// A longer row is refused: a frame has to hold it.
constexpr std::size_t row_octets_max = 2U << 20;
constexpr std::string_view guard_prefix = "follower_refuses_";

/// SQLite's own tables take no triggers.
bool can_be_guarded(const table_layout& table) {
  return !table.name.starts_with("sqlite_");
}

std::string name_of(const table_layout& table) {
  return std::string(table.name);
}

// ---- a row as JSON: the one form in which rows are hashed, compared and sent

std::string to_hex(std::string_view octets) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(octets.size() * 2);
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    out += digits[octet >> 4U];
    out += digits[octet & 0xfU];
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view digits) {
  std::string out;
  for (std::size_t at = 0; at < digits.size(); at += 2) {
    unsigned octet = 0;
    const auto* const first = digits.data() + at;
    const auto* const last = std::min(first + 2, digits.data() + digits.size());
    const auto [end, failure] = std::from_chars(first, last, octet, 16);
    if (failure != std::errc() || end != first + 2) {
      return std::nullopt;
    }
    out += static_cast<char>(octet);
  }
  return out;
}

/// SQLite's text may be any octets, JSON's must be UTF-8.
json::value text_value(std::string_view text) {
  json::value as_it_is = json::string_view(text.data(), text.size());
  const bool is_ascii = std::ranges::all_of(text, [](char c) { return (c & 0x80) == 0; });
  boost::system::error_code no_utf8;
  if (!is_ascii) {
    json::parse(json::serialize(as_it_is), no_utf8);
  }
  return no_utf8 ? json::value(json::object{{"hex", to_hex(text)}}) : as_it_is;
}

/// Nothing for a floating-point number or a blob: the tables have none.
std::optional<json::value> value_of(const SQLite::Column& column) {
  switch (column.getType()) {
  case SQLITE_NULL:
    return json::value(nullptr);
  case SQLITE_INTEGER:
    return json::value(column.getInt64());
  case SQLITE_TEXT:
    return text_value(column.getString());
  default:
    return std::nullopt;
  }
}

/// The row at hand, from column `first` on; "" when it cannot be copied.
std::string row_text(SQLite::Statement& row, int first) {
  json::array values;
  for (int at = first; at < row.getColumnCount(); ++at) {
    auto value = value_of(row.getColumn(at));
    if (!value) {
      return {};
    }
    values.push_back(*std::move(value));
  }
  return json::serialize(values);
}

/// The text for a value of a row that came from outside; nothing when it is none.
std::optional<std::string> text_of(const json::value& value) {
  if (const auto* text = value.if_string()) {
    return std::string(text->data(), text->size());
  }
  const auto* object = value.if_object();
  const auto* hex = object != nullptr && object->size() == 1 ? object->if_contains("hex") : nullptr;
  if (hex == nullptr || !hex->is_string()) {
    return std::nullopt;
  }
  const auto& digits = hex->get_string();
  return from_hex({digits.data(), digits.size()});
}

bool is_row(const json::value& value, std::size_t columns) {
  const auto* row = value.if_array();
  return row != nullptr && row->size() == columns &&
         std::ranges::all_of(*row, [](const json::value& v) {
           return v.is_null() || v.is_int64() || text_of(v).has_value();
         });
}

void bind(SQLite::Statement& to, int index, const json::value& value) {
  if (value.is_null()) {
    to.bind(index);
  } else if (value.is_int64()) {
    to.bind(index, value.get_int64());
  } else {
    to.bind(index, *text_of(value));
  }
}

std::uint64_t digest_of(std::string_view table, std::string_view row) {
  auto hashed = std::string(table) + ' ';
  hashed += row;
  return XXH64(hashed.data(), hashed.size(), 0);
}

// ---- tables

std::size_t column_count(const table_layout& table) {
  return static_cast<std::size_t>(std::ranges::count(table.columns, ',')) + 1;
}

/// Visits rowid and text of each row.
template <class Visit>
void each_row(SQLite::Database& db, const table_layout& table, Visit visit) {
  SQLite::Statement rows(db,
                         "SELECT rowid, " + std::string(table.columns) + " FROM " + name_of(table));
  while (rows.executeStep()) {
    visit(rows.getColumn(0).getInt64(), row_text(rows, 1));
  }
}

using row_set = std::unordered_set<std::string>;

void delete_rows(SQLite::Database& db, const table_layout& table,
                 const std::vector<std::int64_t>& rows) {
  SQLite::Statement remove(db, "DELETE FROM " + name_of(table) + " WHERE rowid = ?");
  for (const auto row : rows) {
    remove.reset();
    remove.bind(1, row);
    remove.exec();
  }
}

void insert_rows(SQLite::Database& db, const table_layout& table, const row_set& rows) {
  std::string places = "?";
  for (std::size_t more = 1; more < column_count(table); ++more) {
    places += ", ?";
  }
  SQLite::Statement insert(db, "INSERT INTO " + name_of(table) + " (" + std::string(table.columns) +
                                   ") VALUES (" + places + ")");
  for (const auto& text : rows) {
    const auto row = json::parse(text);
    insert.reset();
    int index = 0;
    for (const auto& value : row.get_array()) {
      bind(insert, ++index, value);
    }
    insert.exec();
  }
}

/// Old rows go before new ones come, so that two rows may exchange what is unique.
void make_equal(SQLite::Database& db, const table_layout& table, row_set wanted) {
  std::vector<std::int64_t> others;
  each_row(db, table, [&](std::int64_t row, const std::string& text) {
    if (wanted.erase(text) == 0) {
      others.push_back(row);
    }
  });
  delete_rows(db, table, others);
  insert_rows(db, table, wanted);
}

/// Writes nothing when it is there already: a start must be possible on a full disk.
void put_guard(SQLite::Database& db, const std::string& name, const std::string& what) {
  const auto wanted = "CREATE TRIGGER " + name + what;
  {
    SQLite::Statement present(db,
                              "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?");
    present.bind(1, name);
    if (present.executeStep() && present.getColumn(0).getString() == wanted) {
      return;
    }
  }
  db.exec("DROP TRIGGER IF EXISTS " + name);
  db.exec(wanted);
}

error cannot_be_copied(const table_layout& table, std::int64_t row, bool strange) {
  return {errc::bad_value,
          "row " + std::to_string(row) + " of " + name_of(table) +
              (strange ? " holds what is no integer and no text" : " is larger than 2 MiB") +
              " and cannot be copied; delete or correct it"};
}

std::unexpected<error> refuse(std::string why) {
  return std::unexpected(error{errc::bad_value, std::move(why)});
}

std::expected<void, error> gather(const model::copied_rows& part, const table_layout& table,
                                  row_set& into) {
  boost::system::error_code malformed;
  const auto parsed = json::parse(part.rows, malformed);
  const auto* rows = parsed.if_array();
  if (malformed || rows == nullptr) {
    return refuse("the rows of " + part.table + " are no JSON array");
  }
  for (const auto& row : *rows) {
    if (!is_row(row, column_count(table))) {
      return refuse("a row of " + part.table + " does not have the columns " + part.columns);
    }
    into.insert(json::serialize(row));
  }
  return {};
}

} // namespace

without_triggers::without_triggers(SQLite::Database& db)
    : db_(db) {
  sqlite3_db_config(db_.getHandle(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
}
without_triggers::~without_triggers() {
  sqlite3_db_config(db_.getHandle(), SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, nullptr);
}

verbatim::verbatim(SQLite::Database& db)
    : db_(db)
    , triggers_(db) {
  sqlite3_db_config(db_.getHandle(), SQLITE_DBCONFIG_ENABLE_FKEY, 0, nullptr);
  db_.exec("PRAGMA ignore_check_constraints = ON");
}
verbatim::~verbatim() {
  sqlite3_db_config(db_.getHandle(), SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  db_.tryExec("PRAGMA ignore_check_constraints = OFF");
}

std::uint64_t digest_of_rows(SQLite::Database& db) {
  std::uint64_t sum = 0;
  for (const auto& table : replicated_tables) {
    each_row(db, table,
             [&](std::int64_t, const std::string& text) { sum ^= digest_of(table.name, text); });
  }
  return sum;
}

std::expected<read_parts, error> read_rows(SQLite::Database& db) {
  read_parts all;
  std::optional<error> refused;
  for (const auto& table : replicated_tables) {
    std::string rows;
    const auto finish_part = [&] {
      if (!rows.empty()) {
        all.parts.push_back({name_of(table), std::string(table.columns), '[' + rows + ']'});
      }
      rows.clear();
    };
    each_row(db, table, [&](std::int64_t row, const std::string& text) {
      if (text.empty() || text.size() > row_octets_max) {
        refused = cannot_be_copied(table, row, text.empty());
        return;
      }
      if (rows.size() + text.size() > part_octets_max) {
        finish_part();
      }
      all.digest ^= digest_of(table.name, text);
      rows += (rows.empty() ? "" : ",") + text;
    });
    finish_part();
  }
  if (refused) {
    return std::unexpected(*std::move(refused));
  }
  return all;
}

std::expected<parsed_rows, error> parse_rows(const std::vector<model::copied_rows>& parts) {
  parsed_rows parsed;
  for (const auto& part : parts) {
    const auto* table = std::ranges::find(replicated_tables, part.table, &table_layout::name);
    if (table == replicated_tables.end() || table->columns != part.columns) {
      return refuse("the table " + part.table + " (" + part.columns +
                    ") is not known here: the writer runs another version of Thor");
    }
    if (auto gathered = gather(part, *table, parsed.by_table[table->name]); !gathered) {
      return std::unexpected(std::move(gathered).error());
    }
  }
  for (const auto& [table, rows] : parsed.by_table) {
    for (const auto& row : rows) {
      parsed.digest ^= digest_of(table, row);
    }
  }
  return parsed;
}

void write_rows(SQLite::Database& db, const parsed_rows& wanted) {
  for (const auto& table : replicated_tables) {
    const auto found = wanted.by_table.find(table.name);
    make_equal(db, table, found == wanted.by_table.end() ? row_set() : found->second);
  }
}

void refuse_writes(SQLite::Database& db, const std::string& writer) {
  for (const auto& table : replicated_tables) {
    if (!can_be_guarded(table)) {
      continue;
    }
    for (const std::string operation : {"INSERT", "UPDATE", "DELETE"}) {
      put_guard(db, std::string(guard_prefix) + operation + '_' + name_of(table),
                " BEFORE " + operation + " ON " + name_of(table) +
                    " BEGIN SELECT RAISE(ABORT, 'this database follows " + writer +
                    ": write there, or run thor-dns promote here'); END");
    }
  }
}

void allow_writes(SQLite::Database& db) {
  std::vector<std::string> guards;
  {
    SQLite::Statement found(db, "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND "
                                "substr(name, 1, ?) = ?");
    found.bind(1, static_cast<std::int64_t>(guard_prefix.size()));
    found.bind(2, std::string(guard_prefix));
    while (found.executeStep()) {
      guards.push_back(found.getColumn(0).getString());
    }
  }
  for (const auto& guard : guards) {
    db.exec("DROP TRIGGER " + guard);
  }
}

} // namespace thor::store
