// What PowerDNS's remote backend asks and wants written, as types. The three ways it is written
// down (the JSON envelope, the `post` form and REST) all end here.
//
// Pure values, safe on any thread. Names are canonical: PowerDNS passes on the case its client
// used.
#pragma once

#include "backend/protocol/error.hpp"
#include "backend/protocol/ip_prefix.hpp"
#include "zone/edit/edit.hpp"
#include "zone/model/name.hpp"
#include "zone/model/record.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace thor::backend {

/// The methods of the protocol, and `other` for what is none.
enum class method : std::uint8_t {
  initialize,
  lookup,
  api_lookup,
  list,
  get_all_domains,
  get_domain_info,
  get_all_domain_metadata,
  get_domain_metadata,
  get_before_and_after_names_absolute,
  get_domain_keys,
  get_tsig_key,
  get_tsig_keys,
  get_updated_masters,
  get_unfresh_slave_infos,
  search_records,
  direct_backend_cmd,
  set_notified,
  set_domain_metadata,
  add_domain_key,
  remove_domain_key,
  activate_domain_key,
  deactivate_domain_key,
  publish_domain_key,
  unpublish_domain_key,
  set_tsig_key,
  delete_tsig_key,
  start_transaction,
  commit_transaction,
  abort_transaction,
  feed_record,
  replace_rrset,
  feed_ents,
  feed_ents3,
  set_fresh,
  set_stale,
  super_master_backend,
  create_slave_domain,
  other,
};
inline constexpr std::size_t method_count = static_cast<std::size_t>(method::other) + 1;

/// PowerDNS's spelling ("getAllDomains"); "other" for the rest.
std::string_view to_string(method which);

// Reading. What PowerDNS asks while it answers DNS queries takes nothing from the heap.

/// A kind of domain metadata ("ALSO-NOTIFY") in a buffer of its own.
class metadata_kind {
 public:
  static constexpr std::size_t octets_max = 64;

  metadata_kind() = default;
  /// Precondition: text.size() <= octets_max.
  metadata_kind(std::string_view text) // NOLINT(google-explicit-constructor): the same text
      : size_(static_cast<std::uint8_t>(text.size())) {
    std::ranges::copy(text, octets_.begin());
  }

  [[nodiscard]] std::string_view view() const { return {octets_.data(), size_}; }

  friend bool operator==(const metadata_kind& a, const metadata_kind& b) {
    return a.view() == b.view();
  }

 private:
  std::array<char, octets_max> octets_{};
  std::uint8_t size_ = 0;
};

/// First message on a Unix connection.
struct initialize_request {
  friend bool operator==(const initialize_request&, const initialize_request&) = default;
};

struct lookup_request {
  zone::inline_name qname;
  /// `any` asks for everything at the name. A type that nothing can have (TYPE0) stands for a type
  /// we have no word for.
  zone::rr_type qtype = zone::rr_type::any;
  /// The zone PowerDNS already chose; without a value the nearest zone above the name is meant.
  std::optional<std::uint32_t> zone_id;
  /// Who gets the answer, as far as PowerDNS tells.
  std::optional<ip_prefix> client{};
  /// It asks for its own HTTP API (APILookup): all there is, as in a transfer.
  bool for_api = false;
  friend bool operator==(const lookup_request&, const lookup_request&) = default;
};

/// A whole zone, for a transfer.
struct list_request {
  zone::inline_name zone;
  friend bool operator==(const list_request&, const list_request&) = default;
};

struct all_domains_request {
  friend bool operator==(const all_domains_request&, const all_domains_request&) = default;
};

struct domain_info_request {
  zone::inline_name zone;
  friend bool operator==(const domain_info_request&, const domain_info_request&) = default;
};

struct all_metadata_request {
  zone::inline_name zone;
  friend bool operator==(const all_metadata_request&, const all_metadata_request&) = default;
};

struct metadata_request {
  zone::inline_name zone;
  metadata_kind kind;
  friend bool operator==(const metadata_request&, const metadata_request&) = default;
};

