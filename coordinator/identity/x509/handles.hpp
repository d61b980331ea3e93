// OpenSSL objects as values with one owner, and what OpenSSL has to say about a failure.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>

namespace thor::identity::x509 {

template <auto Free>
struct freed_by {
  void operator()(auto* object) const { Free(object); }
};

using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using crl_ptr = std::unique_ptr<X509_CRL, freed_by<X509_CRL_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using digest_ptr = std::unique_ptr<EVP_MD_CTX, freed_by<EVP_MD_CTX_free>>;
using store_ptr = std::unique_ptr<X509_STORE, freed_by<X509_STORE_free>>;
using store_context_ptr = std::unique_ptr<X509_STORE_CTX, freed_by<X509_STORE_CTX_free>>;
using tls_context_ptr = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
using integer_ptr = std::unique_ptr<ASN1_INTEGER, freed_by<ASN1_INTEGER_free>>;
using enumerated_ptr = std::unique_ptr<ASN1_ENUMERATED, freed_by<ASN1_ENUMERATED_free>>;
using time_ptr = std::unique_ptr<ASN1_TIME, freed_by<ASN1_TIME_free>>;
using general_names_ptr = std::unique_ptr<GENERAL_NAMES, freed_by<GENERAL_NAMES_free>>;

/// The latest entry of this thread's error queue in words, and an empty queue: what is left in it
/// would be blamed on the next TLS operation.
std::string openssl_reason();

/// For calls that fail only for lack of memory or by a bug of ours: throws std::runtime_error with
/// `what` and openssl_reason() unless `good`.
void ensure(bool good, std::string_view what);

/// Lower-case hex of raw octets.
std::string hex(const unsigned char* octets, std::size_t size);

/// The digest a key of the profile signs with: SHA-256 for ECDSA, nullptr for Ed25519, which has
/// its own.
const EVP_MD* digest_for(const EVP_PKEY* key);

inline const unsigned char* octets_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

} // namespace thor::identity::x509
