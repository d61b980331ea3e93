#include "schema/store/zone_editor.hpp"

#include "schema/store/name_text.hpp"
#include "schema/store/replicated_tables.hpp"
#include "zone/build/build.hpp"
#include "zone/text/rdata_text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <string_view>

namespace thor::store {
namespace {

using zone::rr_type;

constexpr auto nsec3 = static_cast<rr_type>(50);
constexpr auto nsec3param = static_cast<rr_type>(51);
constexpr auto cds = static_cast<rr_type>(59);
constexpr auto cdnskey = static_cast<rr_type>(60);

/// Records of a whole zone that are listed as left out.
constexpr std::size_t left_out_notes_max = 20;

/// Of a record in a sentence.
constexpr std::size_t shown_octets_max = 256;

/// Types of which Thor itself publishes records at some names.
constexpr std::array types_of_thor{rr_type::a,     rr_type::aaaa, rr_type::srv,
                                   rr_type::naptr, rr_type::txt,  rr_type::uri};

/// PowerDNS makes these while it answers.
bool is_denial_or_signature(rr_type type) {
  return type == rr_type::rrsig || type == rr_type::nsec || type == nsec3 || type == nsec3param;
}

/// PowerDNS makes these from the zone's keys; an operator may add more at the apex.
bool is_of_keys(rr_type type) {
  return type == rr_type::dnskey || type == cds || type == cdnskey;
}

std::string text_of(const zone::name& owner, rr_type type) {
  return owner.text() + ' ' + zone::to_string(type);
}

/// What somebody wrote, fit for a line of a log.
std::string shown(std::string_view written) {
  std::string text(written.substr(0, shown_octets_max));
  std::ranges::replace_if(text, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }, '?');
  return text;
}

/// One record of it, as a sentence begins.
std::string text_of(const zone::name& owner, const zone::written_record& written) {
  return owner.text() + ' ' + shown(written.type) + ' ' + shown(written.content);
}

zone::edit_outcome refused(std::string why) {
  return {.done = false, .key_id = 0, .notes = {std::move(why)}};
}

/// The same SOA with serial 0: its serial is no property of the record.
zone::rdata without_serial(const zone::rdata& data) {
  auto soa = std::get<zone::soa_rdata>(data);
  soa.serial = 0;
  return soa;
}

} // namespace

zone::edit_outcome zone_editor::run(const zone::zone_edit& wanted) {
  if (auto why = rules_.not_served(zone_); !why.empty()) {
    return refused(zone_.apex.text() + ": " + why);
  }
  whole_zone_ = wanted.whole_zone;
  unless_said_ = rules_.unless_said(zone_);
  read_rows();
  if (whole_zone_) {
    drop_all();
  } else {
    sets_ = stored_sets();
  }
  for (const auto& one : wanted.steps) {
    if (auto done = step(one); !done) {
      return refused(std::move(done).error());
    }
  }
  give_way_to_template();
  if (auto why = conflict(); !why.empty()) {
    return refused(std::move(why));
  }
  // Serial and revision step once, where the triggers would take a step for each row.
  const without_triggers of_rows(db_);
  const bool changed = write();
  if (changed || (serial_ && *serial_ != zone_.serial)) {
    step_serial();
  }
  return {.done = true, .key_id = 0, .notes = notes()};
}

// ---- what is there

void zone_editor::read_rows() {
  SQLite::Statement rows(db_, "SELECT id, name, type, content, ttl, disabled FROM records "
                              "WHERE domain_id = ? ORDER BY id");
  rows.bind(1, zone_.id);
  while (rows.executeStep()) {
    rows_.push_back(read_row(rows));
  }
}

/// The zone as its rows say.
zone_editor::rrsets zone_editor::stored_sets() const {
  rrsets sets;
  for (const auto& row : rows_) {
    if (row.where && !row.disabled) {
      auto& set = sets.try_emplace(*row.where, rrset{row.ttl_s, false, {}}).first->second;
      set.records.emplace(*row.data, true);
    }
  }
  return sets;
}

