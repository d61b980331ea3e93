#include "coordinator/identity/x509/certificate.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

namespace thor::identity::x509 {

namespace {

constexpr std::size_t serial_octets_max = 20; // RFC 5280 section 4.1.2.2
constexpr long version_3 = 2;

// Takes what OpenSSL said along: an error left in its queue would be blamed on the next TLS
// operation.
std::unexpected<error> refuse(std::string detail) {
  ERR_clear_error();
  return std::unexpected(error{errc::bad_certificate, std::move(detail)});
}

std::string hex_of(const ASN1_OCTET_STRING* octets) {
  if (octets == nullptr)
    return {};
  return hex(ASN1_STRING_get0_data(octets), static_cast<std::size_t>(ASN1_STRING_length(octets)));
}

std::expected<std::vector<std::string>, error> values_of(const X509_NAME* name, int nid) {
  std::vector<std::string> values;
  for (int at = X509_NAME_get_index_by_NID(name, nid, -1); at >= 0;
       at = X509_NAME_get_index_by_NID(name, nid, at)) {
    unsigned char* text = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (size < 0)
      return refuse("the subject is not readable: " + openssl_reason());
    values.emplace_back(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
  }
  return values;
}

std::expected<model::ip_address, error> read_address(const ASN1_OCTET_STRING* octets) {
  const unsigned char* data = ASN1_STRING_get0_data(octets);
  const auto size = static_cast<std::size_t>(ASN1_STRING_length(octets));
  if (std::array<std::uint8_t, 4> v4{}; size == v4.size()) {
    std::copy_n(data, size, v4.begin());
    return model::ip_address::v4(v4);
  }
  if (std::array<std::uint8_t, 16> v6{}; size == v6.size()) {
    std::copy_n(data, size, v6.begin());
    return model::ip_address::v6(v6);
  }
  return refuse("a SAN iPAddress has " + std::to_string(size) + " octets, not 4 or 16");
}

// Other kinds of name are left alone: nobody here verifies them. A subjectAltName that is repeated
// or not readable was refused by check_form().
std::expected<std::vector<model::ip_address>, error> addresses_of(const X509* certificate) {
  const general_names_ptr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<model::ip_address> addresses;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_IPADD)
      continue;
    const auto address = read_address(name->d.iPAddress);
    if (!address)
      return std::unexpected(address.error());
    addresses.push_back(*address);
  }
  return addresses;
}

std::expected<void, error> check_size(std::size_t octets) {
  if (octets > certificate_octets_max)
    return refuse("it has " + std::to_string(octets) + " octets; at most " +
                  std::to_string(certificate_octets_max) + " are accepted");
  return {};
}

std::expected<void, error> check_serial(const ASN1_INTEGER* serial) {
  const bool negative = ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER;
  if (negative || static_cast<std::size_t>(ASN1_STRING_length(serial)) > serial_octets_max)
    return refuse("the serial number is negative or longer than 20 octets");
  return {};
}

std::expected<void, error> check_times(const X509* certificate) {
  std::tm parsed{};
  if (ASN1_TIME_to_tm(X509_get0_notBefore(certificate), &parsed) != 1 ||
      ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parsed) != 1)
    return refuse("its validity is not readable");
  return {};
}

// What a node's and a CA's certificate have in common.
std::expected<void, error> check_form(X509* certificate) {
  if (auto size = check_size(static_cast<std::size_t>(i2d_X509(certificate, nullptr))); !size)
    return size;
  if (X509_get_version(certificate) != version_3)
    return refuse("it is not an X.509 version 3 certificate");
  if ((X509_get_extension_flags(certificate) & EXFLAG_INVALID) != 0)
    return refuse("an extension is not readable");
  if (auto serial = check_serial(X509_get0_serialNumber(certificate)); !serial)
    return serial;
  if (auto times = check_times(certificate); !times)
    return times;
  return check_key(X509_get0_pubkey(certificate));
}

std::expected<void, error> check_node_form(X509* certificate) {
  if (auto form = check_form(certificate); !form)
    return form;
  const std::uint32_t flags = X509_get_extension_flags(certificate);
  if ((flags & EXFLAG_CA) != 0)
    return refuse("it is a CA certificate, not a node's");
  if ((flags & EXFLAG_KUSAGE) == 0 ||
      (X509_get_key_usage(certificate) & X509v3_KU_DIGITAL_SIGNATURE) == 0)
    return refuse("it lacks keyUsage digitalSignature");
  constexpr std::uint32_t both = XKU_SSL_SERVER | XKU_SSL_CLIENT;
  if ((flags & EXFLAG_XKUSAGE) == 0 || (X509_get_extended_key_usage(certificate) & both) != both)
    return refuse("it lacks extendedKeyUsage serverAuth and clientAuth");
  if (hex_of(X509_get0_authority_key_id(certificate)).empty())
    return refuse("it lacks an authorityKeyIdentifier with a key identifier");
  return {};
}

