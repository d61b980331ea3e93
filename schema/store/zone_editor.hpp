// An edit of one zone's records: reads the rows, applies the steps to them as values, and writes
// the rows that differ. Internal to schema/store.
//
// A row that stays is not touched, so an edit that changes nothing writes nothing. One object is
// one edit. The functions throw SQLite::Exception; the caller has a transaction around them.
#pragma once

#include "schema/store/edit_rules.hpp"
#include "zone/edit/edit.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace thor::store {

class zone_editor {
 public:
  zone_editor(SQLite::Database& db, const operator_zone& zone, edit_rules& rules)
      : db_(db)
      , zone_(zone)
      , rules_(rules) {}

  /// All of it, or why nothing: then no row has been written.
  zone::edit_outcome run(const zone::zone_edit& wanted);

 private:
  using key = std::pair<zone::name, zone::rr_type>;
  /// Nothing, or why the edit is refused.
  using verdict = std::expected<void, std::string>;

  /// All records of one owner and type have one TTL (RFC 2181 section 5.2).
  struct rrset {
    std::uint32_t ttl_s = 0;
    bool edited = false;
    std::map<zone::rdata, bool> records; ///< with whether a row has it
  };
  struct stored_row {
    std::int64_t id = 0;
    std::optional<key> where; ///< nothing when the row cannot be served, whatever is wrong with it
    std::optional<zone::rdata> data;
    std::uint32_t ttl_s = 0;
    bool disabled = false; ///< in no set
    bool dropped = false;  ///< goes, if no set has it in the end
  };

  using rrsets = std::map<key, rrset>;

  void read_rows();
  static stored_row read_row(SQLite::Statement& row);
  [[nodiscard]] rrsets stored_sets() const;
  verdict step(const zone::rrset_edit& wanted);
  verdict add_to_set(const zone::rrset_edit& wanted);
  verdict replace_set(const zone::rrset_edit& wanted);
  verdict remove_set(const key& where);
  verdict remove_owner(const zone::name& owner);
  verdict put(const key& where, const zone::written_record& written);
  verdict put_soa(const key& where, const zone::written_record& written);
  verdict leave_out(const key& where, const std::string& why);
  void add(const key& where, std::uint32_t ttl_s, zone::rdata data);
  bool drop(const key& where);
  void drop_all();
  void give_way_to_template();
  [[nodiscard]] const zone::rrset* unless_said(const key& where) const;
  [[nodiscard]] std::string conflict() const;
  [[nodiscard]] std::vector<std::string> misplaced(const rrsets& sets) const;
  bool write();
  bool insert_missing();
  void step_serial();
  [[nodiscard]] std::vector<std::string> notes() const;

  SQLite::Database& db_;
  const operator_zone& zone_;
  edit_rules& rules_;
  bool whole_zone_ = false;
  std::optional<std::uint32_t> serial_; ///< of the SOA as it was written
  std::vector<zone::rrset> unless_said_;
  std::vector<stored_row> rows_;
  rrsets sets_;                       ///< as they become
  std::vector<std::string> left_out_; ///< records of a whole zone, and why
  std::vector<std::string> remarks_;
};

} // namespace thor::store