/// The neighbours of a name in the order in which the zone denies names (RFC 4034 section 6.1, RFC
/// 5155 section 7.1). Whether it asks in the order of NSEC or of NSEC3 is not said.
struct neighbours_request {
  std::optional<std::uint32_t> zone_id;
  /// Below the zone's apex, as if that were the root: the root itself is the apex (NSEC). Or one
  /// label, a hash in lower-case base32hex (NSEC3).
  zone::name qname;
  friend bool operator==(const neighbours_request&, const neighbours_request&) = default;
};

struct domain_keys_request {
  zone::inline_name zone;
  friend bool operator==(const domain_keys_request&, const domain_keys_request&) = default;
};

struct tsig_key_request {
  zone::inline_name key;
  friend bool operator==(const tsig_key_request&, const tsig_key_request&) = default;
};

struct tsig_keys_request {
  friend bool operator==(const tsig_keys_request&, const tsig_keys_request&) = default;
};

/// Asks for zones that need a transfer or a NOTIFY, of which there are none here.
struct nothing_request {
  method what = method::other;
  friend bool operator==(const nothing_request&, const nothing_request&) = default;
};

/// For records whose owner or content fits a pattern.
struct search_request {
  std::string pattern; ///< '*' stands for any characters, '?' for one
  std::uint32_t records_max = 0;
  friend bool operator==(const search_request&, const search_request&) = default;
};

/// Words of an operator: `pdnsutil backend-cmd`.
struct command_request {
  std::string text;
  friend bool operator==(const command_request&, const command_request&) = default;
};

/// PowerDNS queued the notifications of a zone, and wants the serial kept until the next time. Here
/// it is told when to notify, so that there is nothing to keep.
struct set_notified_request {
  friend bool operator==(const set_notified_request&, const set_notified_request&) = default;
};

// Writing

/// Something that stands for itself: metadata and keys.
struct edit_request {
  method what = method::other;
  zone::edit wanted;
  friend bool operator==(const edit_request&, const edit_request&) = default;
};

struct begin_request {
  zone::name zone;
  /// With the zone's id the transaction replaces the whole zone, without it changes some of it.
  std::optional<std::uint32_t> zone_id;
  /// What the steps will call it by: a time in seconds, so two connections may choose the same.
  std::int64_t transaction = 0;
  friend bool operator==(const begin_request&, const begin_request&) = default;
};

struct step_request {
  method what = method::other;
  std::optional<std::uint32_t> zone_id;    ///< as PowerDNS tells; it tells none for feedRecord
  std::optional<std::int64_t> transaction; ///< nothing: the step stands for itself
  zone::rrset_edit step;
  friend bool operator==(const step_request&, const step_request&) = default;
};

struct commit_request {
  std::int64_t transaction = 0;
  friend bool operator==(const commit_request&, const commit_request&) = default;
};

struct abort_request {
  std::int64_t transaction = 0;
  friend bool operator==(const abort_request&, const abort_request&) = default;
};

/// Names without records that PowerDNS worked out. We work them out ourselves.
struct ents_request {
  method what = method::other;
  friend bool operator==(const ents_request&, const ents_request&) = default;
};

using write_request = std::variant<edit_request, begin_request, step_request, commit_request,
                                   abort_request, ents_request>;

/// What is not done here, whoever asks: incoming zones, unknown methods, and calls that PowerDNS
/// writes so that nobody can read them.
struct declined_request {
  method what = method::other;
  std::string why;
  friend bool operator==(const declined_request&, const declined_request&) = default;
};

using request = std::variant<initialize_request, lookup_request, list_request, all_domains_request,
                             domain_info_request, all_metadata_request, metadata_request,
                             neighbours_request, domain_keys_request, tsig_key_request,
                             tsig_keys_request, nothing_request, search_request, command_request,
                             set_notified_request, write_request, declined_request>;

method method_of(const write_request& what);
method method_of(const request& what);

} // namespace thor::backend
