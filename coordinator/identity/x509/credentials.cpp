#include "coordinator/identity/x509/credentials.hpp"

#include "coordinator/identity/x509/certificate.hpp"
#include "coordinator/identity/x509/pem.hpp"
#include "coordinator/identity/x509/trust.hpp"

#include <openssl/err.h>

#include <sys/stat.h>

#include <array>
#include <system_error>
#include <utility>

namespace thor::identity::x509 {

namespace {

std::unexpected<error> refuse(errc code, const std::filesystem::path& file, std::string why) {
  ERR_clear_error();
  return std::unexpected(error{code, file.string() + ": " + std::move(why)});
}

// What the other side of a connection may show: a certificate, and room for a chain that we do not
// need but other TLS stacks like to send.
constexpr long shown_octets_max = 4 * certificate_octets_max;

// What tells that a file is not the one seen before; all zero for a missing one.
struct stamp {
  dev_t device{};
  ino_t inode{};
  off_t octets{};
  std::array<std::int64_t, 4> times{};
  friend bool operator==(const stamp&, const stamp&) = default;

  static stamp of(const std::filesystem::path& file) {
    struct stat about{};
    if (::stat(file.c_str(), &about) != 0)
      return {};
    return {
        about.st_dev,
        about.st_ino,
        about.st_size,
        {about.st_mtim.tv_sec, about.st_mtim.tv_nsec, about.st_ctim.tv_sec, about.st_ctim.tv_nsec}};
  }
};

using stamps = std::array<stamp, 4>;

stamps stamps_of(const files& from) {
  return {stamp::of(from.certificate), stamp::of(from.key), stamp::of(from.ca),
          stamp::of(from.crl)};
}

bool is_missing(const std::filesystem::path& file) {
  std::error_code not_reachable; // is no proof that the file is missing
  return std::filesystem::status(file, not_reachable).type() ==
         std::filesystem::file_type::not_found;
}

std::expected<trust, error> load_trust(const files& from, bool crl_required) {
  auto cas = read_certificates(from.ca);
  if (!cas)
    return std::unexpected(cas.error());
  std::optional<std::vector<crl_ptr>> lists;
  if (!from.crl.empty() && (crl_required || !is_missing(from.crl))) {
    auto read = read_crls(from.crl);
    if (!read)
      return std::unexpected(read.error());
    lists = *std::move(read);
  }
  auto made = trust::make(*std::move(cas), std::move(lists));
  if (!made) {
    const bool list_missing = made.error().code == errc::untrusted;
    return refuse(made.error().code, list_missing ? from.crl : from.ca, made.error().detail);
  }
  return made;
}

tls_context_ptr make_tls_context(const trust& anchors, X509* certificate, EVP_PKEY* key) {
  tls_context_ptr context(SSL_CTX_new(TLS_method()));
  SSL_CTX* c = context.get();
  ensure(c != nullptr && SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1 &&
             SSL_CTX_use_certificate(c, certificate) == 1 && SSL_CTX_use_PrivateKey(c, key) == 1,
         "making a TLS context");
  SSL_CTX_set1_cert_store(c, anchors.store());
  SSL_CTX_set_security_level(c, security_level);
  SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  // The other side has the CA already; what it sends is bounded before it is known.
  SSL_CTX_set_mode(c, SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_max_cert_list(c, shown_octets_max);
  // A resumed session would skip the look at certificate and revocation list.
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
  ensure(SSL_CTX_set_num_tickets(c, 0) == 1, "making a TLS context");
  return context;
}

} // namespace

struct credentials::impl {
  struct loaded {
    trust anchors;
    peer self;
    std::string certificate;
    key_ptr key;
    tls_context_ptr tls;
    author_verifier authors;

    loaded(trust whom, peer who, X509* shown, key_ptr secret)
        : anchors(std::move(whom))
        , self(std::move(who))
        , certificate(to_der(shown))
        , key(std::move(secret))
        , tls(make_tls_context(anchors, shown, key.get()))
        , authors(anchors, self.domain) {}
  };

  static std::expected<std::unique_ptr<loaded>, error> load(const files& from, bool crl_required);

