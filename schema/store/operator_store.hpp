// operator.sqlite3: what the operator says. The source of truth for static records, hosted domains
// with their templates, and metadata.
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
#include "schema/store/error.hpp"
#include "zone/model/error.hpp"
#include "zone/model/name.hpp"
#include "zone/model/record.hpp"

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace thor::store {

/// A domain: one of the overlay's own zones, a hosted domain, or a zone of static records alone.
struct operator_zone {
  std::uint32_t id = 0; ///< persistent, >= 1
  zone::name apex;
  std::string template_name{}; ///< as templates spell it; "" = none
  /// SOA serial of a zone that only operator data moves: it steps with every change of the domain,
  /// its records and its template, and is the same wherever the data is.
  std::uint32_t serial = 0;
  friend bool operator==(const operator_zone&, const operator_zone&) = default;
};

struct operator_record {
  std::int64_t row = 0;
  std::uint32_t zone_id = 0;
  zone::name owner; ///< at or below the zone's apex
  zone::rr_type type = zone::rr_type::any;
  std::uint32_t ttl_s = 0;
  zone::rdata data;
  friend bool operator==(const operator_record&, const operator_record&) = default;
};

/// A row of a template. `name` and `content` are as the operator wrote them, `{domain}` and
/// `{overlay}` included: what they come to depends on the domain.
struct template_record {
  std::int64_t row = 0;
  std::string name;
  zone::rr_type type = zone::rr_type::any;
  std::uint32_t ttl_s = 0;
  std::string content;
  friend bool operator==(const template_record&, const template_record&) = default;
};

struct operator_template {
  std::string name;
  std::vector<template_record> records; ///< by row
  friend bool operator==(const operator_template&, const operator_template&) = default;
};

/// One kind of metadata of one zone, as PowerDNS knows it: ALSO-NOTIFY, ALLOW-AXFR-FROM, ...
struct operator_metadata {
  std::uint32_t zone_id = 0;
  std::string kind; ///< upper-case
  std::vector<std::string> values;
  friend bool operator==(const operator_metadata&, const operator_metadata&) = default;
};

/// A row that is not served.
struct quarantined_row {
  std::string table;
  std::int64_t row = 0;
  std::string text; ///< the row for a person: "www.example.org A 300 192.0.2.300"
  zone::error reason;
};

struct operator_data {
  std::vector<operator_zone> zones; ///< by id
  std::vector<operator_template> templates{};
  std::vector<operator_record> records;    ///< enabled ones, by zone, then row
  std::vector<operator_metadata> metadata; ///< by zone, then kind
  std::vector<quarantined_row> quarantined;
  std::int64_t revision = 0; ///< grows with every change of any row
};

/// Whose data these are.
struct writer_standing {
  model::writer_claim claim;
  bool follows = false; ///< a copy
  bool copied = false;  ///< held a copy at some time
  friend bool operator==(const writer_standing&, const writer_standing&) = default;
};

/// One row per value, at most this many of one kind.
inline constexpr std::size_t metadata_values_max = 100;

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