std::expected<subject, error> read_subject(X509* certificate) {
  const X509_NAME* name = X509_get_subject_name(certificate);
  auto organizations = values_of(name, NID_organizationName);
  auto common_names = values_of(name, NID_commonName);
  auto units = values_of(name, NID_organizationalUnitName);
  auto addresses = addresses_of(certificate);
  for (const auto* values : {&organizations, &common_names, &units})
    if (!*values)
      return std::unexpected(values->error());
  if (!addresses)
    return std::unexpected(addresses.error());
  return subject{.organizations = *std::move(organizations),
                 .common_names = *std::move(common_names),
                 .units = *std::move(units),
                 .addresses = *std::move(addresses),
                 .not_before = not_before_of(certificate),
                 .not_after = not_after_of(certificate),
                 .serial = serial_text(X509_get0_serialNumber(certificate)),
                 .fingerprint = fingerprint_of(certificate),
                 .issuer = hex_of(X509_get0_authority_key_id(certificate))};
}

} // namespace

std::expected<certificate_ptr, error> parse_certificate(std::string_view der) {
  if (auto size = check_size(der.size()); !size)
    return std::unexpected(size.error());
  const unsigned char* at = octets_of(der);
  certificate_ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (certificate == nullptr)
    return refuse("it is not an X.509 certificate: " + openssl_reason());
  if (at != octets_of(der) + der.size())
    return refuse("something follows the certificate");
  return certificate;
}

std::string to_der(X509* certificate) {
  unsigned char* octets = nullptr;
  const int size = i2d_X509(certificate, &octets);
  ensure(size > 0, "encoding a certificate");
  std::string der(reinterpret_cast<const char*>(octets), static_cast<std::size_t>(size));
  OPENSSL_free(octets);
  return der;
}

std::expected<peer, error> read_certificate(X509* certificate) {
  if (auto form = check_node_form(certificate); !form)
    return std::unexpected(form.error());
  const auto claims = read_subject(certificate);
  if (!claims)
    return std::unexpected(claims.error());
  return read_profile(*claims);
}

std::expected<void, error> check_ca_form(X509* certificate) {
  if (auto form = check_form(certificate); !form)
    return form;
  if ((X509_get_extension_flags(certificate) & EXFLAG_CA) == 0)
    return refuse("it is not a CA certificate (basicConstraints CA:TRUE)");
  constexpr std::uint32_t both = X509v3_KU_KEY_CERT_SIGN | X509v3_KU_CRL_SIGN;
  if ((X509_get_extension_flags(certificate) & EXFLAG_KUSAGE) == 0 ||
      (X509_get_key_usage(certificate) & both) != both)
    return refuse("it lacks keyUsage keyCertSign and cRLSign");
  if (key_id_of(certificate).empty())
    return refuse("it lacks a subjectKeyIdentifier");
  return {};
}

std::expected<std::string, error> domain_of(X509* ca) {
  const auto organizations = values_of(X509_get_subject_name(ca), NID_organizationName);
  if (!organizations)
    return std::unexpected(organizations.error());
  if (organizations->size() != 1)
    return std::unexpected(error{
        errc::no_domain, "the CA certificate has no O, or several; exactly one names the domain"});
  return parse_domain(organizations->front());
}

EVP_PKEY* public_key_of(X509* certificate) {
  return X509_get0_pubkey(certificate);
}

std::string key_name(const EVP_PKEY* key) {
  if (key == nullptr)
    return "not readable";
  if (EVP_PKEY_is_a(key, "ED25519") == 1)
    return "Ed25519";
  std::array<char, 32> group{};
  std::size_t size = 0;
  if (EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
      std::string_view(group.data(), size) == SN_X9_62_prime256v1)
    return "ECDSA P-256";
  const char* type = EVP_PKEY_get0_type_name(key);
  ERR_clear_error();
  return (type != nullptr ? type : "of an unknown kind") +
         (size == 0 ? "" : ' ' + std::string(group.data(), size));
}

std::expected<void, error> check_key(const EVP_PKEY* key) {
  if (const std::string name = key_name(key); name != "ECDSA P-256" && name != "Ed25519")
    return refuse("its key is " + name + "; only ECDSA P-256 and Ed25519 are accepted");
  return {};
}

std::string serial_text(const ASN1_INTEGER* serial) {
  return hex_of(serial);
}

std::string fingerprint_of(X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  ensure(X509_digest(certificate, EVP_sha256(), digest.data(), &size) == 1,
         "fingerprint of a certificate");
  return hex(digest.data(), size);
}

std::string key_id_of(X509* certificate) {
  return hex_of(X509_get0_subject_key_id(certificate));
}

std::string name_of(X509* certificate) {
  const auto names = values_of(X509_get_subject_name(certificate), NID_commonName);
  return (names && !names->empty() ? model::printable(names->front()) : "without CN") +
         " (serial " + serial_text(X509_get0_serialNumber(certificate)) + ")";
}

model::unix_time to_unix_time(const ASN1_TIME* time) {
  std::tm parsed{};
  ensure(ASN1_TIME_to_tm(time, &parsed) == 1, "reading a time");
  using namespace std::chrono;
  const sys_days date = year{parsed.tm_year + 1900} /
                        month{static_cast<unsigned>(parsed.tm_mon + 1)} /
                        day{static_cast<unsigned>(parsed.tm_mday)};
  return date + hours{parsed.tm_hour} + minutes{parsed.tm_min} + seconds{parsed.tm_sec};
}

model::unix_time not_before_of(const X509* certificate) {
  return to_unix_time(X509_get0_notBefore(certificate));
}

model::unix_time not_after_of(const X509* certificate) {
  return to_unix_time(X509_get0_notAfter(certificate));
}

std::string time_text(model::unix_time time) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%SZ", &parts)};
}

} // namespace thor::identity::x509
