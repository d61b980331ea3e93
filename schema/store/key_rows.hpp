// What a key has to be like to be kept, and how keys are written. Internal to schema/store.
//
// The functions that take a database throw SQLite::Exception and need a transaction around them.
// What they say of a key is for people and never holds its secret.
#pragma once

#include "zone/edit/edit.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace thor::store {

/// Keys of one zone: each active one is a signature more in every answer.
inline constexpr std::size_t keys_of_zone_max = 32;
/// Octets of a private key; one of RSA with 4,096 bits has 3,300.
inline constexpr std::size_t key_octets_max = 16384;
/// Octets of a TSIG secret in base64.
inline constexpr std::size_t tsig_secret_octets_max = 1024;

/// Why PowerDNS could not sign with it, "" when nothing speaks against it. PowerDNS answers no
/// query for a zone with a key that it cannot read.
std::string fault_of(const zone::dnssec_key& key);
std::string fault_of(const zone::tsig_key& key);

/// How PowerDNS's SQL backends spell it: "hmac-sha256" for "HMAC-SHA256.", "hmac-md5" for
/// "hmac-md5.sig-alg.reg.int.".
std::string short_algorithm(std::string_view text);

zone::edit_outcome apply(SQLite::Database& db, std::uint32_t zone_id,
                         const zone::key_addition& wanted);
zone::edit_outcome apply(SQLite::Database& db, std::uint32_t zone_id, const zone::key_edit& wanted);
zone::edit_outcome apply(SQLite::Database& db, const zone::tsig_edit& wanted);

} // namespace thor::store
