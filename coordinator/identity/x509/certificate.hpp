// Reading a certificate: from octets to the peer it names. Says what the certificate claims and
// whether it has the form of the profile, not whether it may be trusted.
#pragma once

#include "coordinator/identity/peer.hpp"
#include "coordinator/identity/x509/handles.hpp"
#include "coordinator/model/time.hpp"

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace thor::identity::x509 {

/// A certificate of the profile is well below this; a longer one is not looked at.
inline constexpr std::size_t certificate_octets_max = 8192;

/// One certificate in DER and nothing after it. Error: bad_certificate.
std::expected<certificate_ptr, error> parse_certificate(std::string_view der);
std::string to_der(X509* certificate);

/// The node a certificate names, when it has the form of the profile: its size, X.509 v3, a P-256
/// or Ed25519 key, no CA, keyUsage digitalSignature, extendedKeyUsage serverAuth and clientAuth, an
/// authorityKeyIdentifier, and a subject that read_profile() accepts.
std::expected<peer, error> read_certificate(X509* certificate);

/// The certificate may issue others: X.509 v3, a P-256 or Ed25519 key, CA:TRUE, keyUsage
/// keyCertSign and cRLSign, a subjectKeyIdentifier. Error: bad_certificate.
std::expected<void, error> check_ca_form(X509* certificate);

/// The one O of a CA's subject, in the form of parse_domain().
std::expected<std::string, error> domain_of(X509* ca);

/// Borrowed from the certificate; nullptr when it is not readable.
EVP_PKEY* public_key_of(X509* certificate);

/// "ECDSA P-256", "Ed25519", or what OpenSSL calls it.
std::string key_name(const EVP_PKEY* key);

/// The key is one of the profile. Error: bad_certificate.
std::expected<void, error> check_key(const EVP_PKEY* key);

/// Lower-case hex, two digits an octet.
std::string serial_text(const ASN1_INTEGER* serial);
std::string fingerprint_of(X509* certificate);
/// subjectKeyIdentifier, lower-case hex; "" when there is none.
std::string key_id_of(X509* certificate);

/// For messages: whose it is, as far as it says so: "sip1" (serial 3f...).
std::string name_of(X509* certificate);

model::unix_time to_unix_time(const ASN1_TIME* time);
model::unix_time not_before_of(const X509* certificate);
model::unix_time not_after_of(const X509* certificate);
/// 2026-03-01 12:00:00Z
std::string time_text(model::unix_time time);

} // namespace thor::identity::x509
