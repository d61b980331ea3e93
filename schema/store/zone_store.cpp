#include "schema/store/zone_store.hpp"

#include "schema/store/database.hpp"
#include "schema/store/member_json.hpp"
#include "schema/store/migrations.hpp"
#include "schema/store/name_text.hpp"
#include "zone/build/build.hpp"
#include "zone/text/rdata_text.hpp"

#include <algorithm>
#include <chrono>
#include <compare>
#include <map>
#include <set>
#include <utility>

namespace thor::store {
namespace {

constexpr int application_id = 0x54685a6f; // "ThZo"

database_kind zone_database() {
  return {.what = "zone database",
          .application_id = application_id,
          .mode = 0640,
          .synchronous = "NORMAL",
          .migrations = zone_migrations()};
}

// SQLite's integers are signed.
std::int64_t stored(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}
std::uint64_t restored(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}
std::int64_t stored(model::unix_time t) {
  return t.time_since_epoch().count();
}
model::unix_time time_of(std::int64_t s) {
  return model::unix_time(std::chrono::seconds(s));
}

/// A row of `records` as far as it says something about its name.
struct record_row {
  std::string type;    ///< empty: the name has no records
  std::string content; ///< without the priority of MX and SRV
  std::int64_t ttl_s = 0;
  std::optional<std::int64_t> prio;
  bool auth = true;

  friend auto operator<=>(const record_row&, const record_row&) = default;

  [[nodiscard]] std::string full_content() const {
    return prio ? std::to_string(*prio) + ' ' + content : content;
  }
};

/// The rows that PowerDNS wants for one name, sorted. None when the name does not exist.
std::vector<record_row> rows_of(const zone::node* n) {
  std::vector<record_row> rows;
  if (n == nullptr) {
    return rows;
  }
  for (const auto& set : n->rrsets) {
    const std::string type = to_string(set->type);
    const bool auth = is_authoritative(*n, set->type);
    const bool has_prio = set->type == zone::rr_type::srv || set->type == zone::rr_type::mx;
    for (const zone::rdata& data : set->records) {
      record_row row{type, zone::to_text(data), set->ttl_s, std::nullopt, auth};
      if (has_prio) {
        const std::size_t space = row.content.find(' ');
        row.prio = std::stoi(row.content.substr(0, space));
        row.content.erase(0, space + 1);
      }
      rows.push_back(std::move(row));
    }
  }
  if (rows.empty()) {
    rows.push_back({.type = "", .content = "", .prio = std::nullopt, .auth = n->authoritative});
  }
  std::ranges::sort(rows);
  return rows;
}

std::shared_ptr<const zone::contents> find(const zone::snapshot& zones, const zone::name& apex) {
  const auto found = std::ranges::find(zones.zones, apex, [](const auto& z) { return z->apex; });
  return found == zones.zones.end() ? nullptr : *found;
}

/// What one publication writes. Its statements live as long as the transaction.
class writer {
 public:
  writer(SQLite::Database& db, const publication& p)
      : db_(db)
      , p_(p)
      , rows_(db, "SELECT id, type, content, ttl, prio, auth, disabled, ordername FROM records "
                  "WHERE domain_id = ? AND name = ?")
      , insert_row_(db, "INSERT INTO records (domain_id, name, type, content, ttl, prio, auth) "
                        "VALUES (?, ?, ?, ?, ?, ?, ?)")
      , delete_row_(db, "DELETE FROM records WHERE id = ?")
      , insert_history_(db,
                        "INSERT INTO history (at, zone, serial, change, name, type, ttl, content, "
                        "cause) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)") {}

  /// `before` is what the database shows of these zones, as far as known.
  void write_zones(const zone::snapshot& before) {
    const std::set<std::uint32_t> kept = drop_other_domains();
    for (const auto& zone : p_.zones.zones) {
      if (kept.contains(zone->id)) {
        write_zone(find(before, zone->apex).get(), *zone, true);
      } else {
        insert_domain(*zone);
        write_zone(nullptr, *zone, false);
      }
    }
    db_.exec("DELETE FROM history WHERE id <= (SELECT max(id) FROM history) - " +
             std::to_string(history_rows_max));
  }

