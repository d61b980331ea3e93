#include "coordinator/identity/x509/verify.hpp"

#include "coordinator/identity/x509/certificate.hpp"
#include "coordinator/identity/x509/trust.hpp"

#include <openssl/err.h>
#include <openssl/sha.h>

#include <array>
#include <map>
#include <utility>

namespace thor::identity::x509 {

namespace {

std::unexpected<error> refuse(errc code, std::string detail) {
  ERR_clear_error();
  return std::unexpected(error{code, std::move(detail)});
}

std::expected<peer, error> read_peer(X509* certificate, std::string_view domain) {
  auto who = read_certificate(certificate);
  if (!who)
    return refuse(who.error().code,
                  "the certificate of " + name_of(certificate) + ": " + who.error().detail);
  if (auto ours = check_domain(*who, domain); !ours)
    return std::unexpected(ours.error());
  return who;
}

// A certificate that was verified, and the key to verify its holder's signatures with.
struct author {
  peer who;
  key_ptr key;
};

std::expected<author, error> read_author(std::string_view der, const trust& anchors,
                                         std::string_view domain, model::unix_time now) {
  const auto certificate = parse_certificate(der);
  if (!certificate)
    return std::unexpected(certificate.error());
  if (auto trusted = anchors.check_chain(certificate->get(), now); !trusted)
    return std::unexpected(trusted.error());
  auto who = read_peer(certificate->get(), domain);
  if (!who)
    return std::unexpected(who.error());
  return author{*std::move(who), key_ptr(X509_get_pubkey(certificate->get()))};
}

bool verifies(EVP_PKEY* key, std::string_view octets, std::string_view signature) {
  const digest_ptr state(EVP_MD_CTX_new());
  return state != nullptr &&
         EVP_DigestVerifyInit(state.get(), nullptr, digest_for(key), nullptr, key) == 1 &&
         EVP_DigestVerify(state.get(), octets_of(signature), signature.size(), octets_of(octets),
                          octets.size()) == 1;
}

} // namespace

std::expected<peer, error> peer_of(const SSL* connection, std::string_view domain) {
  X509* certificate = SSL_get0_peer_certificate(connection);
  if (certificate == nullptr)
    return refuse(errc::bad_certificate, "the other side showed no certificate");
  if (const long verdict = SSL_get_verify_result(connection); verdict != X509_V_OK)
    return refuse(errc::untrusted, "the certificate of " + name_of(certificate) + ": " +
                                       X509_verify_cert_error_string(verdict));
  return read_peer(certificate, domain);
}

// Certificates that were verified once, by the SHA-256 of their DER. What depends on the clock is
// asked anew each time.
class author_verifier::memory {
 public:
  using fingerprint = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

  static fingerprint fingerprint_of(std::string_view certificate) {
    fingerprint digest{};
    SHA256(octets_of(certificate), certificate.size(), digest.data());
    return digest;
  }

  [[nodiscard]] const author* find(const fingerprint& of) const {
    const auto found = known_.find(of);
    return found != known_.end() ? &found->second : nullptr;
  }

  const author& add(const fingerprint& of, author verified) {
    // Fingerprints are evenly distributed, so the first is as good as any.
    if (known_.size() >= authors_max)
      known_.erase(known_.begin());
    return known_.insert_or_assign(of, std::move(verified)).first->second;
  }

  [[nodiscard]] std::size_t size() const { return known_.size(); }

 private:
  std::map<fingerprint, author> known_;
};

author_verifier::author_verifier(const trust& anchors, std::string_view domain)
    : anchors_(anchors)
    , domain_(domain)
    , known_(std::make_unique<memory>()) {}

author_verifier::~author_verifier() = default;

std::expected<peer, error> author_verifier::verify(std::string_view octets,
                                                   std::string_view signature,
                                                   std::string_view certificate,
                                                   model::unix_time now) {
  if (certificate.size() > certificate_octets_max)
    return refuse(errc::bad_certificate, "the author's certificate is too long");
  const auto of = memory::fingerprint_of(certificate);
  const author* by = known_->find(of);
  if (by != nullptr) {
    if (auto still = anchors_.recheck(by->who, now); !still)
      return std::unexpected(still.error());
  } else {
    auto verified = read_author(certificate, anchors_, domain_, now);
    if (!verified)
      return std::unexpected(verified.error());
    by = &known_->add(of, *std::move(verified));
  }
  if (!verifies(by->key.get(), octets, signature))
    return refuse(errc::bad_signature,
                  "the signature of " + by->who.id.text() + " does not verify");
  return by->who;
}

std::expected<peer, error> author_verifier::peer_of(const SSL* connection) {
  auto who = x509::peer_of(connection, domain_);
  if (!who)
    return who;
  X509* certificate = SSL_get0_peer_certificate(connection);
  known_->add(memory::fingerprint_of(to_der(certificate)),
              {*who, key_ptr(X509_get_pubkey(certificate))});
  return who;
}

std::size_t author_verifier::authors_known() const {
  return known_->size();
}

} // namespace thor::identity::x509
