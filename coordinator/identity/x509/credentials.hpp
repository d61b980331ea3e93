// What a program of the overlay holds: its certificate, its private key, the operator's CA and the
// revocation list, read from files and read again when the files change.
//
// One object a process, owned by its main; everything else borrows it. One thread: that of the
// overlay. References and pointers it hands out hold until the next reload_if_changed(); a
// connection made from tls_context() keeps the context it was made with.
//
// Loading judges everything but the clock: a program whose certificate has expired still starts
// (thor-dns must answer from its last good zone), and learns of it from recheck(self(), now).
#pragma once

#include "coordinator/identity/peer.hpp"
#include "coordinator/identity/x509/verify.hpp"
#include "coordinator/model/time.hpp"

#include <openssl/types.h>

#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace thor::identity::x509 {

/// Where credentials are kept, all PEM.
struct files {
  std::filesystem::path certificate; ///< the first certificate in it; a chain is not needed
  std::filesystem::path key;         ///< unencrypted, at most 0640
  std::filesystem::path ca;          ///< one CA certificate, or two while one replaces the other
  std::filesystem::path crl;         ///< a list of each CA; "" = no revocation
  /// When false, a missing `crl` file means no revocation. It is read as soon as it appears, and
  /// from then on it has to stay.
  bool crl_required = false;
};

class credentials {
 public:
  /// Reads and checks the files. Errors: unreadable, unsafe_permissions, bad_certificate (not PEM,
  /// outside the profile, key and certificate do not match), untrusted (the certificate is not from
  /// a CA of `ca`, or the list of a CA is missing or not signed by it), and those of
  /// read_profile().
  static std::expected<credentials, error> load(const files& from);

  credentials(credentials&&) noexcept;
  credentials& operator=(credentials&&) noexcept;
  ~credentials();

  /// Looks at the files (four stat calls) and loads them again when one changed. True when new
  /// credentials are in force. On an error the old ones stay in force, and it is told once a
  /// change. A certificate of another id or domain is refused: that takes a restart.
  std::expected<bool, error> reload_if_changed();

  [[nodiscard]] const peer& self() const;
  /// Our certificate, DER.
  [[nodiscard]] const std::string& certificate() const;
  /// Signs with our key: ECDSA over SHA-256 (DER) or Ed25519. Throws std::runtime_error when
  /// OpenSSL fails.
  [[nodiscard]] std::string sign(std::string_view octets) const;

  /// For server and client use: TLS 1.3 only, the other side must show a certificate of our CA
  /// that is not revoked, no resumption. Borrowed: SSL_CTX_up_ref() before giving it to an owner
  /// such as boost::asio::ssl::context. After the handshake ask peer_of(); after a failed one
  /// refusal_of().
  [[nodiscard]] SSL_CTX* tls_context() const;

  /// The peer of a connection with tls_context(), of our domain; see x509::peer_of(). Its
  /// certificate is known to authors() from here on.
  [[nodiscard]] std::expected<peer, error> peer_of(const SSL* connection) const;

  /// Verifies what other members signed.
  [[nodiscard]] author_verifier& authors() const;

  /// The peer accepted earlier would still be: its CA is still one of ours, it is within its
  /// validity and not revoked. Errors: untrusted, expired, revoked.
  [[nodiscard]] std::expected<void, error> recheck(const peer& accepted,
                                                   model::unix_time now) const;

  /// When the first of our revocation lists should have been replaced; nothing without a list. An
  /// overdue list stays in force, and is an alarm.
  [[nodiscard]] std::optional<model::unix_time> crl_next_update() const;
  [[nodiscard]] bool crl_overdue(model::unix_time now) const;

 private:
  struct impl;
  explicit credentials(std::unique_ptr<impl> loaded);

  std::unique_ptr<impl> impl_;
};

} // namespace thor::identity::x509
