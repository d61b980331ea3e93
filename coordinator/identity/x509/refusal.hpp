// Why OpenSSL does not accept a certificate, in the words of identity::errc.
#pragma once

#include "coordinator/identity/peer.hpp"

#include <openssl/types.h>

namespace thor::identity::x509 {

/// What X509_verify_cert() stopped at, and whose certificate it was.
error describe_refusal(X509_STORE_CTX* at);

/// Verify callback of every chain, in a handshake or not. Accepts revocation lists of any age and
/// notes a refusal on the TLS connection it happened on, for refusal_of().
int on_verified(int good, X509_STORE_CTX* at);

} // namespace thor::identity::x509
