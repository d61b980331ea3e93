#include "schema/store/zone_writer.hpp"

#include "schema/store/member_json.hpp"
#include "schema/store/name_text.hpp"
#include "schema/store/sql_value.hpp"
#include "zone/build/build.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace thor::store {
namespace {

std::shared_ptr<const zone::contents> find(const zone::snapshot& zones, const zone::name& apex) {
  const auto found = std::ranges::find(zones.zones, apex, [](const auto& z) { return z->apex; });
  return found == zones.zones.end() ? nullptr : *found;
}

void run(SQLite::Statement& statement) {
  statement.exec();
  statement.reset();
}

void bind_member(SQLite::Statement& put, const model::member& member, const model::position& at) {
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
  put.bind(10, stored(at.at.counter));
  put.bind(11, stored(at.sequence));
}

} // namespace

zone_writer::zone_writer(SQLite::Database& db, const publication& p)
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

void zone_writer::write_zones(const zone::snapshot& before) {
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

void zone_writer::write_members(const model::member_map* before) {
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
      bind_member(put, member, p_.status.where);
      run(put);
    }
  }
}

void zone_writer::write_published() {
  SQLite::Statement put(db_,
                        "INSERT OR REPLACE INTO published (id, epoch_counter, epoch_manager, "
                        "sequence, serial, heard_at, published_at, zones_digest, cause, version, "
                        "own_members, divergent) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  put.bind(1, stored(p_.status.where.at.counter));
  put.bind(2, p_.status.where.at.manager);
  put.bind(3, stored(p_.status.where.sequence));
  put.bind(4, p_.status.serial);
  put.bind(5, stored(p_.status.heard_at));
  put.bind(6, stored(p_.at));
  put.bind(7, stored(p_.zones_digest));
  put.bind(8, p_.cause);
  put.bind(9, THOR_VERSION);
  put.bind(10, p_.status.own_members ? 1 : 0);
  put.bind(11, p_.status.divergent ? 1 : 0);
  put.exec();
}

/// Removes the domains that are not published, with their records; the ids of the others.
std::set<std::uint32_t> zone_writer::drop_other_domains() {
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

void zone_writer::insert_domain(const zone::contents& zone) {
  SQLite::Statement insert(db_, "INSERT INTO domains (id, name, type) VALUES (?, ?, 'NATIVE')");
  insert.bind(1, zone.id);
  insert.bind(2, name_text(zone.apex));
  insert.exec();
}

void zone_writer::write_zone(const zone::contents* before, const zone::contents& now,
                             bool with_history) {
  if (before == &now) {
    return;
  }
  if (before == nullptr) {
    for (const auto& [text, n] : all_names(now)) {
      write_name(now, text, n, with_history);
    }
    return;
  }
  for (const zone::name& owner : zone::changed_names(before, now)) {
    write_name(now, name_text(owner), now.find(owner), with_history);
  }
}

zone_writer::named_nodes zone_writer::all_names(const zone::contents& now) {
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

/// Makes the rows of one name those of the node, touching only what differs.
void zone_writer::write_name(const zone::contents& zone, const std::string& text,
                             const zone::node* n, bool with_history) {
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

record_row zone_writer::row_in_database() {
  const SQLite::Column prio = rows_.getColumn(4);
  return {.type = rows_.getColumn(1).getString(),
          .content = rows_.getColumn(2).getString(),
          .ttl_s = rows_.getColumn(3).getInt64(),
          .prio = prio.isNull() ? std::nullopt : std::optional(prio.getInt64()),
          .auth = rows_.getColumn(5).getInt() != 0};
}

/// False when somebody else touched columns that we leave at their defaults.
bool zone_writer::is_as_written() {
  return rows_.getColumn(6).getInt() == 0 && rows_.getColumn(7).isNull();
}

void zone_writer::insert(const zone::contents& zone, const std::string& text,
                         const record_row& row) {
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
void zone_writer::remember(const zone::contents& zone, const char* change, const std::string& text,
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

} // namespace thor::store
