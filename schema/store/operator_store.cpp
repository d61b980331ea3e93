#include "schema/store/operator_store.hpp"

#include "schema/store/database.hpp"
#include "schema/store/key_rows.hpp"
#include "schema/store/metadata_rules.hpp"
#include "schema/store/migrations.hpp"
#include "schema/store/name_text.hpp"
#include "schema/store/replicated_tables.hpp"
#include "schema/store/sql_value.hpp"
#include "schema/store/zone_editor.hpp"
#include "zone/build/build.hpp"
#include "zone/text/rdata_text.hpp"

#include <sqlite3.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>

namespace thor::store {
namespace {

constexpr int application_id = 0x54684f70; // "ThOp"
/// Of a row's text in the quarantine list.
constexpr std::size_t shown_octets_max = 256;

database_kind operator_database() {
  return {.what = "operator database",
          .application_id = application_id,
          .mode = 0600,
          .synchronous = "FULL",
          .migrations = operator_migrations()};
}

/// The TTL, or why it is none (RFC 2181 section 8).
std::expected<std::uint32_t, zone::error> read_ttl(std::int64_t ttl_s) {
  if (ttl_s < 0 || ttl_s > zone::ttl_s_max) {
    return std::unexpected(zone::error{zone::errc::bad_rdata, "TTL " + std::to_string(ttl_s) +
                                                                  " is not within 0 and " +
                                                                  std::to_string(zone::ttl_s_max)});
  }
  return static_cast<std::uint32_t>(ttl_s);
}

/// Reads all tables in one view of the database.
class reader {
 public:
  explicit reader(SQLite::Database& db)
      : db_(db) {}

  operator_data run() {
    const SQLite::Transaction one_view(db_);
    read_templates();
    read_zones();
    read_records();
    read_metadata();
    read_keys();
    read_tsig_keys();
    data_.revision = db_.execAndGet("SELECT counter FROM revision").getInt64();
    return std::move(data_);
  }

 private:
  void quarantine(std::string table, std::int64_t row, std::string text, zone::error reason) {
    text.resize(std::min(text.size(), shown_octets_max));
    data_.quarantined.push_back({std::move(table), row, std::move(text), std::move(reason)});
  }

  void read_templates() {
    SQLite::Statement names(db_, "SELECT name FROM templates ORDER BY id");
    while (names.executeStep()) {
      data_.templates.push_back({names.getColumn(0).getString(), {}});
    }
    // The name is the template's own spelling, or NULL where there is no such template.
    SQLite::Statement rows(db_, "SELECT r.id, t.name, r.template, r.name, r.type, r.ttl, r.content "
                                "FROM template_records AS r LEFT JOIN templates AS t "
                                "ON t.name = r.template ORDER BY r.id");
    while (rows.executeStep()) {
      if (auto bad = read_template_record(rows); !bad) {
        std::string text = rows.getColumn(2).getString();
        for (int column = 3; column < rows.getColumnCount(); ++column) {
          text += ' ' + rows.getColumn(column).getString();
        }
        quarantine("template_records", rows.getColumn(0).getInt64(), text, std::move(bad).error());
      }
    }
  }

  std::expected<void, zone::error> read_template_record(SQLite::Statement& row) {
    if (row.getColumn(1).isNull()) {
      return std::unexpected(no_template(row.getColumn(2).getString()));
    }
    const auto type = zone::parse_type(row.getColumn(4).getString());
    if (!type) {
      return std::unexpected(type.error());
    }
    const auto ttl_s = read_ttl(row.getColumn(5).getInt64());
    if (!ttl_s) {
      return std::unexpected(ttl_s.error());
    }
    const auto into =
        std::ranges::find(data_.templates, row.getColumn(1).getString(), &operator_template::name);
    into->records.push_back({.row = row.getColumn(0).getInt64(),
                             .name = row.getColumn(3).getString(),
                             .type = *type,
                             .ttl_s = *ttl_s,
                             .content = row.getColumn(6).getString()});
    return {};
  }

  static zone::error no_template(const std::string& name) {
    return {zone::errc::conflict, "there is no template " + name};
  }

