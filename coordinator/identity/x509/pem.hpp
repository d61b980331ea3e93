// Certificates, keys and revocation lists in files, all PEM.
#pragma once

#include "coordinator/identity/peer.hpp"
#include "coordinator/identity/x509/handles.hpp"

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

namespace thor::identity::x509 {

/// Every error detail begins with the path.
///
/// All certificates or lists of a file, at least one, in its order; other PEM blocks are skipped.
/// Errors: unreadable (missing, too long), bad_certificate (none in it, damaged).
std::expected<std::vector<certificate_ptr>, error>
read_certificates(const std::filesystem::path& file);
std::expected<std::vector<crl_ptr>, error> read_crls(const std::filesystem::path& file);

/// A private key that only its owner may change and at most its group may read (0600 or 0640): the
/// daemons' user is a member of the key's group when the key belongs to root. Errors: unreadable,
/// unsafe_permissions, bad_certificate (no key in it, encrypted).
std::expected<key_ptr, error> read_key(const std::filesystem::path& file);

std::string to_pem(X509* certificate);
std::string to_pem(X509_CRL* list);
/// PKCS #8, unencrypted.
std::string to_pem(EVP_PKEY* key);

} // namespace thor::identity::x509
