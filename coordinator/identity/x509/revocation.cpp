#include "coordinator/identity/x509/revocation.hpp"

#include "coordinator/identity/x509/certificate.hpp"

#include <openssl/bn.h>
#include <openssl/err.h>

#include <utility>

namespace thor::identity::x509 {

namespace {

using number_ptr = std::unique_ptr<BIGNUM, freed_by<BN_free>>;
revocation_reason reason_of(const X509_REVOKED* entry) {
  const enumerated_ptr code(static_cast<ASN1_ENUMERATED*>(
      X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, nullptr, nullptr)));
  if (code != nullptr)
    for (const revocation_reason reason : revocation_reasons)
      if (ASN1_ENUMERATED_get(code.get()) == std::to_underlying(reason))
        return reason;
  return revocation_reason::unspecified;
}

} // namespace

std::string_view to_string(revocation_reason reason) {
  switch (reason) {
  case revocation_reason::unspecified:
    return "unspecified";
  case revocation_reason::key_compromise:
    return "keyCompromise";
  case revocation_reason::affiliation_changed:
    return "affiliationChanged";
  case revocation_reason::superseded:
    return "superseded";
  case revocation_reason::cessation_of_operation:
    return "cessationOfOperation";
  case revocation_reason::privilege_withdrawn:
    return "privilegeWithdrawn";
  }
  return "unknown";
}

std::optional<revocation_reason> parse_revocation_reason(std::string_view name) {
  for (const revocation_reason reason : revocation_reasons)
    if (to_string(reason) == name)
      return reason;
  return std::nullopt;
}

integer_ptr to_integer(std::string_view serial) {
  BIGNUM* parsed = nullptr;
  const int read = BN_hex2bn(&parsed, std::string(serial).c_str());
  const number_ptr number(parsed);
  if (read == 0 || std::cmp_not_equal(read, serial.size()))
    return nullptr;
  return integer_ptr(BN_to_ASN1_INTEGER(number.get(), nullptr));
}

std::optional<revocation> find_revocation(X509_CRL* list, std::string_view serial) {
  const integer_ptr number = to_integer(serial);
  X509_REVOKED* entry = nullptr;
  constexpr int is_revoked = 1;
  if (number == nullptr || X509_CRL_get0_by_serial(list, &entry, number.get()) != is_revoked)
    return std::nullopt;
  return revocation{to_unix_time(X509_REVOKED_get0_revocationDate(entry)), reason_of(entry)};
}

bool is_complete_list_of(X509* ca, X509_CRL* list) {
  const bool complete = X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(ca)) == 0 &&
                        X509_CRL_verify(list, X509_get0_pubkey(ca)) == 1 &&
                        // What is critical narrows what the list speaks of: RFC 5280 section 5.2.
                        X509_CRL_get_ext_by_critical(list, 1, -1) < 0;
  ERR_clear_error();
  return complete;
}

model::unix_time this_update_of(const X509_CRL* list) {
  return to_unix_time(X509_CRL_get0_lastUpdate(list));
}

std::optional<model::unix_time> next_update_of(const X509_CRL* list) {
  const ASN1_TIME* next = X509_CRL_get0_nextUpdate(list);
  return next != nullptr ? std::optional(to_unix_time(next)) : std::nullopt;
}

} // namespace thor::identity::x509
