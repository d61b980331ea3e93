#include "coordinator/identity/x509/issuing.hpp"

#include "coordinator/identity/x509/certificate.hpp"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include <array>
#include <utility>

namespace thor::identity::x509 {

namespace {

using revoked_ptr = std::unique_ptr<X509_REVOKED, freed_by<X509_REVOKED_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>>;

constexpr long version_3 = 2;
constexpr long crl_version_2 = 1;
constexpr std::size_t serial_octets = 16;

time_ptr to_asn1(model::unix_time time) {
  time_ptr converted(ASN1_TIME_set(nullptr, time.time_since_epoch().count()));
  ensure(converted != nullptr, "writing a time");
  return converted;
}

// Random, so that nothing has to remember the last one and no two CAs give the same; of one length
// and positive.
integer_ptr random_serial() {
  std::array<unsigned char, serial_octets> octets{};
  ensure(RAND_bytes(octets.data(), octets.size()) == 1, "making a serial number");
  octets[0] = static_cast<unsigned char>((octets[0] & 0x7fU) | 0x40U);
  return to_integer(hex(octets.data(), octets.size()));
}

void add_name(X509* certificate, int nid, const std::string& value) {
  ensure(X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), nid, MBSTRING_UTF8,
                                    octets_of(value), static_cast<int>(value.size()), -1, 0) == 1,
         "writing a name");
}

// Text in the notation of OpenSSL's x509v3_config(5).
extension_ptr make_extension(X509V3_CTX& about, int nid, const std::string& text) {
  extension_ptr made(X509V3_EXT_conf_nid(nullptr, &about, nid, text.c_str()));
  ensure(made != nullptr, "writing an extension");
  return made;
}

using extensions = std::vector<std::pair<int, std::string>>;

certificate_ptr make_certificate(EVP_PKEY* holder, period valid) {
  certificate_ptr made(X509_new());
  X509* c = made.get();
  ensure(c != nullptr && X509_set_version(c, version_3) == 1 &&
             X509_set_serialNumber(c, random_serial().get()) == 1 &&
             X509_set1_notBefore(c, to_asn1(valid.from).get()) == 1 &&
             X509_set1_notAfter(c, to_asn1(valid.until).get()) == 1 &&
             X509_set_pubkey(c, holder) == 1,
         "making a certificate");
  return made;
}

void sign_certificate(X509* certificate, X509* issuer, EVP_PKEY* issuer_key,
                      const extensions& says) {
  ensure(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1,
         "making a certificate");
  X509V3_CTX about{};
  X509V3_set_ctx(&about, issuer, certificate, nullptr, nullptr, 0);
  for (const auto& [nid, text] : says)
    ensure(X509_add_ext(certificate, make_extension(about, nid, text).get(), -1) == 1,
           "adding an extension");
  ensure(X509_sign(certificate, issuer_key, digest_for(issuer_key)) > 0, "signing a certificate");
}

std::string san_text(const std::vector<model::ip_address>& addresses) {
  std::string text;
  for (const model::ip_address& address : addresses)
    text += (text.empty() ? "IP:" : ",IP:") + address.text();
  return text;
}

revoked_ptr make_entry(const std::string& serial, revocation_reason reason, model::unix_time at) {
  revoked_ptr entry(X509_REVOKED_new());
  const integer_ptr number = to_integer(serial);
  ensure(entry != nullptr && number != nullptr &&
             X509_REVOKED_set_serialNumber(entry.get(), number.get()) == 1 &&
             X509_REVOKED_set_revocationDate(entry.get(), to_asn1(at).get()) == 1,
         "making a revocation");
  // RFC 5280 section 5.3.1: rather no reason than `unspecified`.
  if (reason != revocation_reason::unspecified) {
    const enumerated_ptr code(ASN1_ENUMERATED_new());
    ensure(code != nullptr && ASN1_ENUMERATED_set(code.get(), std::to_underlying(reason)) == 1 &&
               X509_REVOKED_add1_ext_i2d(entry.get(), NID_crl_reason, code.get(), 0, 0) == 1,
           "making a revocation");
  }
  return entry;
}

std::int64_t number_of(X509_CRL* list) {
  const integer_ptr number(
      static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(list, NID_crl_number, nullptr, nullptr)));
  std::int64_t value = 0;
  if (number != nullptr)
    ASN1_INTEGER_get_int64(&value, number.get());
  return value;
}

// Returns the list as a reader would see it: OpenSSL looks at extensions only when it decodes.
crl_ptr sign_list(X509_CRL* list, std::int64_t number, period valid, EVP_PKEY* key) {
  const integer_ptr numbered(ASN1_INTEGER_new());
  ensure(numbered != nullptr && ASN1_INTEGER_set_int64(numbered.get(), number) == 1 &&
             X509_CRL_set1_lastUpdate(list, to_asn1(valid.from).get()) == 1 &&
             X509_CRL_set1_nextUpdate(list, to_asn1(valid.until).get()) == 1 &&
             X509_CRL_add1_ext_i2d(list, NID_crl_number, numbered.get(), 0, X509V3_ADD_REPLACE) ==
                 1 &&
             X509_CRL_sort(list) == 1 && X509_CRL_sign(list, key, digest_for(key)) > 0,
         "signing a revocation list");
  crl_ptr signed_list(X509_CRL_dup(list));
  ensure(signed_list != nullptr, "signing a revocation list");
  return signed_list;
}

} // namespace