  void read_zones() {
    SQLite::Statement rows(db_, "SELECT d.id, d.name, d.serial, d.template, t.name "
                                "FROM domains AS d LEFT JOIN templates AS t ON t.name = d.template "
                                "ORDER BY d.id");
    while (rows.executeStep()) {
      if (auto zone = zone_of(rows)) {
        zones_.emplace(zone->id, zone->apex);
        data_.zones.push_back(*std::move(zone));
      } else {
        quarantine("domains", rows.getColumn(0).getInt64(), rows.getColumn(1).getString(),
                   std::move(zone).error());
      }
    }
  }

  std::expected<operator_zone, zone::error> zone_of(SQLite::Statement& row) {
    const auto refuse = [](const std::string& why) {
      return std::unexpected(zone::error{zone::errc::conflict, why});
    };
    constexpr std::int64_t number_max = std::numeric_limits<std::uint32_t>::max();
    const std::int64_t id = row.getColumn(0).getInt64();
    const std::int64_t serial = row.getColumn(2).getInt64();
    auto apex = zone::name::parse(row.getColumn(1).getString());
    if (!apex) {
      return std::unexpected(std::move(apex).error());
    }
    if (id < 1 || id > number_max) {
      return refuse("the id is not a 32-bit number >= 1");
    }
    if (serial < 0 || serial > number_max) {
      return refuse("the serial is not a 32-bit number");
    }
    if (!row.getColumn(3).isNull() && row.getColumn(4).isNull()) {
      return std::unexpected(no_template(row.getColumn(3).getString()));
    }
    if (!apexes_.insert(*apex).second) {
      return refuse("the domain is there already");
    }
    return operator_zone{.id = static_cast<std::uint32_t>(id),
                         .apex = *std::move(apex),
                         .template_name = row.getColumn(4).getString(),
                         .serial = static_cast<std::uint32_t>(serial)};
  }

  void read_records() {
    SQLite::Statement rows(db_, "SELECT id, domain_id, name, type, content, ttl FROM records "
                                "WHERE disabled = 0 ORDER BY domain_id, id");
    while (rows.executeStep()) {
      auto record = record_of(rows);
      if (record) {
        data_.records.push_back(*std::move(record));
        continue;
      }
      const std::string text = rows.getColumn(2).getString() + ' ' + rows.getColumn(3).getString() +
                               ' ' + rows.getColumn(5).getString() + ' ' +
                               rows.getColumn(4).getString();
      quarantine("records", rows.getColumn(0).getInt64(), text, std::move(record).error());
    }
  }

  std::expected<operator_record, zone::error> record_of(SQLite::Statement& row) {
    const auto zone = zones_.find(row.getColumn(1).getInt64());
    if (zone == zones_.end()) {
      return std::unexpected(zone::error{zone::errc::out_of_zone,
                                         "there is no domain " + row.getColumn(1).getString()});
    }
    auto owner = zone::name::parse(row.getColumn(2).getString());
    if (!owner) {
      return std::unexpected(std::move(owner).error());
    }
    if (!owner->is_at_or_below(zone->second)) {
      return std::unexpected(
          zone::error{zone::errc::out_of_zone, "not at or below " + zone->second.text()});
    }
    const auto type = zone::parse_type(row.getColumn(3).getString());
    if (!type) {
      return std::unexpected(type.error());
    }
    const auto ttl_s = read_ttl(row.getColumn(5).getInt64());
    if (!ttl_s) {
      return std::unexpected(ttl_s.error());
    }
    auto data = zone::parse_rdata(*type, row.getColumn(4).getString());
    if (!data) {
      return std::unexpected(std::move(data).error());
    }
    return operator_record{.row = row.getColumn(0).getInt64(),
                           .zone_id = static_cast<std::uint32_t>(zone->first),
                           .owner = *std::move(owner),
                           .type = *type,
                           .ttl_s = *ttl_s,
                           .data = *std::move(data)};
  }

  void read_metadata() {
    SQLite::Statement rows(db_, "SELECT id, domain_id, upper(kind), content FROM domainmetadata "
                                "ORDER BY domain_id, upper(kind), id");
    while (rows.executeStep()) {
      const std::int64_t row = rows.getColumn(0).getInt64();
      const auto zone = zones_.find(rows.getColumn(1).getInt64());
      std::string kind = rows.getColumn(2).getString();
      std::string value = rows.getColumn(3).getString();
      if (zone == zones_.end()) {
        quarantine(
            "domainmetadata", row, kind + ' ' + value,
            {zone::errc::out_of_zone, "there is no domain " + rows.getColumn(1).getString()});
        continue;
      }
      const auto zone_id = static_cast<std::uint32_t>(zone->first);
      const bool same_kind = !data_.metadata.empty() && data_.metadata.back().zone_id == zone_id &&
                             data_.metadata.back().kind == kind;
      if (!same_kind) {
        data_.metadata.push_back({zone_id, std::move(kind), {}});
      }
      auto& values = data_.metadata.back().values;
      if (values.size() == metadata_values_max) {
        quarantine("domainmetadata", row, data_.metadata.back().kind + ' ' + value,
                   {zone::errc::conflict,
                    "more than " + std::to_string(metadata_values_max) + " values of one kind"});
        continue;
      }
      values.push_back(std::move(value));
    }
  }