  /// `before` is what the table holds; nullptr: nobody knows.
  void write_members(const model::member_map* before) {
    const model::member_map none;
    if (before == nullptr) {
      db_.exec("DELETE FROM member");
      before = &none;
    }
    SQLite::Statement remove(db_, "DELETE FROM member WHERE id = ?");
    for (const auto& [id, member] : *before) {
      if (!p_.status.members.contains(id)) {
        remove.bind(1, id.text());
        run(remove);
      }
    }
    SQLite::Statement put(db_, "INSERT OR REPLACE INTO member (id, incarnation, sequence, since, "
                               "addresses, roles, site, software, attributes, changed_epoch, "
                               "changed_sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (const auto& [id, member] : p_.status.members) {
      const auto known = before->find(id);
      if (known == before->end() || known->second != member) {
        bind_member(put, member);
        run(put);
      }
    }
  }

  void write_published() {
    SQLite::Statement put(db_,
                          "INSERT OR REPLACE INTO published (id, epoch_counter, epoch_manager, "
                          "sequence, serial, heard_at, published_at, cause, version) "
                          "VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)");
    put.bind(1, stored(p_.status.where.at.counter));
    put.bind(2, p_.status.where.at.manager);
    put.bind(3, stored(p_.status.where.sequence));
    put.bind(4, p_.status.serial);
    put.bind(5, stored(p_.status.heard_at));
    put.bind(6, stored(p_.at));
    put.bind(7, p_.cause);
    put.bind(8, THOR_VERSION);
    put.exec();
  }

 private:
  static void run(SQLite::Statement& statement) {
    statement.exec();
    statement.reset();
  }

  /// Removes the domains that are not published, with their records; the ids of the others.
  std::set<std::uint32_t> drop_other_domains() {
    std::set<std::uint32_t> kept;
    std::vector<std::int64_t> gone;
    SQLite::Statement domains(db_, "SELECT id, name FROM domains");
    while (domains.executeStep()) {
      const std::int64_t id = domains.getColumn(0).getInt64();
      const std::string text = domains.getColumn(1).getString();
      const bool published = std::ranges::any_of(p_.zones.zones, [&](const auto& zone) {
        return zone->id == id && name_text(zone->apex) == text;
      });
      if (published) {
        kept.insert(static_cast<std::uint32_t>(id));
      } else {
        gone.push_back(id);
      }
    }
    SQLite::Statement remove(db_, "DELETE FROM domains WHERE id = ?");
    for (const std::int64_t id : gone) {
      remove.bind(1, id);
      run(remove);
    }
    return kept;
  }

  void insert_domain(const zone::contents& zone) {
    SQLite::Statement insert(db_, "INSERT INTO domains (id, name, type) VALUES (?, ?, 'NATIVE')");
    insert.bind(1, zone.id);
    insert.bind(2, name_text(zone.apex));
    insert.exec();
  }

  void write_zone(const zone::contents* before, const zone::contents& now, bool with_history) {
    if (before == &now) {
      return;
    }
    for (const auto& [text, n] : before == nullptr ? all_names(now) : changed_names(*before, now)) {
      write_name(now, text, n, with_history);
    }
  }

  /// By text: the node, or nullptr for a name that does not exist any more.
  using named_nodes = std::map<std::string, const zone::node*>;

  named_nodes all_names(const zone::contents& now) {
    named_nodes names;
    SQLite::Statement known(db_, "SELECT DISTINCT name FROM records WHERE domain_id = ?");
    known.bind(1, now.id);
    while (known.executeStep()) {
      names.emplace(known.getColumn(0).getString(), nullptr);
    }
    for (const auto& n : now.nodes) {
      names.insert_or_assign(name_text(n->owner), n.get());
    }
    return names;
  }

  static named_nodes changed_names(const zone::contents& before, const zone::contents& now) {
    named_nodes names;
    for (const zone::name& owner : zone::changed_names(&before, now)) {
      names.emplace(name_text(owner), now.find(owner));
    }
    return names;
  }

  /// Makes the rows of one name those of the node, touching only what differs.
  void write_name(const zone::contents& zone, const std::string& text, const zone::node* n,
                  bool with_history) {
    const std::vector<record_row> wanted = rows_of(n);
    std::vector<bool> there(wanted.size(), false);
    std::vector<std::pair<std::int64_t, record_row>> others;
    rows_.bind(1, zone.id);
    rows_.bind(2, text);
    while (rows_.executeStep()) {
      record_row row = row_in_database();
      const auto found = std::ranges::lower_bound(wanted, row);
      const auto index = static_cast<std::size_t>(found - wanted.begin());
      if (is_as_written() && found != wanted.end() && *found == row && !there[index]) {
        there[index] = true;
      } else {
        others.emplace_back(rows_.getColumn(0).getInt64(), std::move(row));
      }
    }
    rows_.reset();
    for (const auto& [id, row] : others) {
      delete_row_.bind(1, id);
      run(delete_row_);
      if (with_history) {
        remember(zone, "-", text, row);
      }
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (!there[i]) {
        insert(zone, text, wanted[i]);
        if (with_history) {
          remember(zone, "+", text, wanted[i]);
        }
      }
    }
  }