key_ptr make_key(key_type type) {
  key_ptr key(type == key_type::p256 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")
                                     : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  ensure(key != nullptr, "making a key");
  return key;
}

authority::authority(certificate_ptr certificate, key_ptr key, std::string domain)
    : certificate_(std::move(certificate))
    , key_(std::move(key))
    , domain_(std::move(domain)) {}

std::expected<authority, error> authority::create(std::string_view domain, key_type type,
                                                  period valid) {
  auto name = parse_domain(domain);
  if (!name)
    return std::unexpected(name.error());
  key_ptr key = make_key(type);
  certificate_ptr certificate = make_certificate(key.get(), valid);
  X509* c = certificate.get();
  add_name(c, NID_organizationName, *name);
  add_name(c, NID_commonName, "Thor CA " + serial_text(X509_get0_serialNumber(c)).substr(0, 8));
  sign_certificate(c, c, key.get(),
                   {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                    {NID_key_usage, "critical,keyCertSign,cRLSign"},
                    {NID_subject_key_identifier, "hash"}});
  return open(std::move(certificate), std::move(key));
}

std::expected<authority, error> authority::open(certificate_ptr certificate, key_ptr key) {
  if (auto form = check_ca_form(certificate.get()); !form)
    return std::unexpected(form.error());
  auto domain = domain_of(certificate.get());
  if (!domain)
    return std::unexpected(domain.error());
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    ERR_clear_error();
    return std::unexpected(
        error{errc::bad_certificate, "the private key is not that of the CA's certificate"});
  }
  return authority(std::move(certificate), std::move(key), *std::move(domain));
}

std::expected<certificate_ptr, error> authority::issue(const node_request& what,
                                                       EVP_PKEY* holder) const {
  // The subject is judged before OpenSSL sees it: its own complaints are about lengths only.
  const subject claims{.organizations = {domain_},
                       .common_names = {what.id},
                       .units = {what.roles.begin(), what.roles.end()},
                       .addresses = what.addresses};
  if (auto named = read_profile(claims); !named)
    return std::unexpected(named.error());

  certificate_ptr certificate = make_certificate(holder, what.valid);
  X509* c = certificate.get();
  add_name(c, NID_organizationName, domain_);
  for (const std::string& role : what.roles)
    add_name(c, NID_organizationalUnitName, role);
  add_name(c, NID_commonName, what.id);
  extensions says{{NID_basic_constraints, "critical,CA:FALSE"},
                  {NID_key_usage, "critical,digitalSignature"},
                  {NID_ext_key_usage, "serverAuth,clientAuth"},
                  {NID_subject_key_identifier, "hash"},
                  {NID_authority_key_identifier, "keyid:always"}};
  if (!what.addresses.empty())
    says.emplace_back(NID_subject_alt_name, san_text(what.addresses));
  sign_certificate(c, certificate_.get(), key_.get(), says);

  // What nobody would accept is not issued.
  auto issued = parse_certificate(to_der(c));
  if (!issued)
    return issued;
  if (auto accepted = read_certificate(issued->get()); !accepted)
    return std::unexpected(accepted.error());
  return issued;
}

crl_ptr authority::first_list(period valid) const {
  crl_ptr list(X509_CRL_new());
  ensure(list != nullptr && X509_CRL_set_version(list.get(), crl_version_2) == 1 &&
             X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(certificate_.get())) == 1,
         "making a revocation list");
  X509V3_CTX about{};
  X509V3_set_ctx(&about, certificate_.get(), nullptr, nullptr, list.get(), 0);
  const auto issuer = make_extension(about, NID_authority_key_identifier, "keyid:always");
  ensure(X509_CRL_add_ext(list.get(), issuer.get(), -1) == 1, "making a revocation list");
  return sign_list(list.get(), 1, valid, key_.get());
}

crl_ptr authority::next_list(X509_CRL* last, const std::vector<std::string>& serials,
                             revocation_reason reason, period valid) const {
  crl_ptr list(X509_CRL_dup(last));
  ensure(list != nullptr, "copying a revocation list");
  for (const std::string& serial : serials) {
    if (find_revocation(last, serial))
      continue;
    ensure(X509_CRL_add0_revoked(list.get(), make_entry(serial, reason, valid.from).release()) == 1,
           "adding a revocation");
  }
  return sign_list(list.get(), number_of(last) + 1, valid, key_.get());
}

} // namespace thor::identity::x509
