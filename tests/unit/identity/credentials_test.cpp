#include "tests/unit/identity/workshop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

namespace thor::identity::x509 {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class credentials_files : public testing::Test {
 protected:
  workbench at;
  authority ca = make_ca();
  holder node = make_node(ca);
  files from = install(at, "gw1", node, {&ca});

  std::string list(const std::vector<std::string>& serials = {}, period valid = around_now()) {
    const crl_ptr first = ca.first_list(valid);
    return to_pem(ca.next_list(first.get(), serials, revocation_reason::unspecified, valid).get());
  }
};

TEST_F(credentials_files, are_loaded) {
  const credentials mine = load(from);
  EXPECT_EQ(mine.self().id.text(), "gw1");
  EXPECT_EQ(mine.self().domain, "sip.example");
  EXPECT_EQ(mine.certificate(), to_der(node.certificate.get()));
  EXPECT_FALSE(mine.crl_next_update());
  EXPECT_FALSE(mine.crl_overdue(now() + days(10000)));
}

TEST_F(credentials_files, of_every_kind_of_key_are_loaded) {
  const authority other = make_ca("sip.example", around_now(), key_type::ed25519);
  for (const key_type type : {key_type::p256, key_type::ed25519})
    EXPECT_TRUE(credentials::load(
        install(at, "n", make_node(other, "n", {"sip_proxy"}, around_now(), type), {&other})));
}

TEST_F(credentials_files, that_are_missing_are_named) {
  for (auto file : {&files::certificate, &files::key, &files::ca}) {
    files broken = from;
    broken.*file = at / "not-there";
    const error why = load_error(broken);
    EXPECT_EQ(why.code, errc::unreadable);
    EXPECT_THAT(why.detail, AllOf(HasSubstr("not-there"), HasSubstr("No such file")));
  }
}

TEST_F(credentials_files, that_are_not_pem_are_named) {
  for (auto file : {&files::certificate, &files::key, &files::ca, &files::crl}) {
    files broken = from;
    broken.*file = at.write("junk", "junk\n");
    const error why = load_error(broken);
    EXPECT_EQ(why.code, errc::bad_certificate);
    EXPECT_THAT(why.detail, AllOf(HasSubstr("junk"), HasSubstr("in PEM form")));
  }
  at.write("gw1.crt", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n");
  EXPECT_THAT(load_error(from).detail, HasSubstr("is damaged"));
}

TEST_F(credentials_files, that_are_no_regular_files_are_refused) {
  const auto fifo = at / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  from.key = fifo;
  EXPECT_THAT(load_error(from).detail, HasSubstr("not a regular file"));
}

TEST_F(credentials_files, keep_the_key_from_others) {
  for (const unsigned mode : {0600U, 0400U, 0640U, 0440U}) {
    at.write("gw1.key", to_pem(node.key.get()), mode);
    EXPECT_TRUE(credentials::load(from)) << mode;
  }
  for (const unsigned mode : {0644U, 0604U, 0660U, 0620U, 0601U}) {
    at.write("gw1.key", to_pem(node.key.get()), mode);
    EXPECT_EQ(load_error(from).code, errc::unsafe_permissions) << mode;
  }
  at.write("gw1.key", to_pem(node.key.get()), 0644);
  EXPECT_THAT(load_error(from).detail, AllOf(HasSubstr("gw1.key"), HasSubstr("0644")));
}

TEST_F(credentials_files, with_an_encrypted_key_are_refused_without_asking_for_the_passphrase) {
  at.run("openssl genpkey -algorithm ed25519 -aes256 -pass pass:x -out gw1.key");
  const error why = load_error(from);
  EXPECT_EQ(why.code, errc::bad_certificate);
  EXPECT_THAT(why.detail, HasSubstr("is encrypted"));
}

TEST_F(credentials_files, belong_together) {
  at.write("gw1.key", to_pem(make_node(ca).key.get()));
  const error why = load_error(from);
  EXPECT_EQ(why.code, errc::bad_certificate);
  EXPECT_THAT(why.detail, HasSubstr("is not the key of the certificate"));
}

TEST_F(credentials_files, of_another_ca_are_refused) {
  const authority other = make_ca();
  at.write("gw1.ca", pem_of({&other}));
  const error why = load_error(from);
  EXPECT_EQ(why.code, errc::untrusted);
  EXPECT_THAT(why.detail, AllOf(HasSubstr("gw1.crt"), HasSubstr("gw1.ca")));
}

TEST_F(credentials_files, outside_the_profile_are_refused) {
  at.write("gw1.crt", to_pem(ca.certificate()));
  EXPECT_EQ(load_error(from).code, errc::bad_certificate);
}

TEST_F(credentials_files, name_one_ca_or_two) {
  const authority second = make_ca();
  const authority third = make_ca();
  at.write("gw1.ca", pem_of({&second, &ca}));
  EXPECT_TRUE(credentials::load(from));
  at.write("gw1.ca", pem_of({&ca, &second, &third}));
  EXPECT_EQ(load_error(from).code, errc::bad_certificate);
  at.write("gw1.ca", to_pem(node.certificate.get()));
  EXPECT_EQ(load_error(from).code, errc::bad_certificate);
}

TEST_F(credentials_files, are_loaded_whatever_the_time_is) {
  for (const period valid :
       {period{now() - days(20), now() - days(10)}, period{now() + days(10), now() + days(20)}}) {
    const authority old_ca = make_ca("sip.example", valid);
    const credentials mine =
        load(install(at, "n", make_node(old_ca, "n", {"sip_proxy"}, valid), {&old_ca}));
    EXPECT_EQ(mine.recheck(mine.self(), now() + days(20)).error().code, errc::expired);
  }
}

TEST_F(credentials_files, sign_what_the_certificate_verifies) {
  for (const key_type type : {key_type::p256, key_type::ed25519}) {
    const credentials mine =
        load(install(at, "n", make_node(ca, "n", {"sip_proxy"}, around_now(), type), {&ca}));
    at.write("text", "some octets");
    at.write("signature", mine.sign("some octets"));
    at.run("openssl x509 -in n.crt -noout -pubkey >pub");
    at.run(type == key_type::p256
               ? "openssl dgst -sha256 -verify pub -signature signature text"
               : "openssl pkeyutl -verify -pubin -inkey pub -rawin -in text -sigfile signature");
  }
}

// ---- revocation lists

TEST_F(credentials_files, may_lack_a_list_unless_it_is_required) {
  EXPECT_TRUE(credentials::load(from));
  from.crl_required = true;
  const error why = load_error(from);
  EXPECT_EQ(why.code, errc::unreadable);
  EXPECT_THAT(why.detail, HasSubstr("gw1.crl"));
  from.crl = "";
  from.crl_required = false;
  EXPECT_TRUE(credentials::load(from));
}

TEST_F(credentials_files, with_a_list_need_one_of_each_ca) {
  const authority second = make_ca();
  at.write("gw1.ca", pem_of({&ca, &second}));
  at.write("gw1.crl", list());
  const error why = load_error(from);
  EXPECT_EQ(why.code, errc::untrusted);
  EXPECT_THAT(why.detail, AllOf(HasSubstr("gw1.crl"), HasSubstr("thor-ca crl")));
  at.write("gw1.crl", to_pem(second.first_list(around_now()).get()) + list());
  EXPECT_TRUE(credentials::load(from));
  at.write("gw1.ca", pem_of({&ca}));
  EXPECT_TRUE(credentials::load(from)) << "the list of a CA that is gone does no harm";
}

TEST_F(credentials_files, do_not_take_a_list_that_another_signed) {
  const authority imposter = make_ca();
  crl_ptr forged = imposter.first_list(around_now());
  X509_CRL_set_issuer_name(forged.get(), X509_get_subject_name(ca.certificate()));
  X509_CRL_sign(forged.get(), imposter.key(), EVP_sha256());
  at.write("gw1.crl", to_pem(forged.get()));
  EXPECT_EQ(load_error(from).code, errc::untrusted);
}

TEST_F(credentials_files, do_not_take_a_partial_list) {
  crl_ptr partial = ca.first_list(around_now());
  const integer_ptr base(ASN1_INTEGER_new());
  ASN1_INTEGER_set_int64(base.get(), 1);
  constexpr int critical = 1;
  X509_CRL_add1_ext_i2d(partial.get(), NID_delta_crl, base.get(), critical, X509V3_ADD_DEFAULT);
  X509_CRL_sign(partial.get(), ca.key(), EVP_sha256());
  at.write("gw1.crl", to_pem(partial.get()));
  EXPECT_EQ(load_error(from).code, errc::untrusted);
}

TEST_F(credentials_files, use_the_latest_list_of_a_ca) {
  const std::string serial = serial_of(node);
  const std::string older = list({}, {now() - hours(2), now() + days(1)});
  const std::string newer = list({serial}, {now() - hours(1), now() + days(2)});
  for (const std::string& both : {older + newer, newer + older}) {
    at.write("gw1.crl", both);
    const credentials mine = load(from);
    EXPECT_EQ(mine.crl_next_update(), now() + days(2));
    EXPECT_EQ(mine.recheck(mine.self(), now()).error().code, errc::revoked);
  }
}

TEST_F(credentials_files, tell_when_a_list_is_overdue) {
  const authority second = make_ca();
  at.write("gw1.ca", pem_of({&ca, &second}));
  at.write("gw1.crl", list({}, {now(), now() + days(2)}) +
                          to_pem(second.first_list({now(), now() + days(1)}).get()));
  const credentials mine = load(from);
  EXPECT_EQ(mine.crl_next_update(), now() + days(1));
  EXPECT_FALSE(mine.crl_overdue(now() + days(1) - seconds(1)));
  EXPECT_TRUE(mine.crl_overdue(now() + days(1)));
}

// ---- recheck

TEST_F(credentials_files, recheck_asks_again_what_the_handshake_asked) {
  const holder other = make_node(ca, "gw2");
  const peer accepted = *read_certificate(other.certificate.get());
  const credentials mine = load(from);
  EXPECT_TRUE(mine.recheck(accepted, now()));
  EXPECT_TRUE(mine.recheck(accepted, accepted.not_after - seconds(1)));
  EXPECT_EQ(mine.recheck(accepted, accepted.not_after).error().code, errc::expired);

  const authority stranger = make_ca();
  const holder unknown = make_node(stranger, "gw3");
  EXPECT_EQ(mine.recheck(*read_certificate(unknown.certificate.get()), now()).error().code,
            errc::untrusted);

  at.write("gw1.crl", list({serial_of(other)}));
  const credentials later = load(from);
  EXPECT_EQ(later.recheck(accepted, now()).error().code, errc::revoked);
  EXPECT_TRUE(later.recheck(later.self(), now()));
}

TEST_F(credentials_files, recheck_refuses_when_the_ca_has_expired) {
  const authority brief = make_ca("sip.example", {now() - hours(1), now() + hours(1)});
  const credentials mine = load(install(at, "n", make_node(brief, "n"), {&brief}));
  EXPECT_TRUE(mine.recheck(mine.self(), now()));
  EXPECT_EQ(mine.recheck(mine.self(), now() + hours(1)).error().code, errc::expired);
}

// ---- reload

TEST_F(credentials_files, are_not_read_again_while_nothing_changes) {
  credentials mine = load(from);
  SSL_CTX* before = mine.tls_context();
  EXPECT_FALSE(mine.reload_if_changed().value());
  EXPECT_EQ(mine.tls_context(), before);
}

TEST_F(credentials_files, are_read_again_when_one_changes) {
  credentials mine = load(from);
  const holder renewed = make_node(ca, "gw1", {"media_relay"});
  install(at, "gw1", renewed, {&ca});
  EXPECT_TRUE(mine.reload_if_changed().value());
  EXPECT_TRUE(mine.self().has_role("media_relay"));
  EXPECT_EQ(mine.certificate(), to_der(renewed.certificate.get()));
  EXPECT_FALSE(mine.reload_if_changed().value());
}

TEST_F(credentials_files, stay_in_force_while_new_ones_are_wrong_and_say_so_once) {
  credentials mine = load(from);
  const holder renewed = make_node(ca);
  at.write("gw1.crt", to_pem(renewed.certificate.get()));
  const auto half = mine.reload_if_changed();
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().code, errc::bad_certificate);
  EXPECT_FALSE(mine.reload_if_changed().value());
  EXPECT_EQ(mine.certificate(), to_der(node.certificate.get()));

  at.write("gw1.key", to_pem(renewed.key.get()));
  EXPECT_TRUE(mine.reload_if_changed().value());
  EXPECT_EQ(mine.certificate(), to_der(renewed.certificate.get()));
}

TEST_F(credentials_files, of_somebody_else_take_a_restart) {
  credentials mine = load(from);
  install(at, "gw1", make_node(ca, "gw2"), {&ca});
  EXPECT_EQ(mine.reload_if_changed().error().code, errc::id_not_in_certificate);
  const authority elsewhere = make_ca("other.example");
  install(at, "gw1", make_node(elsewhere, "gw1"), {&elsewhere});
  EXPECT_EQ(mine.reload_if_changed().error().code, errc::wrong_domain);
  EXPECT_EQ(mine.self().id.text(), "gw1");
  EXPECT_EQ(mine.self().domain, "sip.example");
}

TEST_F(credentials_files, take_a_list_that_appears_and_keep_it_when_its_file_goes) {
  credentials mine = load(from);
  at.write("gw1.crl", list({serial_of(node)}));
  EXPECT_TRUE(mine.reload_if_changed().value());
  EXPECT_EQ(mine.recheck(mine.self(), now()).error().code, errc::revoked);
  std::filesystem::remove(from.crl);
  EXPECT_EQ(mine.reload_if_changed().error().code, errc::unreadable);
  EXPECT_EQ(mine.recheck(mine.self(), now()).error().code, errc::revoked);
}

} // namespace
} // namespace thor::identity::x509
