// operator.sqlite3: what the operator says. The source of truth for static records, hosted domains
// with their templates, metadata, and DNSSEC and TSIG keys.
//
// People edit it with SQL, Thor's own commands through the functions below; both are noticed. A row
// that cannot be served is quarantined: listed with its reason, never served, and no harm to the
// others. The file is 0600, its -wal and -shm too.
//
// Of several name servers one writes; on the others the file is a copy, which nobody can write to
// (errc::follower, or what sqlite3 prints: a sentence that names the writer).
//
// One connection with one owner, on one thread. Blocking. Nothing is thrown past these functions.
#pragma once

#include "coordinator/model/operator_copy.hpp"
#include "coordinator/model/time.hpp"
#include "schema/store/edit_rules.hpp"
#include "schema/store/error.hpp"
#include "schema/store/operator_data.hpp"
#include "zone/edit/edit.hpp"
#include "zone/model/name.hpp"
#include "zone/model/record.hpp"

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace thor::store {

/// Whose data these are.
struct writer_standing {
  model::writer_claim claim;
  bool follows = false; ///< a copy
  bool copied = false;  ///< held a copy at some time
  friend bool operator==(const writer_standing&, const writer_standing&) = default;
};

class operator_store {
 public:
  /// Opens the database, makes it when it is missing and brings its schema up to date. A damaged
  /// file is an error: nobody but the operator can say what was in it.
  static std::expected<operator_store, error> open(const std::filesystem::path& file);

  operator_store(operator_store&&) noexcept;
  operator_store& operator=(operator_store&&) noexcept;
  ~operator_store();

  std::expected<operator_data, error> read();

  /// Whether anything was written since the last read(), by anybody. Microseconds: may be asked
  /// every second.
  std::expected<bool, error> changed();

  /// The id of the domain; it is made when it is missing, on a follower until its next copy.
  std::expected<std::uint32_t, error> ensure_domain(const zone::name& apex);

  /// Adds a domain and returns its id. It must not be there; the template, "" = none, must.
  std::expected<std::uint32_t, error> add_domain(const zone::name& apex,
                                                 const std::string& template_name);
  /// Removes a domain with its records and metadata.
  std::expected<void, error> remove_domain(const zone::name& apex);

  /// Adds a record and returns its row. One that is there already gets this TTL and is enabled.
  std::expected<std::int64_t, error> add_record(std::uint32_t zone_id, const zone::name& owner,
                                                zone::rr_type type, std::uint32_t ttl_s,
                                                const zone::rdata& data);
  std::expected<void, error> remove_record(std::int64_t row);

  /// Replaces all values of the kind; none removes it. `kind` is letters, digits and hyphens.
  std::expected<void, error> set_metadata(std::uint32_t zone_id, const std::string& kind,
                                          const std::vector<std::string>& values);

  /// Applies the whole edit or nothing of it, in one transaction that is on disk when this returns.
  /// One that is not done was refused, for the reason in its notes. An error is the database's:
  /// nothing was written then either.
  ///
  /// In a whole zone, records that are Thor's own or PowerDNS's (signatures and denials), and
  /// RRsets just like those of the template, are left out and noted; where a single RRset is
  /// written they refuse the edit. Of an SOA the names, timers and the TTL are kept, in a row with
  /// serial 0; the zone's serial steps once with an edit that changes records or writes another
  /// serial.
  std::expected<zone::edit_outcome, error> apply(const zone::edit& wanted, edit_rules& rules);

  // ---- one writer, many name servers

  std::expected<writer_standing, error> standing();
  /// The data are `claim.writer`'s from now on: writes are refused.
  std::expected<void, error> follow(const model::writer_claim& claim);
  /// `claim.writer` is this name server: it takes writes. A later term than before is a takeover.
  std::expected<void, error> lead(const model::writer_claim& claim);

  std::expected<model::data_state, error> state();
  /// In one view of the database.
  std::expected<model::operator_copy, error> read_copy();
  /// Takes the data of the one it follows, all or nothing. Edits of its own that would be lost are
  /// set aside before, in a file whose path is returned (0600); otherwise the path is empty.
  /// Errors: differs, when the outcome is not what `copy` says; bad_value, when its rows cannot be
  /// read.
  std::expected<std::filesystem::path, error> apply_copy(const model::operator_copy& copy,
                                                         model::unix_time now);

 private:
  struct impl;
  explicit operator_store(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

} // namespace thor::store
