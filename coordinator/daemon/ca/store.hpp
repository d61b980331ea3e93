// The directory of an operator's CA.
//
//   ca.crt               the CA's certificate: goes to every node
//   ca.key               its private key, 0600: stays here
//   crl.pem              the revocation list: goes to every node; also the record of what is
//   revoked issued/<serial>.crt  every certificate that was issued lock                 held while
//   a thor-ca is at work
//
// Nothing is written twice: who has which certificate is read from the certificates, what is
// revoked from the list. Each file appears or changes as a whole, so a crash at any moment leaves a
// good directory. One store object holds the lock from opening to its end.
//
// Errors are sentences for the operator.
#pragma once

#include "coordinator/identity/peer.hpp"
#include "coordinator/identity/x509/handles.hpp"
#include "coordinator/identity/x509/issuing.hpp"
#include "coordinator/identity/x509/revocation.hpp"
#include "coordinator/model/time.hpp"

#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thor::ca {

namespace x509 = identity::x509;

template <class T>
using result = std::expected<T, std::string>;

/// A file that must not exist yet, readable by its owner only from the moment it exists.
result<void> write_private_file(const std::filesystem::path& file, std::string_view content);

struct issued_certificate {
  identity::peer who;
  model::unix_time not_before{};
  std::optional<x509::revocation> revoked;
  x509::certificate_ptr certificate;

  [[nodiscard]] bool usable(model::unix_time now) const { return !revoked && now < who.not_after; }
};

class store {
 public:
  /// Makes the directory (0700) with a new CA in it, or completes an empty one. Refuses one that
  /// holds a CA.
  static result<store> create(const std::filesystem::path& directory, std::string_view domain,
                              x509::key_type type, x509::period valid, model::unix_time list_until);
  /// Waits while another thor-ca is at work there.
  static result<store> open(const std::filesystem::path& directory);

  [[nodiscard]] const x509::authority& ca() const { return ca_; }
  [[nodiscard]] X509_CRL* list() const { return list_.get(); }
  [[nodiscard]] std::filesystem::path ca_file() const;
  [[nodiscard]] std::filesystem::path list_file() const;

  /// Everything ever issued, by id, the oldest first.
  [[nodiscard]] result<std::vector<issued_certificate>> issued() const;
  result<void> record(X509* certificate, const std::string& serial);

  /// Writes the next list, with `serials` added.
  result<void> revoke(const std::vector<std::string>& serials, x509::revocation_reason reason,
                      x509::period valid);

 private:
  /// An open file; closing it ends the lock.
  class lock_file {
   public:
    explicit lock_file(int descriptor)
        : descriptor_(descriptor) {}
    lock_file(lock_file&& other) noexcept;
    lock_file& operator=(lock_file&&) = delete;
    ~lock_file();

   private:
    int descriptor_;
  };
  static result<lock_file> lock(const std::filesystem::path& directory);

  store(std::filesystem::path directory, lock_file held, x509::authority ca, x509::crl_ptr list);

  std::filesystem::path directory_;
  lock_file held_;
  x509::authority ca_;
  x509::crl_ptr list_;
};

} // namespace thor::ca