  record_row row_in_database() {
    const SQLite::Column prio = rows_.getColumn(4);
    return {.type = rows_.getColumn(1).getString(),
            .content = rows_.getColumn(2).getString(),
            .ttl_s = rows_.getColumn(3).getInt64(),
            .prio = prio.isNull() ? std::nullopt : std::optional(prio.getInt64()),
            .auth = rows_.getColumn(5).getInt() != 0};
  }

  /// False when somebody else touched columns that we leave at their defaults.
  bool is_as_written() { return rows_.getColumn(6).getInt() == 0 && rows_.getColumn(7).isNull(); }

  void insert(const zone::contents& zone, const std::string& text, const record_row& row) {
    insert_row_.clearBindings(); // all NULL
    insert_row_.bind(1, zone.id);
    insert_row_.bind(2, text);
    if (!row.type.empty()) {
      insert_row_.bind(3, row.type);
      insert_row_.bind(4, row.content);
      insert_row_.bind(5, row.ttl_s);
    }
    if (row.prio) {
      insert_row_.bind(6, *row.prio);
    }
    insert_row_.bind(7, row.auth ? 1 : 0);
    run(insert_row_);
  }

  /// The serial is in every row of the history, so the SOA is not worth one of its own.
  void remember(const zone::contents& zone, const char* change, const std::string& text,
                const record_row& row) {
    if (row.type.empty() || row.type == "SOA") {
      return;
    }
    insert_history_.bind(1, stored(p_.at));
    insert_history_.bind(2, name_text(zone.apex));
    insert_history_.bind(3, zone.serial);
    insert_history_.bind(4, change);
    insert_history_.bind(5, text);
    insert_history_.bind(6, row.type);
    insert_history_.bind(7, row.ttl_s);
    insert_history_.bind(8, row.full_content());
    insert_history_.bind(9, p_.cause);
    run(insert_history_);
  }

  void bind_member(SQLite::Statement& put, const model::member& member) {
    const model::presence& what = member.what;
    put.bind(1, what.id.text());
    put.bind(2, stored(what.at.incarnation));
    put.bind(3, stored(what.at.sequence));
    put.bind(4, stored(member.since));
    put.bind(5, addresses_json(what.addresses));
    put.bind(6, roles_json(what.roles));
    put.bind(7, what.site);
    put.bind(8, what.software);
    put.bind(9, attributes_json(what.attributes));
    put.bind(10, stored(p_.status.where.at.counter));
    put.bind(11, stored(p_.status.where.sequence));
  }

  SQLite::Database& db_;
  const publication& p_;
  SQLite::Statement rows_;
  SQLite::Statement insert_row_;
  SQLite::Statement delete_row_;
  SQLite::Statement insert_history_;
};

/// The member, or what is wrong with the row.
std::expected<model::member, std::string> member_of(SQLite::Statement& row) {
  const auto id = model::node_id::parse(row.getColumn(0).getString());
  auto addresses = read_addresses(row.getColumn(4).getString());
  auto roles = read_roles(row.getColumn(5).getString());
  auto attributes = read_attributes(row.getColumn(8).getString());
  if (!id || !addresses || !roles || !attributes) {
    return std::unexpected(!id ? "id" : !addresses ? "addresses" : !roles ? "roles" : "attributes");
  }
  model::member member{
      .what = {.id = *id,
               .at = {restored(row.getColumn(1).getInt64()), restored(row.getColumn(2).getInt64())},
               .addresses = *std::move(addresses),
               .roles = *std::move(roles),
               .site = row.getColumn(6).getString(),
               .software = row.getColumn(7).getString(),
               .attributes = *std::move(attributes)},
      .since = time_of(row.getColumn(3).getInt64())};
  if (const auto valid = validate(member.what); !valid) {
    return std::unexpected(valid.error().detail);
  }
  return member;
}

/// Renames the file and its log, so that it can be looked at later.
std::expected<void, error> set_aside(const std::filesystem::path& file, model::unix_time now) {
  const std::string aside = file.string() + ".corrupt-" + std::to_string(stored(now));
  for (const std::string suffix : {"", "-wal", "-shm"}) {
    std::error_code failure;
    std::filesystem::rename(file.string() + suffix, aside + suffix, failure);
    if (failure && suffix.empty()) {
      return std::unexpected(error{errc::cannot_open, file.string() + ": damaged, and cannot be " +
                                                          "renamed: " + failure.message()});
    }
  }
  return {};
}

} // namespace

struct zone_store::impl {
  std::filesystem::path file;
  std::unique_ptr<SQLite::Database> db = nullptr;
  std::vector<std::string> notices{};
  /// What the database shows, once this process has written it.
  struct shown {
    zone::snapshot zones;
    model::member_map members;
  };
  std::optional<shown> written = std::nullopt;

