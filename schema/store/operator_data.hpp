// What operator.sqlite3 says, as read in one view of the database. Pure values; those of keys hold
// secrets.
#pragma once

#include "zone/edit/edit.hpp"
#include "zone/model/error.hpp"
#include "zone/model/name.hpp"
#include "zone/model/record.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace thor::store {

/// Metadata is one row per value, at most this many of one kind.
inline constexpr std::size_t metadata_values_max = 100;

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

/// A DNSSEC key of a zone.
struct operator_key {
  std::uint32_t zone_id = 0;
  zone::dnssec_key key;
  friend bool operator==(const operator_key&, const operator_key&) = default;
};

/// A row that is not served.
struct quarantined_row {
  std::string table;
  std::int64_t row = 0;
  /// The row for a person, without a secret: "www.example.org A 300 192.0.2.300".
  std::string text;
  zone::error reason;
};

struct operator_data {
  std::vector<operator_zone> zones; ///< by id
  std::vector<operator_template> templates{};
  std::vector<operator_record> records;    ///< enabled ones, by zone, then row
  std::vector<operator_metadata> metadata; ///< by zone, then kind
  std::vector<operator_key> keys{};        ///< by zone, then id
  std::vector<zone::tsig_key> tsig_keys{}; ///< by name
  std::vector<quarantined_row> quarantined;
  std::int64_t revision = 0; ///< grows with every change of any row
};

} // namespace thor::store
