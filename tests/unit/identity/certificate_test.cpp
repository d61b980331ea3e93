#include "tests/unit/identity/workshop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::identity::x509 {
namespace {

using testing::HasSubstr;

// A self-signed certificate with these lines as its extensions: what the reader says of its form
// does not depend on who signed.
class form : public testing::Test {
 protected:
  certificate_ptr make(const std::string& extensions,
                       const std::string& subject = "/O=sip.example/OU=sip_proxy/CN=gw1",
                       const std::string& key = "ec -pkeyopt ec_paramgen_curve:P-256") {
    at.write("form.cnf", "[req]\ndistinguished_name=n\n[n]\n[f]\n" + extensions);
    at.run("openssl req -x509 -config form.cnf -extensions f -noenc -newkey " + key + " -subj '" +
           subject + "' -keyout form.key -out form.crt");
    return std::move(read_certificates(at / "form.crt")->front());
  }

  error refusal(const std::string& extensions,
                const std::string& subject = "/O=sip.example/OU=sip_proxy/CN=gw1",
                const std::string& key = "ec -pkeyopt ec_paramgen_curve:P-256") {
    const auto certificate = make(extensions, subject, key);
    const auto read = read_certificate(certificate.get());
    EXPECT_FALSE(read);
    return read ? error{} : read.error();
  }

  static constexpr auto good = "basicConstraints=critical,CA:FALSE\n"
                               "keyUsage=critical,digitalSignature\n"
                               "extendedKeyUsage=serverAuth,clientAuth\n"
                               "subjectKeyIdentifier=hash\n"
                               "authorityKeyIdentifier=keyid:always\n";
  static std::string without(std::string_view name, const std::string& instead = "") {
    std::istringstream lines(good);
    std::string kept;
    for (std::string line; std::getline(lines, line);)
      kept += line.starts_with(name) ? instead : line + '\n';
    return kept;
  }

