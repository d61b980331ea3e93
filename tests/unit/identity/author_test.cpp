#include "tests/unit/identity/workshop.hpp"

#include <gtest/gtest.h>

namespace thor::identity::x509 {
namespace {

class author : public testing::Test {
 protected:
  workbench at;
  authority ca = make_ca();
  credentials reader = load(install(at, "es1", make_node(ca, "es1", {"thor_eventserver"}), {&ca}));
  credentials writer = load(install(at, "gw1", make_node(ca), {&ca}));
  const std::string text = "thor.v1\nThor.Presence\n{}";

  std::expected<peer, error> verify(const std::string& octets, const std::string& signature,
                                    const std::string& certificate, model::unix_time when = now()) {
    return reader.authors().verify(octets, signature, certificate, when);
  }
  errc refusal(const std::string& octets, const std::string& signature,
               const std::string& certificate, model::unix_time when = now()) {
    const auto who = verify(octets, signature, certificate, when);
    EXPECT_FALSE(who);
    return who ? errc::unreadable : who.error().code; // unreadable: never an answer of verify()
  }
  /// What the author verifier says of a text that `node` signed.
  errc refusal_of(const holder& node, const authority& from, model::unix_time when = now()) {
    const credentials its = load(install(at, "other", node, {&from}));
    return refusal(text, its.sign(text), its.certificate(), when);
  }
};

TEST_F(author, is_known_by_signature_and_certificate) {
  for (int time = 0; time < 2; ++time) { // the second time from memory
    const auto who = verify(text, writer.sign(text), writer.certificate());
    ASSERT_TRUE(who) << who.error().detail;
    EXPECT_EQ(who->id.text(), "gw1");
    EXPECT_EQ(who->fingerprint, writer.self().fingerprint);
  }
  EXPECT_EQ(reader.authors().authors_known(), 1U);
}

TEST_F(author, may_have_an_ed25519_key) {
  const credentials its = load(
      install(at, "n", make_node(ca, "n", {"sip_proxy"}, around_now(), key_type::ed25519), {&ca}));
  EXPECT_TRUE(verify(text, its.sign(text), its.certificate()));
  EXPECT_EQ(refusal("other", its.sign(text), its.certificate()), errc::bad_signature);
}

TEST_F(author, is_not_who_signed_something_else) {
  const std::string signature = writer.sign(text);
  for (int time = 0; time < 2; ++time) {
    EXPECT_EQ(refusal(text + ' ', signature, writer.certificate()), errc::bad_signature);
    EXPECT_EQ(refusal("", signature, writer.certificate()), errc::bad_signature);
    EXPECT_EQ(refusal(text, "", writer.certificate()), errc::bad_signature);
    EXPECT_EQ(refusal(text, signature.substr(1), writer.certificate()), errc::bad_signature);
    EXPECT_EQ(refusal(text, signature + 'x', writer.certificate()), errc::bad_signature);
    EXPECT_EQ(refusal(text, signature, reader.certificate()), errc::bad_signature);
  }
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST_F(author, is_nobody_without_a_certificate) {
  EXPECT_EQ(refusal(text, writer.sign(text), ""), errc::bad_certificate);
  EXPECT_EQ(refusal(text, writer.sign(text), "junk"), errc::bad_certificate);
  EXPECT_EQ(refusal(text, writer.sign(text), std::string(9000, '0')), errc::bad_certificate);
  EXPECT_EQ(refusal(text, writer.sign(text), writer.certificate() + 'x'), errc::bad_certificate);
  EXPECT_EQ(reader.authors().authors_known(), 0U);
}

TEST_F(author, cannot_change_a_certificate) {
  // Another id of the same length, put into the signed part.
  std::string forged = writer.certificate();
  forged.replace(forged.find("gw1"), 3, "gw2");
  EXPECT_EQ(refusal(text, writer.sign(text), forged), errc::untrusted);
  EXPECT_EQ(reader.authors().authors_known(), 0U);
}

TEST_F(author, of_another_ca_is_untrusted) {
  const authority other = make_ca();
  EXPECT_EQ(refusal_of(make_node(other), other), errc::untrusted);
}

TEST_F(author, of_another_domain_is_refused) {
  const authority theirs = make_ca("other.example");
  at.write("es1.ca", pem_of({&ca, &theirs})); // a CA may serve several overlays
  ASSERT_TRUE(reader.reload_if_changed().value());
  EXPECT_EQ(refusal_of(make_node(theirs), theirs), errc::wrong_domain);
}

TEST_F(author, is_judged_at_the_time_given) {
  const holder node = make_node(ca, "n", {"sip_proxy"}, {now(), now() + hours(1)});
  EXPECT_EQ(refusal_of(node, ca, now() - seconds(1)), errc::not_yet_valid);
  EXPECT_EQ(refusal_of(node, ca, now() + hours(1)), errc::expired);
  const credentials its = load(install(at, "n", node, {&ca}));
  EXPECT_TRUE(verify(text, its.sign(text), its.certificate(), now()));
  EXPECT_TRUE(verify(text, its.sign(text), its.certificate(), now() + hours(1) - seconds(1)));
  EXPECT_EQ(refusal(text, its.sign(text), its.certificate(), now() + hours(1)), errc::expired)
      << "though the certificate was verified before";
}

TEST_F(author, outside_the_profile_is_refused) {
  // A certificate of our CA that is no node's: good for something else, not for this.
  at.write("ca.pem", pem_of({&ca}));
  at.write("ca.key", to_pem(ca.key()));
  at.write("ext", "keyUsage=digitalSignature\nextendedKeyUsage=clientAuth\n"
                  "authorityKeyIdentifier=keyid\n");
  at.run("openssl req -new -noenc -newkey ed25519 -subj /O=sip.example/OU=sip_proxy/CN=gw1 "
         "-keyout k -out r\n"
         "openssl x509 -req -in r -CA ca.pem -CAkey ca.key -extfile ext -out c\n");
  const auto certificates = read_certificates(at / "c");
  EXPECT_EQ(refusal(text, "x", to_der(certificates->front().get()), now() + hours(1)),
            errc::bad_certificate);
}

TEST_F(author, who_was_revoked_is_refused) {
  const crl_ptr list = ca.next_list(ca.first_list(around_now()).get(), {writer.self().serial},
                                    revocation_reason::key_compromise, around_now());
  EXPECT_TRUE(verify(text, writer.sign(text), writer.certificate()));
  at.write("es1.crl", to_pem(list.get()));
  ASSERT_TRUE(reader.reload_if_changed().value());
  for (int time = 0; time < 2; ++time)
    EXPECT_EQ(refusal(text, writer.sign(text), writer.certificate()), errc::revoked);
}

TEST_F(author, a_list_of_any_age_stays_in_force) {
  const crl_ptr list = ca.next_list(ca.first_list(around_now()).get(), {serial_of(make_node(ca))},
                                    revocation_reason::unspecified, {now(), now() + hours(1)});
  at.write("es1.crl", to_pem(list.get()));
  ASSERT_TRUE(reader.reload_if_changed().value());
  EXPECT_TRUE(verify(text, writer.sign(text), writer.certificate(), now() - seconds(60)));
  EXPECT_TRUE(verify(text, writer.sign(text), writer.certificate(), now() + days(2)));
}

TEST_F(author, memory_is_bounded) {
  // One key for all: what is remembered is the certificate.
  const key_ptr key = make_key(key_type::ed25519);
  const authority quick = make_ca("sip.example", around_now(), key_type::ed25519);
  const credentials mine = load(install(at, "q", make_node(quick, "q"), {&quick}));
  for (std::size_t i = 0; i < author_verifier::authors_max + 10; ++i) {
    const auto certificate =
        quick.issue({"n" + std::to_string(i), {"sip_proxy"}, {}, around_now()}, key.get());
    // A wrong signature, too, comes after the certificate was verified.
    EXPECT_EQ(mine.authors().verify(text, "x", to_der(certificate->get()), now()).error().code,
              errc::bad_signature);
  }
  EXPECT_EQ(mine.authors().authors_known(), author_verifier::authors_max);
}

} // namespace
} // namespace thor::identity::x509