  files from;
  stamps seen{};
  std::unique_ptr<loaded> in_force;
};

std::expected<std::unique_ptr<credentials::impl::loaded>, error>
credentials::impl::load(const files& from, bool crl_required) {
  const auto certificates = read_certificates(from.certificate);
  if (!certificates)
    return std::unexpected(certificates.error());
  X509* certificate = certificates->front().get();
  auto self = read_certificate(certificate);
  if (!self)
    return refuse(self.error().code, from.certificate, self.error().detail);
  auto key = read_key(from.key);
  if (!key)
    return std::unexpected(key.error());
  if (X509_check_private_key(certificate, key->get()) != 1)
    return refuse(errc::bad_certificate, from.key,
                  "is not the key of the certificate in " + from.certificate.string());
  auto anchors = load_trust(from, crl_required);
  if (!anchors)
    return std::unexpected(anchors.error());
  if (auto ours = anchors->check_issuer(certificate); !ours)
    return refuse(ours.error().code, from.certificate,
                  ours.error().detail + " (the CA in " + from.ca.string() + ")");
  return std::make_unique<loaded>(*std::move(anchors), *std::move(self), certificate,
                                  *std::move(key));
}

credentials::credentials(std::unique_ptr<impl> loaded)
    : impl_(std::move(loaded)) {}
credentials::credentials(credentials&&) noexcept = default;
credentials& credentials::operator=(credentials&&) noexcept = default;
credentials::~credentials() = default;

std::expected<credentials, error> credentials::load(const files& from) {
  const stamps seen = stamps_of(from); // before reading: a change meanwhile is seen next time
  auto loaded = impl::load(from, from.crl_required);
  if (!loaded)
    return std::unexpected(loaded.error());
  return credentials(std::make_unique<impl>(from, seen, *std::move(loaded)));
}

std::expected<bool, error> credentials::reload_if_changed() {
  const stamps seen = stamps_of(impl_->from);
  if (seen == impl_->seen)
    return false;
  impl_->seen = seen;
  // A list that was in force must not go away because somebody removed a file.
  const bool crl_required = impl_->from.crl_required || impl_->in_force->anchors.revokes();
  auto loaded = impl::load(impl_->from, crl_required);
  if (!loaded)
    return std::unexpected(loaded.error());
  const peer& before = self();
  const peer& after = (*loaded)->self;
  const std::filesystem::path& file = impl_->from.certificate;
  if (after.domain != before.domain)
    return refuse(errc::wrong_domain, file,
                  "is now of domain " + after.domain + ", not of " + before.domain +
                      "; restart to change over");
  if (after.id != before.id)
    return refuse(errc::id_not_in_certificate, file,
                  "is now of " + after.id.text() + ", not of " + before.id.text() +
                      "; restart to change over");
  impl_->in_force = *std::move(loaded);
  return true;
}

const peer& credentials::self() const {
  return impl_->in_force->self;
}
const std::string& credentials::certificate() const {
  return impl_->in_force->certificate;
}
SSL_CTX* credentials::tls_context() const {
  return impl_->in_force->tls.get();
}
std::expected<peer, error> credentials::peer_of(const SSL* connection) const {
  // A handshake that began before the last reload was verified by the anchors of before.
  if (SSL_get_SSL_CTX(connection) != tls_context())
    return x509::peer_of(connection, self().domain);
  return authors().peer_of(connection);
}
author_verifier& credentials::authors() const {
  return impl_->in_force->authors;
}

std::string credentials::sign(std::string_view octets) const {
  EVP_PKEY* key = impl_->in_force->key.get();
  const digest_ptr state(EVP_MD_CTX_new());
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key)), '\0');
  std::size_t size = signature.size();
  ensure(state != nullptr &&
             EVP_DigestSignInit(state.get(), nullptr, digest_for(key), nullptr, key) == 1 &&
             EVP_DigestSign(state.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                            octets_of(octets), octets.size()) == 1,
         "signing");
  signature.resize(size);
  return signature;
}

std::expected<void, error> credentials::recheck(const peer& accepted, model::unix_time now) const {
  return impl_->in_force->anchors.recheck(accepted, now);
}

std::optional<model::unix_time> credentials::crl_next_update() const {
  return impl_->in_force->anchors.crl_next_update();
}

bool credentials::crl_overdue(model::unix_time now) const {
  const auto next = crl_next_update();
  return next && now >= *next;
}

} // namespace thor::identity::x509