  /// Opens the database afresh; a damaged file is replaced.
  std::expected<void, error> open(model::unix_time now) {
    db.reset();
    written.reset();
    auto opened = open_database(file, zone_database());
    if (!opened &&
        (opened.error().code == errc::corrupt || opened.error().code == errc::newer_schema)) {
      if (auto done = set_aside(file, now); !done) {
        return done;
      }
      notices.push_back(opened.error().detail + "; set aside as " + file.string() + ".corrupt-" +
                        std::to_string(stored(now)) + ", a new one is made");
      opened = open_database(file, zone_database());
    }
    if (!opened) {
      return std::unexpected(std::move(opened).error());
    }
    db = *std::move(opened);
    return {};
  }

  std::expected<void, error> write(const publication& p) {
    return guarded(file, [&]() -> std::expected<void, error> {
      SQLite::Transaction transaction(*db, SQLite::TransactionBehavior::IMMEDIATE);
      {
        writer w(*db, p);
        w.write_zones(written ? written->zones : zone::snapshot());
        w.write_members(written ? &written->members : nullptr);
        w.write_published();
      }
      transaction.commit();
      written = {p.zones, p.status.members};
      return {};
    });
  }

  std::expected<std::optional<last_publication>, error> read() {
    if (db == nullptr) {
      return std::unexpected(error{errc::cannot_open, file.string() + ": could not be replaced"});
    }
    return guarded(file, [&]() -> std::expected<std::optional<last_publication>, error> {
      const SQLite::Transaction one_view(*db);
      SQLite::Statement row(*db, "SELECT epoch_counter, epoch_manager, sequence, serial, heard_at, "
                                 "published_at FROM published");
      if (!row.executeStep()) {
        return std::nullopt;
      }
      last_publication last{.status = {.where = {.at = {restored(row.getColumn(0).getInt64()),
                                                        row.getColumn(1).getString()},
                                                 .sequence = restored(row.getColumn(2).getInt64())},
                                       .serial = row.getColumn(3).getUInt(),
                                       .heard_at = time_of(row.getColumn(4).getInt64()),
                                       .members = {}},
                            .at = time_of(row.getColumn(5).getInt64())};
      read_members(last.status.members);
      return last;
    });
  }

  void read_members(model::member_map& members) {
    SQLite::Statement row(*db, "SELECT id, incarnation, sequence, since, addresses, roles, site, "
                               "software, attributes FROM member");
    while (row.executeStep()) {
      if (auto member = member_of(row)) {
        members.emplace(member->what.id, *std::move(member));
      } else {
        notices.push_back(file.string() + ": member \"" + row.getColumn(0).getString() +
                          "\" is left out, it cannot be read: " + member.error());
      }
    }
  }
};

zone_store::zone_store(std::unique_ptr<impl> made)
    : impl_(std::move(made)) {}
zone_store::zone_store(zone_store&&) noexcept = default;
zone_store& zone_store::operator=(zone_store&&) noexcept = default;
zone_store::~zone_store() = default;

std::expected<zone_store, error> zone_store::open(const std::filesystem::path& file,
                                                  model::unix_time now) {
  auto made = std::make_unique<impl>(file);
  if (auto opened = made->open(now); !opened) {
    return std::unexpected(std::move(opened).error());
  }
  return zone_store(std::move(made));
}

std::expected<std::optional<last_publication>, error> zone_store::last_published() {
  return impl_->read();
}

std::expected<void, error> zone_store::publish(const publication& p) {
  if (impl_->db != nullptr) {
    auto written = impl_->write(p);
    if (written || written.error().code != errc::corrupt) {
      return written;
    }
  }
  if (auto opened = impl_->open(p.at); !opened) {
    return opened;
  }
  return impl_->write(p);
}

std::vector<std::string> zone_store::take_notices() {
  return std::exchange(impl_->notices, {});
}

} // namespace thor::store
