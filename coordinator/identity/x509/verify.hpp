// Who is at the other end of a TLS connection, and who signed a message that came through an event
// server.
//
// One thread: that of the overlay.
#pragma once

#include "coordinator/identity/peer.hpp"
#include "coordinator/model/time.hpp"

#include <openssl/types.h>

#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace thor::identity::x509 {

class trust;

/// The peer of a connection whose handshake succeeded with credentials::tls_context(), which has
/// verified chain, validity and revocation. Checks the profile and the domain. What the peer may do
/// is asked afterwards (peer::has_role, check_presence).
std::expected<peer, error> peer_of(const SSL* connection, std::string_view domain);

/// Why our side refused the other's certificate when the handshake failed (untrusted, expired,
/// not_yet_valid, revoked, bad_certificate), with whose it was. Nothing when the handshake failed
/// for another reason: no certificate shown, no TLS, the other side refused ours.
std::optional<error> refusal_of(const SSL* connection);

/// Verifies signed text. Remembers certificates that it verified (at most authors_max), so that the
/// next message of the same author costs one signature check.
class author_verifier {
 public:
  static constexpr std::size_t authors_max = 4096;

  /// `anchors` must outlive the verifier.
  author_verifier(const trust& anchors, std::string_view domain);
  ~author_verifier();

  /// Who signed `octets`: `signature` verifies with the key of `certificate` (DER), which is in the
  /// profile, of our domain, from our CA, valid at `now` and not revoked. Errors: bad_certificate
  /// and those of read_profile(), wrong_domain, untrusted, not_yet_valid, expired, revoked,
  /// bad_signature. What the author may say is asked afterwards (check_author, has_role).
  std::expected<peer, error> verify(std::string_view octets, std::string_view signature,
                                    std::string_view certificate, model::unix_time now);

  /// The peer of a handshake that these anchors verified: its own messages then cost one signature
  /// check from the first on. As the function of this name.
  std::expected<peer, error> peer_of(const SSL* connection);

  /// For tests and metrics.
  [[nodiscard]] std::size_t authors_known() const;

 private:
  class memory;
  const trust& anchors_;
  std::string domain_;
  std::unique_ptr<memory> known_;
};

} // namespace thor::identity::x509