zone_editor::stored_row zone_editor::read_row(SQLite::Statement& row) {
  stored_row read{.id = row.getColumn(0).getInt64(),
                  .where = std::nullopt,
                  .data = std::nullopt,
                  .ttl_s = row.getColumn(4).getUInt(),
                  .disabled = row.getColumn(5).getInt() != 0};
  auto owner = zone::name::parse(row.getColumn(1).getString());
  const auto type = zone::parse_type(row.getColumn(2).getString());
  if (!owner || !type) {
    return read;
  }
  auto data = zone::parse_rdata(*type, row.getColumn(3).getString());
  if (data) {
    read.where.emplace(*std::move(owner), *type);
    read.data = *type == rr_type::soa ? without_serial(*data) : *std::move(data);
  }
  return read;
}

const zone::rrset* zone_editor::unless_said(const key& where) const {
  const auto found = std::ranges::find_if(unless_said_, [&](const zone::rrset& one) {
    return one.owner == where.first && one.type == where.second;
  });
  return found == unless_said_.end() ? nullptr : &*found;
}

/// Why the zone as it is now cannot be, "" when it can: what was wrong before does not count.
std::string zone_editor::conflict() const {
  const auto after = misplaced(sets_);
  if (after.empty()) {
    return "";
  }
  const auto before = whole_zone_ ? std::vector<std::string>() : misplaced(stored_sets());
  std::vector<std::string> fresh;
  std::ranges::set_difference(after, before, std::back_inserter(fresh));
  return fresh.empty() ? "" : fresh.front();
}

/// What cannot stand in the zone, sorted.
std::vector<std::string> zone_editor::misplaced(const rrsets& sets) const {
  std::vector<operator_record> records;
  for (const auto& [where, set] : sets) {
    for (const auto& [data, has_row] : set.records) {
      records.push_back({.row = 0,
                         .zone_id = zone_.id,
                         .owner = where.first,
                         .type = where.second,
                         .ttl_s = set.ttl_s,
                         .data = data});
    }
  }
  auto lines = rules_.misplaced(zone_, records);
  std::ranges::sort(lines);
  return lines;
}

// ---- the steps

zone_editor::verdict zone_editor::step(const zone::rrset_edit& wanted) {
  if (!wanted.owner.is_at_or_below(zone_.apex)) {
    return std::unexpected(wanted.owner.text() + " is not at or below " + zone_.apex.text());
  }
  return wanted.how == zone::rrset_edit::kind::add ? add_to_set(wanted) : replace_set(wanted);
}

zone_editor::verdict zone_editor::add_to_set(const zone::rrset_edit& wanted) {
  for (const auto& written : wanted.records) {
    const auto type = zone::parse_type(written.type);
    if (!type) {
      return std::unexpected(text_of(wanted.owner, written) + ": " + shown(type.error().detail));
    }
    const key where{wanted.owner, *type};
    // What is added comes to what the template makes; in a whole zone it takes its place.
    const auto* made = whole_zone_ || sets_.contains(where) ? nullptr : unless_said(where);
    if (made != nullptr && *type != rr_type::soa) {
      for (const auto& data : made->records) {
        add(where, made->ttl_s, data);
      }
    }
    if (auto done = put(where, written); !done) {
      return done;
    }
  }
  return {};
}

zone_editor::verdict zone_editor::replace_set(const zone::rrset_edit& wanted) {
  const auto type = zone::parse_type(wanted.type);
  if (!type) {
    return std::unexpected(wanted.owner.text() + ' ' + shown(wanted.type) + ": " +
                           shown(type.error().detail));
  }
  if (*type == rr_type::any) {
    if (!wanted.records.empty()) {
      return std::unexpected(wanted.owner.text() + " ANY: records have a type each");
    }
    return remove_owner(wanted.owner);
  }
  const key where{wanted.owner, *type};
  if (wanted.records.empty()) {
    return remove_set(where);
  }
  if (*type == rr_type::soa && wanted.records.size() > 1) {
    return std::unexpected(text_of(wanted.owner, *type) + ": a zone has one SOA");
  }
  drop(where);
  for (const auto& written : wanted.records) {
    if (zone::parse_type(written.type) != *type) {
      return std::unexpected(text_of(wanted.owner, written) + ": not of the type " +
                             zone::to_string(*type));
    }
    if (auto done = put(where, written); !done) {
      return done;
    }
  }
  return {};
}