  workbench at;
};

TEST_F(form, of_the_profile_is_read) {
  const auto certificate =
      make(std::string(good) + "subjectAltName=IP:192.0.2.1,DNS:gw1.example,IP:2001:db8::1,"
                               "IP:::ffff:192.0.2.2\n",
           "/C=NL/O=Sip.Example/OU=sip_proxy/OU=media_relay/CN=gw1");
  const auto who = read_certificate(certificate.get());
  ASSERT_TRUE(who) << who.error().detail;
  EXPECT_EQ(who->domain, "sip.example");
  EXPECT_EQ(who->id.text(), "gw1");
  EXPECT_EQ(who->roles, (std::set<std::string>{"media_relay", "sip_proxy"}));
  std::vector<std::string> addresses;
  for (const auto& address : who->addresses)
    addresses.push_back(address.text());
  EXPECT_EQ(addresses, (std::vector<std::string>{"192.0.2.1", "2001:db8::1", "192.0.2.2"}));
  EXPECT_EQ(who->issuer, key_id_of(certificate.get()));
  EXPECT_EQ(who->fingerprint.size(), 64U);
  EXPECT_EQ(at.run("openssl x509 -in form.crt -noout -serial | tr A-F a-f"),
            "serial=" + who->serial + "\n");
}

TEST_F(form, keys_of_the_profile_are_two) {
  EXPECT_TRUE(read_certificate(make(good).get()));
  EXPECT_TRUE(read_certificate(make(good, "/O=a.b/OU=r/CN=n", "ed25519").get()));
  for (const std::string key : {"rsa:2048", "ec -pkeyopt ec_paramgen_curve:P-384", "ed448"}) {
    const error why = refusal(good, "/O=a.b/OU=r/CN=n", key);
    EXPECT_EQ(why.code, errc::bad_certificate) << key;
    EXPECT_THAT(why.detail, HasSubstr("only ECDSA P-256 and Ed25519")) << key;
  }
}

TEST_F(form, extensions_are_those_of_the_profile) {
  const auto refused_for = [&](const std::string& extensions, const std::string& reason) {
    const error why = refusal(extensions);
    EXPECT_EQ(why.code, errc::bad_certificate);
    EXPECT_THAT(why.detail, HasSubstr(reason)) << extensions;
  };
  refused_for(without("basicConstraints", "basicConstraints=CA:TRUE\n"), "a CA certificate");
  refused_for(without("keyUsage"), "keyUsage");
  refused_for(without("keyUsage", "keyUsage=keyAgreement\n"), "keyUsage");
  refused_for(without("extendedKeyUsage"), "extendedKeyUsage");
  refused_for(without("extendedKeyUsage", "extendedKeyUsage=clientAuth\n"), "extendedKeyUsage");
  refused_for(without("authorityKeyIdentifier", "authorityKeyIdentifier=none\n"),
              "authorityKeyIdentifier");
  refused_for(without("authorityKeyIdentifier", "authorityKeyIdentifier=DER:30028000\n"),
              "authorityKeyIdentifier");
  refused_for(std::string(good) + "subjectAltName=DER:3003870101\n", "not 4 or 16");
  refused_for(std::string(good) + "subjectAltName=DER:0500\n", "not readable");
  refused_for(without("keyUsage", "keyUsage=DER:0500\n"), "not readable");
}

TEST_F(form, is_bounded) {
  std::string roles;
  for (int i = 0; i < 400; ++i)
    roles += "/OU=role_" + std::to_string(i);
  EXPECT_THAT(refusal(good, "/O=sip.example" + roles + "/CN=gw1").detail,
              HasSubstr("at most 8192"));
}

TEST_F(form, the_subject_is_held_to_the_profile) {
  EXPECT_EQ(refusal(good, "/OU=sip_proxy/CN=gw1").code, errc::no_domain);
  EXPECT_EQ(refusal(good, "/O=sip.example/OU=sip_proxy/CN=GW1").code, errc::bad_node_id);
  EXPECT_EQ(refusal(good, "/O=sip.example/CN=gw1").code, errc::bad_role);
}

TEST_F(form, a_ca_has_its_own) {
  const std::string ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n"
                         "subjectKeyIdentifier=hash\n";
  EXPECT_TRUE(check_ca_form(make(ca).get()));
  EXPECT_EQ(check_ca_form(make(good).get()).error().code, errc::bad_certificate);
  EXPECT_FALSE(check_ca_form(
      make("basicConstraints=CA:TRUE\nkeyUsage=keyCertSign\nsubjectKeyIdentifier=hash\n").get()));
  EXPECT_FALSE(check_ca_form(make("basicConstraints=CA:TRUE\nsubjectKeyIdentifier=hash\n").get()));
  EXPECT_FALSE(check_ca_form(make("basicConstraints=CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n"
                                  "subjectKeyIdentifier=none\n")
                                 .get()));
  EXPECT_FALSE(check_ca_form(make(ca, "/O=a.b/CN=n", "rsa:2048").get()));
}

TEST_F(form, version_1_is_refused) {
  at.run("openssl req -new -noenc -newkey ed25519 -subj /O=a.b/OU=r/CN=n -keyout k -out r\n"
         "openssl x509 -req -in r -signkey k -out form.crt");
  const auto certificates = read_certificates(at / "form.crt");
  EXPECT_THAT(read_certificate(certificates->front().get()).error().detail, HasSubstr("version 3"));
}

TEST(parsing, takes_one_certificate_and_nothing_else) {
  const authority ca = make_ca();
  const std::string der = to_der(make_node(ca).certificate.get());
  EXPECT_TRUE(parse_certificate(der));
  for (const std::string& bad : {std::string(), std::string("junk"), der + 'x', der + der,
                                 der.substr(0, der.size() - 1), std::string(9000, '0')}) {
    const auto parsed = parse_certificate(bad);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, errc::bad_certificate);
  }
  EXPECT_EQ(ERR_peek_error(), 0U) << "what is left in OpenSSL's queue is blamed on others";
}

TEST(times, are_read_as_they_are_written) {
  const model::unix_time from{seconds(951'782'400)};    // 2000-02-29 00:00:00Z, UTCTime
  const model::unix_time until{seconds(4'102'444'799)}; // 2099-12-31 23:59:59Z, GeneralizedTime
  const authority ca = make_ca("sip.example", {from, until});
  EXPECT_EQ(not_before_of(ca.certificate()), from);
  EXPECT_EQ(not_after_of(ca.certificate()), until);
  EXPECT_EQ(time_text(from), "2000-02-29 00:00:00Z");
  EXPECT_EQ(time_text(until), "2099-12-31 23:59:59Z");
}

} // namespace
} // namespace thor::identity::x509