  void read_keys() {
    SQLite::Statement rows(db_, "SELECT id, domain_id, flags, active, published, content "
                                "FROM cryptokeys ORDER BY domain_id, id");
    while (rows.executeStep()) {
      if (auto key = key_of(rows)) {
        data_.keys.push_back(*std::move(key));
      } else {
        const std::string text = "key of domain " + rows.getColumn(1).getString() + " with flags " +
                                 rows.getColumn(2).getString();
        quarantine("cryptokeys", rows.getColumn(0).getInt64(), text, std::move(key).error());
      }
    }
  }

  std::expected<operator_key, zone::error> key_of(SQLite::Statement& row) {
    const auto zone = zones_.find(row.getColumn(1).getInt64());
    if (zone == zones_.end()) {
      return std::unexpected(zone::error{zone::errc::out_of_zone,
                                         "there is no domain " + row.getColumn(1).getString()});
    }
    constexpr std::int64_t id_max = std::numeric_limits<std::uint32_t>::max();
    const std::int64_t id = row.getColumn(0).getInt64();
    const std::int64_t flags = row.getColumn(2).getInt64();
    zone::dnssec_key key{.id = static_cast<std::uint32_t>(id),
                         .flags = static_cast<std::uint16_t>(flags),
                         .active = row.getColumn(3).getInt() != 0,
                         .published = row.getColumn(4).getInt() != 0,
                         .content = row.getColumn(5).getString()};
    auto why = fault_of(key);
    if (id < 1 || id > id_max) {
      why = "the id is not a 32-bit number >= 1";
    } else if (flags != key.flags) {
      why = "the flags are not a 16-bit number";
    }
    if (!why.empty()) {
      return std::unexpected(zone::error{zone::errc::conflict, std::move(why)});
    }
    return operator_key{static_cast<std::uint32_t>(zone->first), std::move(key)};
  }

  void read_tsig_keys() {
    SQLite::Statement rows(db_, "SELECT id, name, algorithm, secret FROM tsigkeys ORDER BY name");
    std::unordered_set<zone::name> owners;
    while (rows.executeStep()) {
      const std::int64_t row = rows.getColumn(0).getInt64();
      const std::string name = rows.getColumn(1).getString();
      const auto bad = [&](std::string why) {
        quarantine("tsigkeys", row, name, {zone::errc::conflict, std::move(why)});
      };
      auto owner = zone::name::parse(name);
      if (!owner) {
        bad(owner.error().detail);
        continue;
      }
      zone::tsig_key key{*std::move(owner), short_algorithm(rows.getColumn(2).getString()) + '.',
                         rows.getColumn(3).getString()};
      if (auto why = fault_of(key); !why.empty()) {
        bad(std::move(why));
      } else if (!owners.insert(key.owner).second) {
        bad("a key of this name is there already");
      } else {
        data_.tsig_keys.push_back(std::move(key));
      }
    }
    std::ranges::sort(data_.tsig_keys, {}, &zone::tsig_key::owner);
  }

