// What somebody wants written into the operator's data, as values: records of one zone, its
// metadata, its DNSSEC keys, and TSIG keys.
//
// Whoever asks (PowerDNS on behalf of pdnsutil, its HTTP API or DNS UPDATE) makes an edit; whoever
// owns the database applies it, all or nothing, and says what became of it. Records are as they
// were written: whether they can stand in the zone is found out when the edit is applied. Pure
// values, safe on any thread. An edit may hold secrets: it is never logged.
#pragma once

#include "zone/model/name.hpp"
#include "zone/model/record.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace thor::zone {

/// A record as PowerDNS writes it: the whole content, names with or without the last dot.
struct written_record {
  std::string type; ///< "SRV", "TYPE65280"
  std::uint32_t ttl_s = 0;
  std::string content;
  friend bool operator==(const written_record&, const written_record&) = default;
};

/// One step of a transaction.
struct rrset_edit {
  enum class kind : std::uint8_t {
    add,     ///< `records` come to what is there
    replace, ///< `records` take the place of the set of `owner` and `type`; none: it goes
  };
  kind how = kind::replace;
  name owner;
  /// What is replaced, "ANY" for all sets of the owner; of no meaning for `add`.
  std::string type;
  std::vector<written_record> records;
  friend bool operator==(const rrset_edit&, const rrset_edit&) = default;
};

/// What a committed transaction does to one zone, in this order.
struct zone_edit {
  name apex;
  /// All of the operator's records of the zone go before the first step.
  bool whole_zone = false;
  std::vector<rrset_edit> steps;
  friend bool operator==(const zone_edit&, const zone_edit&) = default;
};

/// All values of one kind; none removes it.
struct metadata_edit {
  name apex;
  std::string kind; ///< "NSEC3PARAM"
  std::vector<std::string> values;
  friend bool operator==(const metadata_edit&, const metadata_edit&) = default;
};

/// A DNSSEC key of a zone (RFC 4034 section 2), as PowerDNS keeps it.
struct dnssec_key {
  std::uint32_t id = 0;    ///< persistent, >= 1; 0 before the key is added
  std::uint16_t flags = 0; ///< of the DNSKEY: 257 with the SEP bit (KSK, CSK), 256 (ZSK)
  bool active = false;     ///< signs
  bool published = true;   ///< its DNSKEY is in the zone
  std::string content;     ///< secret: the private key in BIND's format (ISC)
  friend bool operator==(const dnssec_key&, const dnssec_key&) = default;
};

struct key_addition {
  name apex;
  dnssec_key key;
  friend bool operator==(const key_addition&, const key_addition&) = default;
};

struct key_edit {
  enum class action : std::uint8_t { remove, activate, deactivate, publish, unpublish };
  action what = action::remove;
  name apex;
  std::uint32_t id = 0;
  friend bool operator==(const key_edit&, const key_edit&) = default;
};

/// A shared key for transfers and updates (RFC 8945).
struct tsig_key {
  name owner;            ///< the key's name
  std::string algorithm; ///< "hmac-sha256."
  std::string secret;    ///< secret: base64
  friend bool operator==(const tsig_key&, const tsig_key&) = default;
};

/// The key of this name and algorithm from now on; without a secret the key of this name goes.
struct tsig_edit {
  name owner;
  std::string algorithm;
  std::optional<std::string> secret;
  friend bool operator==(const tsig_edit&, const tsig_edit&) = default;
};

using edit = std::variant<zone_edit, metadata_edit, key_addition, key_edit, tsig_edit>;

/// What became of an edit. One that is done is on disk, and is what is answered from now on.
struct edit_outcome {
  bool done = false;
  std::uint32_t key_id = 0; ///< of a key_addition that is done
  /// For people: why it was refused, or what of it was left out. Never a secret.
  std::vector<std::string> notes;
  friend bool operator==(const edit_outcome&, const edit_outcome&) = default;
};

/// Applies edits. Called on any thread, never blocks; `told` is called exactly once, on any thread,
/// before or after submit() returned.
class edit_sink {
 public:
  virtual void submit(edit wanted, std::function<void(edit_outcome)> told) = 0;

 protected:
  ~edit_sink() = default;
};

} // namespace thor::zone
