// Whom this overlay believes: the operator's CA (two while one replaces the other) and their
// revocation lists. Immutable; new files make a new one. Belongs to the credentials it was loaded
// with.
#pragma once

#include "coordinator/identity/peer.hpp"
#include "coordinator/identity/x509/handles.hpp"
#include "coordinator/model/time.hpp"

#include <cstddef>
#include <expected>
#include <optional>
#include <vector>

namespace thor::identity::x509 {

/// OpenSSL's level of 112 bits, in chains and handshakes: no SHA-1.
inline constexpr int security_level = 2;

class trust {
 public:
  static constexpr std::size_t cas_max = 2;

  /// `lists`: nothing = no revocation; otherwise each CA needs a complete list signed by it, of
  /// which the latest counts. Lists of others are ignored, so that an old one may lie about. A CA
  /// certificate need not be self-signed: what is in `cas` is trusted. Errors: bad_certificate
  /// (none, too many, no CA), untrusted (a CA has no list).
  static std::expected<trust, error> make(std::vector<certificate_ptr> cas,
                                          std::optional<std::vector<crl_ptr>> lists);

  /// Issued by one of the CAs directly, valid at `now` and not revoked.
  [[nodiscard]] std::expected<void, error> check_chain(X509* certificate,
                                                       model::unix_time now) const;
  /// Issued by one of the CAs directly, at whatever time.
  [[nodiscard]] std::expected<void, error> check_issuer(X509* certificate) const;

  /// See credentials::recheck().
  [[nodiscard]] std::expected<void, error> recheck(const peer& accepted,
                                                   model::unix_time now) const;

  /// See credentials::crl_next_update().
  [[nodiscard]] std::optional<model::unix_time> crl_next_update() const;
  [[nodiscard]] bool revokes() const { return anchors_.front().list != nullptr; }

  /// For SSL_CTX_set1_cert_store(): handshakes then verify by the same rules as check_chain() and
  /// note why they refuse, for refusal_of().
  [[nodiscard]] X509_STORE* store() const { return store_.get(); }

 private:
  struct anchor {
    certificate_ptr ca;
    crl_ptr list; ///< nullptr = no revocation
  };
  trust(std::vector<anchor> anchors, store_ptr store)
      : anchors_(std::move(anchors))
      , store_(std::move(store)) {}

  std::vector<anchor> anchors_;
  store_ptr store_;
};

} // namespace thor::identity::x509