  SQLite::Database& db_;
  operator_data data_;
  std::unordered_set<zone::name> apexes_;
  std::unordered_map<std::int64_t, zone::name> zones_;
};

/// What tells whether somebody wrote: other connections' commits, and rows that changed.
struct mark {
  std::int64_t data_version = 0;
  std::int64_t revision = 0;
  friend bool operator==(const mark&, const mark&) = default;
};

mark mark_of(SQLite::Database& db) {
  return {db.execAndGet("PRAGMA data_version").getInt64(),
          db.execAndGet("SELECT counter FROM revision").getInt64()};
}

/// The id of the domain, if it is there, however it is written.
std::optional<std::uint32_t> id_of(SQLite::Database& db, const zone::name& apex) {
  SQLite::Statement known(db, "SELECT id FROM domains WHERE name IN (?1, ?1 || '.')");
  known.bind(1, name_text(apex));
  return known.executeStep() ? std::optional(known.getColumn(0).getUInt()) : std::nullopt;
}

/// `template_name` nullptr: none.
std::uint32_t insert_domain(SQLite::Database& db, const zone::name& apex,
                            const std::string* template_name) {
  SQLite::Statement insert(db, "INSERT INTO domains (name, template) VALUES (?, ?)");
  insert.bind(1, name_text(apex));
  if (template_name != nullptr) {
    insert.bind(2, *template_name);
  }
  insert.exec();
  return static_cast<std::uint32_t>(db.getLastInsertRowid());
}

/// The domain as it stands there.
std::optional<operator_zone> find_zone(SQLite::Database& db, const zone::name& apex) {
  SQLite::Statement row(db, "SELECT d.id, t.name, d.serial FROM domains AS d "
                            "LEFT JOIN templates AS t ON t.name = d.template "
                            "WHERE d.name IN (?1, ?1 || '.')");
  row.bind(1, name_text(apex));
  if (!row.executeStep()) {
    return std::nullopt;
  }
  return operator_zone{.id = row.getColumn(0).getUInt(),
                       .apex = apex,
                       .template_name = row.getColumn(1).getString(),
                       .serial = row.getColumn(2).getUInt()};
}

void write_metadata(SQLite::Database& db, std::uint32_t zone_id, const std::string& kind,
                    const std::vector<std::string>& values) {
  SQLite::Statement remove(db, "DELETE FROM domainmetadata WHERE domain_id = ? AND kind = ?");
  remove.bind(1, zone_id);
  remove.bind(2, kind);
  remove.exec();
  SQLite::Statement insert(
      db, "INSERT INTO domainmetadata (domain_id, kind, content) VALUES (?, upper(?), ?)");
  for (const std::string& value : values) {
    insert.reset();
    insert.bind(1, zone_id);
    insert.bind(2, kind);
    insert.bind(3, value);
    insert.exec();
  }
}

zone::edit_outcome refused(std::string why) {
  return {.done = false, .key_id = 0, .notes = {std::move(why)}};
}

/// Whether PowerDNS denies names of this zone by an order of those that are there: it is signed,
/// and not with narrow NSEC3.
bool denies_by_order(SQLite::Database& db, std::uint32_t zone_id) {
  SQLite::Statement found(
      db, "SELECT EXISTS (SELECT 1 FROM cryptokeys WHERE domain_id = ?1 AND active) AND NOT ("
          "EXISTS (SELECT 1 FROM domainmetadata WHERE domain_id = ?1 AND kind = 'NSEC3PARAM' AND "
          "content <> '') AND "
          "EXISTS (SELECT 1 FROM domainmetadata WHERE domain_id = ?1 AND kind = 'NSEC3NARROW' AND "
          "content = '1'))");
  found.bind(1, zone_id);
  found.executeStep();
  return found.getColumn(0).getInt() != 0;
}

/// Whoever asks for an edit waits for a reply, PowerDNS two seconds: another program that holds a
/// transaction for longer is told of in time.
class shorter_wait {
 public:
  explicit shorter_wait(SQLite::Database& db)
      : db_(db) {
    db_.setBusyTimeout(edit_busy_timeout_ms);
  }
  ~shorter_wait() { sqlite3_busy_timeout(db_.getHandle(), busy_timeout_ms); }
  shorter_wait(const shorter_wait&) = delete;
  shorter_wait& operator=(const shorter_wait&) = delete;

 private:
  SQLite::Database& db_;
};

/// One edit within a transaction.
struct edit_step {
  SQLite::Database& db;
  edit_rules& rules;

  zone::edit_outcome operator()(const zone::zone_edit& wanted) const {
    return in_zone(wanted.apex, [&](const operator_zone& zone) {
      return zone_editor(db, zone, rules).run(wanted);
    });
  }
  zone::edit_outcome operator()(const zone::metadata_edit& wanted) const {
    return in_denying_zone(wanted.apex, [&](const operator_zone& zone) {
      if (auto why = fault_of_metadata(wanted.kind, wanted.values); !why.empty()) {
        return refused(std::move(why));
      }
      write_metadata(db, zone.id, wanted.kind, wanted.values);
      return zone::edit_outcome{.done = true, .key_id = 0, .notes = {}};
    });
  }
  zone::edit_outcome operator()(const zone::key_addition& wanted) const {
    return in_denying_zone(
        wanted.apex, [&](const operator_zone& zone) { return store::apply(db, zone.id, wanted); });
  }
  zone::edit_outcome operator()(const zone::key_edit& wanted) const {
    return in_denying_zone(
        wanted.apex, [&](const operator_zone& zone) { return store::apply(db, zone.id, wanted); });
  }
  zone::edit_outcome operator()(const zone::tsig_edit& wanted) const {
    return store::apply(db, wanted);
  }

