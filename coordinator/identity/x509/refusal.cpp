#include "coordinator/identity/x509/refusal.hpp"

#include "coordinator/identity/x509/certificate.hpp"
#include "coordinator/identity/x509/verify.hpp"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <memory>
#include <string>
#include <tuple>
#include <utility>

namespace thor::identity::x509 {

namespace {

errc code_of(int reason) {
  switch (reason) {
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return errc::expired;
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return errc::not_yet_valid;
  case X509_V_ERR_CERT_REVOKED:
    return errc::revoked;
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_CERT_CHAIN_TOO_LONG:
  case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    return errc::untrusted;
  default:
    return errc::bad_certificate;
  }
}

std::string verdict_on(X509* certificate, int reason) {
  switch (code_of(reason)) {
  case errc::expired:
    return " expired on " + time_text(not_after_of(certificate));
  case errc::not_yet_valid:
    return " is not valid before " + time_text(not_before_of(certificate));
  case errc::revoked:
    return " was revoked";
  case errc::untrusted:
    return " is not issued by the overlay's CA";
  default:
    return ": " + std::string(X509_verify_cert_error_string(reason));
  }
}

// A list past its nextUpdate stays in force: letting everybody in, or nobody, would both be worse.
// One from the future only means that this machine's clock is behind the CA's.
bool concerns_age_of_list(int reason) {
  return reason == X509_V_ERR_CRL_HAS_EXPIRED || reason == X509_V_ERR_CRL_NOT_YET_VALID;
}

void free_note(void*, void* note, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<error*>(note);
}

// Where a connection carries why it refused the other side. Not the application data slot: that one
// is Asio's.
int note_slot() {
  static const int slot = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_note);
  return slot;
}

void note(SSL* connection, error why) {
  auto fresh = std::make_unique<error>(std::move(why));
  const std::unique_ptr<error> replaced(
      static_cast<error*>(SSL_get_ex_data(connection, note_slot())));
  if (SSL_set_ex_data(connection, note_slot(), fresh.get()) == 1)
    std::ignore = fresh.release();
}

} // namespace

error describe_refusal(X509_STORE_CTX* at) {
  const int reason = X509_STORE_CTX_get_error(at);
  // A chain that leads nowhere is reported where it ends; whose it is stands at its beginning.
  X509* certificate = code_of(reason) == errc::untrusted ? X509_STORE_CTX_get0_cert(at)
                                                         : X509_STORE_CTX_get_current_cert(at);
  if (certificate == nullptr)
    return {errc::bad_certificate, X509_verify_cert_error_string(reason)};
  return {code_of(reason),
          "the certificate of " + name_of(certificate) + verdict_on(certificate, reason)};
}

int on_verified(int good, X509_STORE_CTX* at) {
  if (good == 1)
    return 1;
  if (concerns_age_of_list(X509_STORE_CTX_get_error(at))) {
    X509_STORE_CTX_set_error(at, X509_V_OK);
    return 1;
  }
  if (auto* connection =
          static_cast<SSL*>(X509_STORE_CTX_get_ex_data(at, SSL_get_ex_data_X509_STORE_CTX_idx())))
    note(connection, describe_refusal(at));
  return 0;
}

std::optional<error> refusal_of(const SSL* connection) {
  const auto* noted = static_cast<const error*>(SSL_get_ex_data(connection, note_slot()));
  return noted != nullptr ? std::optional(*noted) : std::nullopt;
}

} // namespace thor::identity::x509
