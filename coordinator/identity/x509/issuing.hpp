// The operator's certificate authority: makes certificates and revocation lists of the profile.
// Keeps nothing; where certificates are recorded is the business of thor-ca.
//
// Uses OpenSSL's random generator for keys and serial numbers; time arrives as an argument.
#pragma once

#include "coordinator/identity/peer.hpp"
#include "coordinator/identity/x509/handles.hpp"
#include "coordinator/identity/x509/revocation.hpp"
#include "coordinator/model/address.hpp"
#include "coordinator/model/time.hpp"

#include <cstdint>
#include <expected>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace thor::identity::x509 {

enum class key_type : std::uint8_t { p256, ed25519 };

/// A new private key.
key_ptr make_key(key_type type);

/// From `from` to `until`.
struct period {
  model::unix_time from{};
  model::unix_time until{};
};

/// What a node's certificate is to say.
struct node_request {
  std::string id;
  std::set<std::string> roles;
  std::vector<model::ip_address> addresses; ///< empty: none named
  period valid;
};

class authority {
 public:
  /// A new CA with a self-signed certificate: O = domain, CN = "Thor CA <random>", so that two of
  /// them can be told apart. Errors: no_domain.
  static std::expected<authority, error> create(std::string_view domain, key_type type,
                                                period valid);
  /// An existing one. Errors: bad_certificate (no CA, not its key), no_domain.
  static std::expected<authority, error> open(certificate_ptr certificate, key_ptr key);

  [[nodiscard]] X509* certificate() const { return certificate_.get(); }
  [[nodiscard]] EVP_PKEY* key() const { return key_.get(); }
  [[nodiscard]] const std::string& domain() const { return domain_; }

  /// A certificate for the holder of `holder` (its public half is used). Checked with
  /// read_certificate(), the reader that every program uses. Errors: bad_node_id, bad_role,
  /// bad_certificate (a key outside the profile, more names than fit).
  [[nodiscard]] std::expected<certificate_ptr, error> issue(const node_request& what,
                                                            EVP_PKEY* holder) const;

  /// A list with nobody on it, number 1.
  [[nodiscard]] crl_ptr first_list(period valid) const;
  /// `last` with `serials` (lower-case hex) added and the next number; those it has already stay
  /// as they are.
  [[nodiscard]] crl_ptr next_list(X509_CRL* last, const std::vector<std::string>& serials,
                                  revocation_reason reason, period valid) const;

 private:
  authority(certificate_ptr certificate, key_ptr key, std::string domain);

  certificate_ptr certificate_;
  key_ptr key_;
  std::string domain_;
};

} // namespace thor::identity::x509