zone_editor::verdict zone_editor::remove_set(const key& where) {
  const auto& [owner, type] = where;
  if (type == rr_type::soa && owner == zone_.apex) {
    return std::unexpected(text_of(owner, type) + ": a zone has an SOA");
  }
  const bool had_rows = drop(where);
  const bool is_made = unless_said(where) != nullptr;
  if (had_rows) {
    if (is_made) {
      remarks_.push_back(text_of(owner, type) + ": the template's records are back");
    }
    return {};
  }
  if (auto why = rules_.reserved(zone_, owner, type); !why.empty()) {
    return leave_out(where, why);
  }
  if (is_made && !whole_zone_) {
    return std::unexpected(text_of(owner, type) + " comes from the template " +
                           zone_.template_name +
                           ": change that, or put other records in its place");
  }
  return {};
}

/// The SOA stays, as in RFC 2136 section 3.4.2.3.
zone_editor::verdict zone_editor::remove_owner(const zone::name& owner) {
  std::vector<rr_type> types;
  for (const auto& row : rows_) {
    if (row.where && row.where->first == owner && row.where->second != rr_type::soa) {
      types.push_back(row.where->second);
    }
  }
  bool any = false;
  for (const auto type : types) {
    any |= drop({owner, type});
  }
  if (any) {
    return {};
  }
  for (const auto type : types_of_thor) {
    if (unless_said({owner, type}) != nullptr || !rules_.reserved(zone_, owner, type).empty()) {
      return remove_set({owner, type});
    }
  }
  return {};
}

zone_editor::verdict zone_editor::put(const key& where, const zone::written_record& written) {
  const auto& [owner, type] = where;
  if (is_denial_or_signature(type) || (whole_zone_ && owner == zone_.apex && is_of_keys(type))) {
    return leave_out(where, "PowerDNS makes it from the zone's keys");
  }
  if (type == rr_type::soa) {
    return put_soa(where, written);
  }
  if (auto why = rules_.reserved(zone_, owner, type); !why.empty()) {
    return leave_out(where, why);
  }
  if (written.ttl_s > zone::ttl_s_max) {
    return std::unexpected(text_of(owner, written) + ": TTL " + std::to_string(written.ttl_s) +
                           " is above " + std::to_string(zone::ttl_s_max));
  }
  auto data = rules_.read(owner, type, written);
  if (!data) {
    return std::unexpected(text_of(owner, written) + ": " + shown(data.error()));
  }
  add(where, written.ttl_s, *std::move(data));
  return {};
}

/// Kept are its names and timers, and where they are those of the configuration nothing is: then it
/// goes on to follow that.
zone_editor::verdict zone_editor::put_soa(const key& where, const zone::written_record& written) {
  if (where.first != zone_.apex) {
    return std::unexpected(text_of(where.first, where.second) + ": an SOA stands at the apex");
  }
  const auto data = rules_.read(where.first, where.second, written);
  if (!data || written.ttl_s > zone::ttl_s_max) {
    return std::unexpected(text_of(where.first, written) + ": " +
                           (data ? "the TTL is above 2147483647" : shown(data.error())));
  }
  serial_ = std::get<zone::soa_rdata>(*data).serial;
  drop(where);
  const auto kept = without_serial(*data);
  const auto* configured = unless_said(where);
  if (configured == nullptr || configured->ttl_s != written.ttl_s ||
      without_serial(configured->records.front()) != kept) {
    add(where, written.ttl_s, kept);
  }
  return {};
}

/// A whole zone may be what was read here before, Thor's own records included.
zone_editor::verdict zone_editor::leave_out(const key& where, const std::string& why) {
  auto line = text_of(where.first, where.second) + ": " + why;
  if (!whole_zone_) {
    return std::unexpected(std::move(line));
  }
  left_out_.push_back(std::move(line));
  return {};
}

void zone_editor::add(const key& where, std::uint32_t ttl_s, zone::rdata data) {
  auto& set = sets_[where];
  set.ttl_s = ttl_s;
  set.edited = true;
  set.records.emplace(std::move(data), false);
}

