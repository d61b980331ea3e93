#include "coordinator/identity/x509/revocation.hpp"

#include "coordinator/identity/x509/certificate.hpp"

#include <openssl/bn.h>

#include <array>
#include <utility>

namespace thor::identity::x509 {

namespace {

using number_ptr = std::unique_ptr<BIGNUM, freed_by<BN_free>>;
using integer_ptr = std::unique_ptr<ASN1_INTEGER, freed_by<ASN1_INTEGER_free>>;
using enumerated_ptr = std::unique_ptr<ASN1_ENUMERATED, freed_by<ASN1_ENUMERATED_free>>;

using enum revocation_reason;
constexpr std::array<std::pair<revocation_reason, std::string_view>, 6> names{{
    {unspecified, "unspecified"},
    {key_compromise, "keyCompromise"},
    {affiliation_changed, "affiliationChanged"},
    {superseded, "superseded"},
    {cessation_of_operation, "cessationOfOperation"},
    {privilege_withdrawn, "privilegeWithdrawn"},
}};

integer_ptr to_integer(std::string_view serial) {
  BIGNUM* parsed = nullptr;
  const int read = BN_hex2bn(&parsed, std::string(serial).c_str());
  const number_ptr number(parsed);
  if (read == 0 || std::cmp_not_equal(read, serial.size()))
    return nullptr;
  return integer_ptr(BN_to_ASN1_INTEGER(number.get(), nullptr));
}

revocation_reason reason_of(const X509_REVOKED* entry) {
  const enumerated_ptr code(static_cast<ASN1_ENUMERATED*>(
      X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, nullptr, nullptr)));
  if (code != nullptr)
    for (const auto& [reason, name] : names)
      if (ASN1_ENUMERATED_get(code.get()) == std::to_underlying(reason))
        return reason;
  return unspecified;
}

} // namespace

std::string_view to_string(revocation_reason reason) {
  for (const auto& [known, name] : names)
    if (known == reason)
      return name;
  return "unspecified";
}

std::optional<revocation_reason> parse_revocation_reason(std::string_view name) {
  for (const auto& [reason, known] : names)
    if (known == name)
      return reason;
  return std::nullopt;
}

std::optional<revocation> find_revocation(X509_CRL* list, std::string_view serial) {
  const integer_ptr number = to_integer(serial);
  X509_REVOKED* entry = nullptr;
  constexpr int is_revoked = 1;
  if (number == nullptr || X509_CRL_get0_by_serial(list, &entry, number.get()) != is_revoked)
    return std::nullopt;
  return revocation{to_unix_time(X509_REVOKED_get0_revocationDate(entry)), reason_of(entry)};
}

model::unix_time this_update_of(const X509_CRL* list) {
  return to_unix_time(X509_CRL_get0_lastUpdate(list));
}

std::optional<model::unix_time> next_update_of(const X509_CRL* list) {
  const ASN1_TIME* next = X509_CRL_get0_nextUpdate(list);
  return next != nullptr ? std::optional(to_unix_time(next)) : std::nullopt;
}

} // namespace thor::identity::x509
