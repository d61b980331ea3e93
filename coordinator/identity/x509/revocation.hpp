// What a revocation list says.
#pragma once

#include "coordinator/identity/x509/handles.hpp"
#include "coordinator/model/time.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace thor::identity::x509 {

/// CRLReason, RFC 5280 section 5.3.1, as far as it is about a node's certificate.
enum class revocation_reason : std::uint8_t {
  unspecified = 0,
  key_compromise = 1,
  affiliation_changed = 3,
  superseded = 4,
  cessation_of_operation = 5,
  privilege_withdrawn = 9,
};
inline constexpr std::array revocation_reasons{
    revocation_reason::unspecified,
    revocation_reason::key_compromise,
    revocation_reason::affiliation_changed,
    revocation_reason::superseded,
    revocation_reason::cessation_of_operation,
    revocation_reason::privilege_withdrawn,
};
/// The RFC's name: keyCompromise.
std::string_view to_string(revocation_reason reason);
std::optional<revocation_reason> parse_revocation_reason(std::string_view name);

struct revocation {
  model::unix_time at{};
  /// `unspecified`, too, for the reasons that are not about a node's certificate.
  revocation_reason reason = revocation_reason::unspecified;
};

/// A serial number of lower-case hex; nullptr when it is none.
integer_ptr to_integer(std::string_view serial);

/// The entry of `serial` (lower-case hex), if it is on the list.
std::optional<revocation> find_revocation(X509_CRL* list, std::string_view serial);

/// The list is signed by `ca` and speaks of all its certificates.
bool is_complete_list_of(X509* ca, X509_CRL* list);

model::unix_time this_update_of(const X509_CRL* list);
/// Nothing when the list does not say.
std::optional<model::unix_time> next_update_of(const X509_CRL* list);

} // namespace thor::identity::x509