 private:
  /// For edits of what decides how a zone denies names. One that is refused is rolled back.
  template <typename Apply>
  zone::edit_outcome in_denying_zone(const zone::name& apex, Apply apply) const {
    return in_zone(apex, [&](const operator_zone& zone) {
      const bool before = denies_by_order(db, zone.id);
      auto outcome = apply(zone);
      if (!outcome.done || before || !denies_by_order(db, zone.id) || !rules.is_synthesised(zone)) {
        return outcome;
      }
      const std::string name = apex.text();
      return refused(name +
                     " answers for names that are in no list, and NSEC and NSEC3 would deny "
                     "them: it is signed with narrow NSEC3 or not at all. Before its first "
                     "key: pdnsutil set-nsec3 " +
                     name + " '1 0 0 -' narrow");
    });
  }

  template <typename Apply>
  zone::edit_outcome in_zone(const zone::name& apex, Apply apply) const {
    const auto zone = find_zone(db, apex);
    return zone ? apply(*zone) : refused("there is no zone " + apex.text() + " here");
  }
};

bool has_template(SQLite::Database& db, const std::string& name) {
  SQLite::Statement known(db, "SELECT 1 FROM templates WHERE name = ?");
  known.bind(1, name);
  return known.executeStep();
}

writer_standing read_standing(SQLite::Database& db) {
  SQLite::Statement row(db, "SELECT term, name, follows, copied_at FROM writer");
  row.executeStep();
  return {{restored(row.getColumn(0).getInt64()), row.getColumn(1).getString()},
          row.getColumn(2).getInt() != 0,
          row.getColumn(3).getInt64() != 0};
}

std::uint64_t read_revision(SQLite::Database& db) {
  return restored(db.execAndGet("SELECT counter FROM revision").getInt64());
}

std::vector<model::takeover> read_takeovers(SQLite::Database& db) {
  std::vector<model::takeover> all;
  SQLite::Statement rows(db, "SELECT term, writer, digest FROM takeovers ORDER BY term");
  while (rows.executeStep()) {
    all.push_back({restored(rows.getColumn(0).getInt64()), rows.getColumn(1).getString(),
                   restored(rows.getColumn(2).getInt64())});
  }
  return all;
}

/// Adds them and forgets all but the latest.
void write_takeovers(SQLite::Database& db, const std::vector<model::takeover>& all) {
  SQLite::Statement insert(db, "INSERT OR REPLACE INTO takeovers VALUES (?, ?, ?)");
  for (const auto& one : all) {
    insert.reset();
    insert.bind(1, stored(one.term));
    insert.bind(2, one.writer);
    insert.bind(3, stored(one.digest));
    insert.exec();
  }
  SQLite::Statement forget(db, "DELETE FROM takeovers WHERE term NOT IN "
                               "(SELECT term FROM takeovers ORDER BY term DESC LIMIT ?)");
  forget.bind(1, static_cast<std::int64_t>(model::takeovers_max));
  forget.exec();
}

/// Whether taking the copy would lose edits that were made here: none when ours are the same data,
/// or those that a writer began with.
bool would_lose_edits(SQLite::Database& db, const model::operator_copy& copy) {
  if (db.execAndGet("SELECT uncopied FROM writer").getInt() == 0) {
    return false;
  }
  const auto ours = digest_of_rows(db);
  return ours != copy.state.digest &&
         std::ranges::find(copy.takeovers, ours, &model::takeover::digest) == copy.takeovers.end();
}

std::optional<zone::name> apex_of(SQLite::Database& db, std::uint32_t zone_id) {
  SQLite::Statement row(db, "SELECT name FROM domains WHERE id = ?");
  row.bind(1, zone_id);
  if (!row.executeStep()) {
    return std::nullopt;
  }
  auto apex = zone::name::parse(row.getColumn(0).getString());
  return apex ? std::optional(*std::move(apex)) : std::nullopt;
}

} // namespace

struct operator_store::impl {
  std::filesystem::path file;
  std::unique_ptr<SQLite::Database> db;
  std::optional<mark> last_read = std::nullopt;
  std::optional<std::pair<mark, std::uint64_t>> last_digest = std::nullopt;