/// True when there were rows.
bool zone_editor::drop(const key& where) {
  bool any = sets_.erase(where) != 0;
  for (auto& row : rows_) {
    if (row.where == where) {
      any |= !row.dropped;
      row.dropped = true;
    }
  }
  return any;
}

void zone_editor::drop_all() {
  for (auto& row : rows_) {
    row.dropped = true;
  }
  sets_.clear();
}

/// RRsets of a whole zone that are just those of the template stay the template's.
void zone_editor::give_way_to_template() {
  if (!whole_zone_) {
    return;
  }
  for (const auto& made : unless_said_) {
    if (made.type == rr_type::soa) {
      continue;
    }
    const auto own = sets_.find({made.owner, made.type});
    if (own == sets_.end()) {
      remarks_.push_back(text_of(made.owner, made.type) + " comes from the template " +
                         zone_.template_name);
      continue;
    }
    const auto& [ttl_s, edited, records] = own->second;
    const bool same = ttl_s == made.ttl_s && records.size() == made.records.size() &&
                      std::ranges::all_of(made.records, [&](const zone::rdata& data) {
                        return records.contains(data);
                      });
    if (same) {
      left_out_.push_back(text_of(made.owner, made.type) + ": the same as in the template " +
                          zone_.template_name);
      sets_.erase(own);
    }
  }
}

// ---- the rows

/// True when anything differs.
bool zone_editor::write() {
  bool changed = false;
  SQLite::Statement remove(db_, "DELETE FROM records WHERE id = ?");
  SQLite::Statement set_ttl(db_, "UPDATE records SET ttl = ? WHERE id = ?");
  for (auto& [where, set] : sets_) {
    for (auto& [data, has_row] : set.records) {
      has_row = false;
    }
  }
  for (const auto& row : rows_) {
    const auto set = row.where && !row.disabled ? sets_.find(*row.where) : sets_.end();
    const auto record = set == sets_.end() ? decltype(rrset::records)::iterator()
                                           : set->second.records.find(*row.data);
    if (set != sets_.end() && record != set->second.records.end()) {
      record->second = true;
      if (set->second.edited && row.ttl_s != set->second.ttl_s) {
        set_ttl.reset();
        set_ttl.bind(1, set->second.ttl_s);
        set_ttl.bind(2, row.id);
        set_ttl.exec();
        changed = true;
      }
    } else if (row.dropped) {
      remove.reset();
      remove.bind(1, row.id);
      remove.exec();
      changed = true;
    }
  }
  return insert_missing() || changed;
}

/// Records that have no row yet. One that was disabled is enabled.
bool zone_editor::insert_missing() {
  bool any = false;
  SQLite::Statement insert(db_, "INSERT INTO records (domain_id, name, type, content, ttl) "
                                "VALUES (?, ?, ?, ?, ?) "
                                "ON CONFLICT DO UPDATE SET ttl = excluded.ttl, disabled = 0");
  for (const auto& [where, set] : sets_) {
    for (const auto& [data, has_row] : set.records) {
      if (has_row) {
        continue;
      }
      insert.reset();
      insert.bind(1, zone_.id);
      insert.bind(2, name_text(where.first));
      insert.bind(3, zone::to_string(where.second));
      insert.bind(4, zone::to_text(data));
      insert.bind(5, set.ttl_s);
      insert.exec();
      any = true;
    }
  }
  return any;
}

void zone_editor::step_serial() {
  SQLite::Statement step(
      db_,
      "UPDATE domains SET serial = min(4294967295, max(serial + 1, unixepoch())) WHERE id = ?");
  step.bind(1, zone_.id);
  step.exec();
  db_.exec("UPDATE revision SET counter = counter + 1");
}

std::vector<std::string> zone_editor::notes() const {
  std::vector<std::string> lines;
  const auto shown = std::min(left_out_.size(), left_out_notes_max);
  for (std::size_t i = 0; i < shown; ++i) {
    lines.push_back("left out: " + left_out_[i]);
  }
  if (shown < left_out_.size()) {
    lines.push_back("left out: " + std::to_string(left_out_.size() - shown) + " more records");
  }
  lines.insert(lines.end(), remarks_.begin(), remarks_.end());
  return lines;
}

} // namespace thor::store
