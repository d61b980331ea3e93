#include "schema/store/zone_writer.hpp"

#include "schema/store/member_json.hpp"
#include "schema/store/name_text.hpp"
#include "schema/store/sql_value.hpp"
#include "zone/build/build.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

namespace thor::store {
namespace {

using zone_list = std::vector<const zone::contents*>;

void append(zone_list& out, const zone::snapshot& zones) {
  for (const auto& zone : zones.zones) {
    out.push_back(zone.get());
  }
}

/// Both groups, by apex; hosted zones only when `with_hosted`.
zone_list list_of(const zone::snapshot& zones, const zone::snapshot* hosted, bool with_hosted) {
  zone_list all;
  append(all, zones);
  if (hosted != nullptr && with_hosted) {
    append(all, *hosted);
  }
  std::ranges::sort(all, {},
                    [](const zone::contents* zone) -> const zone::name& { return zone->apex; });
  return all;
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
    , insert_domain_(db, "INSERT INTO domains (id, name, type) VALUES (?, ?, 'NATIVE')")
    , delete_domain_(db, "DELETE FROM domains WHERE id = ?")
    , names_(db, "SELECT DISTINCT name FROM records WHERE domain_id = ?")
    , rows_(db, "SELECT id, type, content, ttl, prio, auth, disabled, ordername FROM records "
                "WHERE domain_id = ? AND name = ?")
    , insert_row_(db, "INSERT INTO records (domain_id, name, type, content, ttl, prio, auth) "
                      "VALUES (?, ?, ?, ?, ?, ?, ?)")
    , delete_row_(db, "DELETE FROM records WHERE id = ?")
    , insert_history_(db,
                      "INSERT INTO history (at, zone, serial, change, name, type, ttl, content, "
                      "cause) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
    , insert_member_change_(db, "INSERT INTO member_change (at, node, role, change, state, "
                                "addresses, cause) VALUES (?, ?, ?, ?, ?, ?, ?)") {}

void zone_writer::write_zones(const shown* before) {
  if (before == nullptr) {
    write_all(list_of(p_.zones, p_.hosted.get(), true));
  } else {
    write_changes(*before);
  }
  trim("history", history_rows_max);
}

void zone_writer::write_all(const zone_list& zones) {
  const auto kept = drop_other_domains(zones);
  for (const zone::contents* zone : zones) {
    if (kept.contains(zone->id)) {
      write_zone(nullptr, *zone, true);
    } else {
      write_new(*zone);
    }
  }
}

/// Walks the zones of before and of now side by side; a group that is the same object is skipped.
void zone_writer::write_changes(const shown& before) {
  const bool with_hosted = before.hosted != p_.hosted;
  const zone_list old_zones = list_of(before.zones, before.hosted.get(), with_hosted);
  const zone_list zones = list_of(p_.zones, p_.hosted.get(), with_hosted);
  std::vector<std::pair<const zone::contents*, const zone::contents*>> pairs;
  auto old = old_zones.begin();
  for (const zone::contents* zone : zones) {
    for (; old != old_zones.end() && (*old)->apex < zone->apex; ++old) {
      drop_domain((*old)->id);
    }
    const bool same = old != old_zones.end() && (*old)->apex == zone->apex;
    if (same && (*old)->id != zone->id) {
      drop_domain((*old)->id);
    }
    pairs.emplace_back(same && (*old)->id == zone->id ? *old : nullptr, zone);
    old += same ? 1 : 0;
  }
  for (; old != old_zones.end(); ++old) {
    drop_domain((*old)->id);
  }
  // An id may have gone from one zone to another, so all that goes has gone by now.
  for (const auto& [was, is] : pairs) {
    if (was == nullptr) {
      write_new(*is);
    } else {
      write_zone(was, *is, true);
    }
  }
}

void zone_writer::write_members(const model::member_map& before, bool known) {
  if (!known) {
    db_.exec("DELETE FROM member");
  }
  SQLite::Statement remove(db_, "DELETE FROM member WHERE id = ?");
  for (const auto& [id, member] : before) {
    if (!p_.status.members.contains(id)) {
      remove.bind(1, id.text());
      run(remove);
      remember_member(&member, nullptr);
    }
  }
  SQLite::Statement put(db_, "INSERT OR REPLACE INTO member (id, incarnation, sequence, since, "
                             "addresses, roles, site, software, attributes, changed_epoch, "
                             "changed_sequence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  for (const auto& [id, member] : p_.status.members) {
    const auto was = before.find(id);
    const bool same = was != before.end() && was->second == member;
    if (!known || !same) {
      bind_member(put, member, p_.status.where);
      run(put);
    }
    if (!same) {
      remember_member(was == before.end() ? nullptr : &was->second, &member);
    }
  }
  trim("member_change", member_changes_max);
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
std::unordered_set<std::uint32_t> zone_writer::drop_other_domains(const zone_list& zones) {
  std::unordered_map<std::string, std::int64_t> published;
  for (const zone::contents* zone : zones) {
    published.emplace(name_text(zone->apex), zone->id);
  }
  std::unordered_set<std::uint32_t> kept;
  std::vector<std::int64_t> gone;
  SQLite::Statement domains(db_, "SELECT id, name FROM domains");
  while (domains.executeStep()) {
    const std::int64_t id = domains.getColumn(0).getInt64();
    const auto found = published.find(domains.getColumn(1).getString());
    if (found != published.end() && found->second == id) {
      kept.insert(static_cast<std::uint32_t>(id));
    } else {
      gone.push_back(id);
    }
  }
  for (const std::int64_t id : gone) {
    drop_domain(id);
  }
  return kept;
}

void zone_writer::drop_domain(std::int64_t id) {
  delete_domain_.bind(1, id);
  run(delete_domain_);
}

/// The first appearance of a zone is no change of its records.
void zone_writer::write_new(const zone::contents& zone) {
  insert_domain_.bind(1, zone.id);
  insert_domain_.bind(2, name_text(zone.apex));
  run(insert_domain_);
  write_zone(nullptr, zone, false);
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
  names_.bind(1, now.id);
  while (names_.executeStep()) {
    names.emplace(names_.getColumn(0).getString(), nullptr);
  }
  names_.reset();
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

/// One row for each role that came, went or says something else; nullptr: no member.
void zone_writer::remember_member(const model::member* was, const model::member* is) {
  const auto add = [&](const model::presence& who, const std::string& role, const char* change,
                       const model::role_offer& offer) {
    insert_member_change_.bind(1, stored(p_.at));
    insert_member_change_.bind(2, who.id.text());
    insert_member_change_.bind(3, role);
    insert_member_change_.bind(4, change);
    insert_member_change_.bind(5, std::string(to_string(offer.state)));
    insert_member_change_.bind(6, addresses_json(who.addresses));
    insert_member_change_.bind(7, p_.cause);
    run(insert_member_change_);
  };
  if (was != nullptr) {
    for (const auto& [role, offer] : was->what.roles) {
      if (is == nullptr || !is->what.roles.contains(role)) {
        add(was->what, role, "left", offer);
      }
    }
  }
  if (is == nullptr) {
    return;
  }
  for (const auto& [role, offer] : is->what.roles) {
    if (was == nullptr || !was->what.roles.contains(role)) {
      add(is->what, role, "joined", offer);
    } else if (was->what.roles.at(role) != offer || was->what.addresses != is->what.addresses) {
      add(is->what, role, "changed", offer);
    }
  }
}

/// The oldest rows go first.
void zone_writer::trim(const char* table, std::int64_t rows_max) {
  db_.exec("DELETE FROM " + std::string(table) + " WHERE id <= (SELECT max(id) FROM " + table +
           ") - " + std::to_string(rows_max));
}

} // namespace thor::store