  [[nodiscard]] std::unexpected<error> refuse(errc code, const std::string& why) const {
    return std::unexpected(error{code, file.string() + ": " + why});
  }
  /// A copy of the database under another name, as private as this one.
  std::expected<std::filesystem::path, error> set_aside(model::unix_time now) {
    const std::filesystem::path aside =
        file.string() + ".superseded-" + std::to_string(now.time_since_epoch().count());
    // Made before SQLite makes it, for the mode; brought to disk before the original changes.
    const int made = ::open(aside.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (made < 0) {
      return std::unexpected(
          error{errc::cannot_open, aside.string() + ": " + std::strerror(errno)});
    }
    const auto done = guarded(aside, [&]() -> std::expected<void, error> {
      SQLite::Statement copy(*db, "VACUUM INTO ?");
      copy.bind(1, aside.string());
      copy.exec();
      return {};
    });
    const bool on_disk = ::fsync(made) == 0;
    ::close(made);
    if (!done) {
      return std::unexpected(done.error());
    }
    if (!on_disk) {
      return std::unexpected(error{errc::failed, aside.string() + ": " + std::strerror(errno)});
    }
    return aside;
  }
  [[nodiscard]] std::unexpected<error> differs() const {
    return refuse(errc::differs, "a copy does not have the digest that the writer gave");
  }
  [[nodiscard]] std::unexpected<error> no_domain(std::uint32_t zone_id) const {
    return refuse(errc::not_found, "there is no domain " + std::to_string(zone_id));
  }
};

operator_store::operator_store(std::unique_ptr<impl> made)
    : impl_(std::move(made)) {}
operator_store::operator_store(operator_store&&) noexcept = default;
operator_store& operator_store::operator=(operator_store&&) noexcept = default;
operator_store::~operator_store() = default;

std::expected<operator_store, error> operator_store::open(const std::filesystem::path& file) {
  auto db = open_database(file, operator_database());
  if (!db) {
    error failure = std::move(db).error();
    if (failure.code == errc::corrupt) {
      failure.detail +=
          "; these are the operator's own data: restore the file from a backup, or save "
          "what can be read with `sqlite3 " +
          file.string() + " .recover`";
    }
    return std::unexpected(std::move(failure));
  }
  return operator_store(std::make_unique<impl>(file, *std::move(db)));
}

std::expected<operator_data, error> operator_store::read() {
  return guarded(impl_->file, [&]() -> std::expected<operator_data, error> {
    // Taken before reading: a write in between is seen twice rather than never.
    impl_->last_read = mark_of(*impl_->db);
    return reader(*impl_->db).run();
  });
}

std::expected<bool, error> operator_store::changed() {
  return guarded(impl_->file, [&]() -> std::expected<bool, error> {
    return !impl_->last_read || mark_of(*impl_->db) != *impl_->last_read;
  });
}

std::expected<std::uint32_t, error> operator_store::ensure_domain(const zone::name& apex) {
  return guarded(impl_->file, [&]() -> std::expected<std::uint32_t, error> {
    SQLite::Transaction transaction(*impl_->db, SQLite::TransactionBehavior::IMMEDIATE);
    if (const auto known = id_of(*impl_->db, apex)) {
      return *known;
    }
    std::optional<without_triggers> of_a_follower;
    if (read_standing(*impl_->db).follows) {
      of_a_follower.emplace(*impl_->db);
      impl_->last_digest.reset(); // the revision does not tell
    }
    const std::uint32_t id = insert_domain(*impl_->db, apex, nullptr);
    transaction.commit();
    return id;
  });
}

std::expected<std::uint32_t, error> operator_store::add_domain(const zone::name& apex,
                                                               const std::string& template_name) {
  return guarded(impl_->file, [&]() -> std::expected<std::uint32_t, error> {
    SQLite::Transaction transaction(*impl_->db, SQLite::TransactionBehavior::IMMEDIATE);
    if (id_of(*impl_->db, apex)) {
      return impl_->refuse(errc::bad_value, "the domain " + apex.text() + " is there already");
    }
    if (!template_name.empty() && !has_template(*impl_->db, template_name)) {
      return impl_->refuse(errc::not_found, "there is no template " + template_name);
    }
    const std::uint32_t id =
        insert_domain(*impl_->db, apex, template_name.empty() ? nullptr : &template_name);
    transaction.commit();
    return id;
  });
}

std::expected<void, error> operator_store::remove_domain(const zone::name& apex) {
  return guarded(impl_->file, [&]() -> std::expected<void, error> {
    SQLite::Statement remove(*impl_->db, "DELETE FROM domains WHERE name IN (?1, ?1 || '.')");
    remove.bind(1, name_text(apex));
    if (remove.exec() == 0) {
      return impl_->refuse(errc::not_found, "there is no domain " + apex.text());
    }
    return {};
  });
}

std::expected<std::int64_t, error>
operator_store::add_record(std::uint32_t zone_id, const zone::name& owner, zone::rr_type type,
                           std::uint32_t ttl_s, const zone::rdata& data) {
  const std::string content = zone::to_text(data);
  const std::string what = owner.text() + ' ' + to_string(type) + ' ' + content;
  if (const auto read = zone::parse_rdata(type, content); !read || *read != data) {
    return impl_->refuse(errc::bad_value, what + ": not the content of this type");
  }
  if (ttl_s > zone::ttl_s_max) {
    return impl_->refuse(errc::bad_value, what + ": TTL " + std::to_string(ttl_s) + " is above " +
                                              std::to_string(zone::ttl_s_max));
  }
  return guarded(impl_->file, [&]() -> std::expected<std::int64_t, error> {
    SQLite::Transaction transaction(*impl_->db, SQLite::TransactionBehavior::IMMEDIATE);
    const auto apex = apex_of(*impl_->db, zone_id);
    if (!apex) {
      return impl_->no_domain(zone_id);
    }
    if (!owner.is_at_or_below(*apex)) {
      return impl_->refuse(errc::bad_value, what + ": not at or below " + apex->text());
    }
    SQLite::Statement insert(
        *impl_->db,
        "INSERT INTO records (domain_id, name, type, content, ttl) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET ttl = excluded.ttl, disabled = 0 RETURNING id");
    insert.bind(1, zone_id);
    insert.bind(2, name_text(owner));
    insert.bind(3, to_string(type));
    insert.bind(4, content);
    insert.bind(5, ttl_s);
    insert.executeStep();
    const std::int64_t row = insert.getColumn(0).getInt64();
    insert.reset();
    transaction.commit();
    return row;
  });
}

std::expected<void, error> operator_store::remove_record(std::int64_t row) {
  return guarded(impl_->file, [&]() -> std::expected<void, error> {
    SQLite::Statement remove(*impl_->db, "DELETE FROM records WHERE id = ?");
    remove.bind(1, row);
    if (remove.exec() == 0) {
      return impl_->refuse(errc::not_found, "there is no record with row " + std::to_string(row));
    }
    return {};
  });
}

std::expected<void, error> operator_store::set_metadata(std::uint32_t zone_id,
                                                        const std::string& kind,
                                                        const std::vector<std::string>& values) {
  if (auto why = fault_of_metadata(kind, values); !why.empty()) {
    return impl_->refuse(errc::bad_value, why);
  }
  return guarded(impl_->file, [&]() -> std::expected<void, error> {
    SQLite::Transaction transaction(*impl_->db, SQLite::TransactionBehavior::IMMEDIATE);
    if (!apex_of(*impl_->db, zone_id)) {
      return impl_->no_domain(zone_id);
    }
    write_metadata(*impl_->db, zone_id, kind, values);
    transaction.commit();
    return {};
  });
}

std::expected<zone::edit_outcome, error> operator_store::apply(const zone::edit& wanted,
                                                               edit_rules& rules) {
  return guarded(impl_->file, [&]() -> std::expected<zone::edit_outcome, error> {
    auto& db = *impl_->db;
    const shorter_wait for_others(db);
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    if (const auto standing = read_standing(db); standing.follows) {
      return refused("this name server follows " + standing.claim.writer +
                     ": write there, or run thor-dns promote here");
    }
    auto outcome = std::visit(edit_step{db, rules}, wanted);
    if (outcome.done) {
      transaction.commit();
    }
    return outcome;
  });
}

// ---- one writer, many name servers

std::expected<writer_standing, error> operator_store::standing() {
  return guarded(impl_->file, [&]() -> std::expected<writer_standing, error> {
    return read_standing(*impl_->db);
  });
}

std::expected<void, error> operator_store::follow(const model::writer_claim& claim) {
  return guarded(impl_->file, [&]() -> std::expected<void, error> {
    auto& db = *impl_->db;
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    if (const auto before = read_standing(db); !before.follows || before.claim != claim) {
      SQLite::Statement update(db, "UPDATE writer SET term = ?, name = ?, follows = 1, uncopied = "
                                   "iif(follows, uncopied, (SELECT counter > 0 FROM revision))");
      update.bind(1, stored(claim.term));
      update.bind(2, claim.writer);
      update.exec();
    }
    refuse_writes(db, claim.writer);
    transaction.commit();
    return {};
  });
}

std::expected<void, error> operator_store::lead(const model::writer_claim& claim) {
  return guarded(impl_->file, [&]() -> std::expected<void, error> {
    auto& db = *impl_->db;
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    const auto before = read_standing(db);
    if (before.follows && claim.term > before.claim.term) {
      write_takeovers(db, {{claim.term, claim.writer, digest_of_rows(db)}});
    }
    if (before.follows || before.claim != claim) {
      SQLite::Statement update(db,
                               "UPDATE writer SET term = ?, name = ?, follows = 0, uncopied = 1");
      update.bind(1, stored(claim.term));
      update.bind(2, claim.writer);
      update.exec();
    }
    allow_writes(db);
    transaction.commit();
    return {};
  });
}

std::expected<model::data_state, error> operator_store::state() {
  return guarded(impl_->file, [&]() -> std::expected<model::data_state, error> {
    const SQLite::Transaction one_view(*impl_->db);
    const auto now = mark_of(*impl_->db);
    if (!impl_->last_digest || impl_->last_digest->first != now) {
      impl_->last_digest = {now, digest_of_rows(*impl_->db)};
    }
    return model::data_state{read_revision(*impl_->db), impl_->last_digest->second};
  });
}

std::expected<model::operator_copy, error> operator_store::read_copy() {
  return guarded(impl_->file, [&]() -> std::expected<model::operator_copy, error> {
    const SQLite::Transaction one_view(*impl_->db);
    auto rows = read_rows(*impl_->db);
    if (!rows) {
      return impl_->refuse(rows.error().code, rows.error().detail);
    }
    impl_->last_digest = {mark_of(*impl_->db), rows->digest};
    return model::operator_copy{std::move(rows->parts),
                                {read_revision(*impl_->db), rows->digest},
                                read_takeovers(*impl_->db)};
  });
}

std::expected<std::filesystem::path, error>
operator_store::apply_copy(const model::operator_copy& copy, model::unix_time now) {
  return guarded(impl_->file, [&]() -> std::expected<std::filesystem::path, error> {
    auto& db = *impl_->db;
    const auto wanted = parse_rows(copy.parts);
    if (!wanted) {
      return impl_->refuse(wanted.error().code, wanted.error().detail);
    }
    if (wanted->digest != copy.state.digest) {
      return impl_->differs();
    }
    std::filesystem::path kept;
    if (would_lose_edits(db, copy)) {
      auto set_aside = impl_->set_aside(now);
      if (!set_aside) {
        return set_aside;
      }
      kept = *std::move(set_aside);
    }
    const verbatim rows_as_they_are(db);
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    write_rows(db, *wanted);
    if (digest_of_rows(db) != copy.state.digest) {
      return impl_->differs();
    }
    SQLite::Statement revision(db, "UPDATE revision SET counter = ?");
    revision.bind(1, stored(copy.state.revision));
    revision.exec();
    db.exec("DELETE FROM takeovers"); // those of another line of writers say nothing here
    write_takeovers(db, copy.takeovers);
    if (const auto standing = read_standing(db); standing.follows) {
      refuse_writes(db, standing.claim.writer); // again, if somebody removed the triggers
    }
    SQLite::Statement noted(db, "UPDATE writer SET uncopied = 0, copied_at = ?");
    noted.bind(1, stored(now));
    noted.exec();
    transaction.commit();
    // Rows may have changed under the revision that was read.
    impl_->last_read.reset();
    impl_->last_digest = {mark_of(db), copy.state.digest};
    return kept;
  });
}

} // namespace thor::store
