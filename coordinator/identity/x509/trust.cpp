#include "coordinator/identity/x509/trust.hpp"

#include "coordinator/identity/x509/certificate.hpp"
#include "coordinator/identity/x509/refusal.hpp"
#include "coordinator/identity/x509/revocation.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <utility>

namespace thor::identity::x509 {

namespace {

// Nodes are issued by the CA directly, so that a signed message needs to carry one certificate
// only.
constexpr int intermediates_max = 0;

std::unexpected<error> refuse(errc code, std::string detail) {
  ERR_clear_error();
  return std::unexpected(error{code, std::move(detail)});
}

bool is_later(const X509_CRL* list, const X509_CRL* than) {
  return than == nullptr ||
         ASN1_TIME_compare(X509_CRL_get0_lastUpdate(list), X509_CRL_get0_lastUpdate(than)) > 0;
}

crl_ptr latest_list_of(X509* ca, const std::vector<crl_ptr>& lists) {
  X509_CRL* latest = nullptr;
  for (const crl_ptr& list : lists)
    if (is_complete_list_of(ca, list.get()) && is_later(list.get(), latest))
      latest = list.get();
  if (latest != nullptr)
    X509_CRL_up_ref(latest);
  return crl_ptr(latest);
}

std::expected<void, error> verify_chain(X509_STORE* store, X509* certificate,
                                        std::optional<model::unix_time> now) {
  const store_context_ptr at(X509_STORE_CTX_new());
  ensure(at != nullptr && X509_STORE_CTX_init(at.get(), store, certificate, nullptr) == 1,
         "preparing to verify a certificate");
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(at.get());
  if (now) {
    X509_VERIFY_PARAM_set_time(rules, now->time_since_epoch().count());
  } else {
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_NO_CHECK_TIME);
    X509_VERIFY_PARAM_clear_flags(rules, X509_V_FLAG_CRL_CHECK);
  }
  if (X509_verify_cert(at.get()) == 1)
    return {};
  error why = describe_refusal(at.get());
  return refuse(why.code, std::move(why.detail));
}

} // namespace

std::expected<trust, error> trust::make(std::vector<certificate_ptr> cas,
                                        std::optional<std::vector<crl_ptr>> lists) {
  if (cas.empty() || cas.size() > cas_max)
    return refuse(errc::bad_certificate, "holds " + std::to_string(cas.size()) +
                                             " certificates; one CA, or two while one replaces the "
                                             "other, are expected");
  store_ptr store(X509_STORE_new());
  ensure(store != nullptr, "making a certificate store");
  std::vector<anchor> anchors;
  for (certificate_ptr& ca : cas) {
    if (auto form = check_ca_form(ca.get()); !form)
      return refuse(form.error().code,
                    "the certificate of " + name_of(ca.get()) + ": " + form.error().detail);
    crl_ptr list = lists ? latest_list_of(ca.get(), *lists) : nullptr;
    if (lists && list == nullptr)
      return refuse(errc::untrusted, "holds no complete revocation list signed by the CA " +
                                         name_of(ca.get()) +
                                         "; write one with `thor-ca crl` (the lists of two CAs go "
                                         "into one file)");
    ensure(X509_STORE_add_cert(store.get(), ca.get()) == 1, "adding a CA");
    ensure(list == nullptr || X509_STORE_add_crl(store.get(), list.get()) == 1, "adding a CRL");
    anchors.push_back({std::move(ca), std::move(list)});
  }
  X509_VERIFY_PARAM* rules = X509_STORE_get0_param(store.get());
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
  if (lists)
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_CRL_CHECK);
  X509_VERIFY_PARAM_set_depth(rules, intermediates_max);
  X509_VERIFY_PARAM_set_auth_level(rules, security_level);
  X509_STORE_set_verify_cb(store.get(), on_verified);
  return trust(std::move(anchors), std::move(store));
}

std::expected<void, error> trust::check_chain(X509* certificate, model::unix_time now) const {
  return verify_chain(store_.get(), certificate, now);
}

std::expected<void, error> trust::check_issuer(X509* certificate) const {
  return verify_chain(store_.get(), certificate, std::nullopt);
}

std::expected<void, error> trust::recheck(const peer& accepted, model::unix_time now) const {
  const std::string whose = "the certificate of " + accepted.id.text();
  // A CA's certificate may be renewed with the same key: then two anchors have one key id.
  std::optional<model::unix_time> ca_expires;
  for (const anchor& a : anchors_) {
    if (key_id_of(a.ca.get()) != accepted.issuer)
      continue;
    if (a.list != nullptr && find_revocation(a.list.get(), accepted.serial))
      return refuse(errc::revoked, whose + " was revoked");
    const auto expires = not_after_of(a.ca.get());
    ca_expires = std::max(ca_expires.value_or(expires), expires);
  }
  if (!ca_expires)
    return refuse(errc::untrusted, whose + " is of a CA that is not, or no longer, one of ours");
  if (now >= accepted.not_after)
    return refuse(errc::expired, whose + " expired on " + time_text(accepted.not_after));
  if (now >= *ca_expires)
    return refuse(errc::expired,
                  "the CA of " + accepted.id.text() + " expired on " + time_text(*ca_expires));
  return {};
}

std::optional<model::unix_time> trust::crl_next_update() const {
  std::optional<model::unix_time> first;
  for (const anchor& a : anchors_)
    if (const auto next = a.list != nullptr ? next_update_of(a.list.get()) : std::nullopt)
      first = std::min(first.value_or(*next), *next);
  return first;
}

} // namespace thor::identity::x509
