#include "tests/unit/identity/workshop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::identity::x509 {
namespace {

using testing::HasSubstr;

class handshake : public testing::Test {
 protected:
  workbench at;
  authority ca = make_ca();
  files server_files = install(at, "es1", make_node(ca, "es1", {"thor_eventserver"}), {&ca});
  credentials server = load(server_files);
  credentials client = load(install(at, "gw1", make_node(ca), {&ca}));

  /// Why the server refuses a client with this certificate.
  std::optional<error> refusal_by_server(const holder& node, const authority& from) {
    const credentials its = load(install(at, "other", node, {&from, &ca}));
    const connection c(its.tls_context(), server.tls_context());
    EXPECT_FALSE(c.established());
    return refusal_of(c.server());
  }
};

TEST_F(handshake, tells_each_side_who_the_other_is) {
  const connection c(client.tls_context(), server.tls_context());
  ASSERT_TRUE(c.established());
  EXPECT_STREQ(SSL_get_version(c.client()), "TLSv1.3");
  EXPECT_EQ(sk_X509_num(SSL_get_peer_cert_chain(c.client())), 1) << "nothing but the certificate";
  const auto seen_by_server = peer_of(c.server(), "sip.example");
  const auto seen_by_client = peer_of(c.client(), "sip.example");
  ASSERT_TRUE(seen_by_server) << seen_by_server.error().detail;
  ASSERT_TRUE(seen_by_client) << seen_by_client.error().detail;
  EXPECT_EQ(seen_by_server->fingerprint, client.self().fingerprint);
  EXPECT_EQ(seen_by_client->fingerprint, server.self().fingerprint);
  EXPECT_TRUE(check_event_server(*seen_by_client));
  EXPECT_FALSE(refusal_of(c.server()));
  EXPECT_FALSE(refusal_of(c.client()));
}

TEST_F(handshake, makes_the_peer_an_author_that_is_known) {
  const connection c(client.tls_context(), server.tls_context());
  ASSERT_TRUE(c.established());
  const auto who = server.peer_of(c.server());
  ASSERT_TRUE(who) << who.error().detail;
  EXPECT_EQ(who->fingerprint, client.self().fingerprint);
  EXPECT_EQ(server.authors().authors_known(), 1U);
  const auto author =
      server.authors().verify("text", client.sign("text"), client.certificate(), now());
  ASSERT_TRUE(author) << author.error().detail;
  EXPECT_EQ(author->fingerprint, client.self().fingerprint);
  EXPECT_EQ(server.authors()
                .verify("other", client.sign("text"), client.certificate(), now())
                .error()
                .code,
            errc::bad_signature);
  EXPECT_EQ(server.authors().authors_known(), 1U);
}

TEST_F(handshake, of_before_a_reload_makes_nobody_known) {
  const connection c(client.tls_context(), server.tls_context());
  ASSERT_TRUE(c.established());
  const authority other = make_ca();
  install(at, "es1", make_node(other, "es1", {"thor_eventserver"}), {&other});
  ASSERT_TRUE(server.reload_if_changed().value());
  EXPECT_TRUE(server.peer_of(c.server()));
  EXPECT_EQ(server.authors().authors_known(), 0U);
  EXPECT_EQ(server.authors()
                .verify("text", client.sign("text"), client.certificate(), now())
                .error()
                .code,
            errc::untrusted);
}

TEST_F(handshake, works_between_all_kinds_of_key) {
  for (const key_type ca_type : {key_type::p256, key_type::ed25519})
    for (const key_type type : {key_type::p256, key_type::ed25519}) {
      const authority mixed = make_ca("sip.example", around_now(), ca_type);
      const credentials one = load(
          install(at, "a", make_node(mixed, "a", {"sip_proxy"}, around_now(), type), {&mixed}));
      const credentials two = load(install(at, "b", make_node(mixed, "b"), {&mixed}));
      EXPECT_TRUE(connection(one.tls_context(), two.tls_context()).established());
    }
}

TEST_F(handshake, refuses_a_client_without_certificate) {
  const tls_context_ptr nobody(SSL_CTX_new(TLS_method()));
  const connection c(nobody.get(), server.tls_context());
  EXPECT_FALSE(c.established());
  EXPECT_FALSE(refusal_of(c.server())) << "there is no certificate to say anything about";
  EXPECT_EQ(peer_of(c.server(), "sip.example").error().code, errc::bad_certificate);
}

TEST_F(handshake, refuses_another_ca) {
  const authority other = make_ca();
  const auto why = refusal_by_server(make_node(other, "gw9"), other);
  ASSERT_TRUE(why);
  EXPECT_EQ(why->code, errc::untrusted);
  EXPECT_THAT(why->detail, HasSubstr("\"gw9\""));
}

TEST_F(handshake, is_refused_by_the_client_too) {
  const authority other = make_ca();
  const credentials theirs = load(install(at, "o", make_node(other, "es9"), {&other, &ca}));
  const connection c(client.tls_context(), theirs.tls_context());
  EXPECT_FALSE(c.established());
  EXPECT_EQ(refusal_of(c.client()).value().code, errc::untrusted);
  EXPECT_FALSE(refusal_of(c.server()));
}

TEST_F(handshake, refuses_what_is_not_valid_now) {
  const authority lasting = make_ca("sip.example", {now() - days(10), now() + days(10)});
  server_files = install(at, "es1", make_node(lasting, "es1", {"thor_eventserver"}), {&lasting});
  server = load(server_files);
  const auto why_of = [&](period valid) {
    return refusal_by_server(make_node(lasting, "gw1", {"sip_proxy"}, valid), lasting).value();
  };
  EXPECT_EQ(why_of({now() - days(2), now() - days(1)}).code, errc::expired);
  EXPECT_THAT(why_of({now() - days(2), now() - days(1)}).detail,
              HasSubstr(time_text(now() - days(1))));
  EXPECT_EQ(why_of({now() + days(1), now() + days(2)}).code, errc::not_yet_valid);
}

TEST_F(handshake, refuses_when_the_ca_has_expired) {
  const authority gone = make_ca("sip.example", {now() - days(10), now() - days(1)});
  at.write("es1.ca", pem_of({&ca, &gone}));
  ASSERT_TRUE(server.reload_if_changed().value());
  EXPECT_EQ(refusal_by_server(make_node(gone), gone).value().code, errc::expired);
}

TEST_F(handshake, refuses_who_was_revoked) {
  const holder node = make_node(ca);
  const crl_ptr list = ca.next_list(ca.first_list(around_now()).get(), {serial_of(node)},
                                    revocation_reason::unspecified, around_now());
  at.write("es1.crl", to_pem(list.get()));
  ASSERT_TRUE(server.reload_if_changed().value());
  EXPECT_EQ(refusal_by_server(node, ca).value().code, errc::revoked);
  EXPECT_TRUE(connection(client.tls_context(), server.tls_context()).established());
}

TEST_F(handshake, a_list_of_any_age_stays_in_force) {
  const holder node = make_node(ca);
  for (const period valid :
       {period{now() - days(3), now() - days(2)}, period{now() + days(2), now() + days(3)}}) {
    const crl_ptr list = ca.next_list(ca.first_list(valid).get(), {serial_of(node)},
                                      revocation_reason::unspecified, valid);
    at.write("es1.crl", to_pem(list.get()));
    ASSERT_TRUE(server.reload_if_changed().value());
    EXPECT_EQ(refusal_by_server(node, ca).value().code, errc::revoked);
    const connection c(client.tls_context(), server.tls_context());
    EXPECT_TRUE(c.established());
    EXPECT_TRUE(peer_of(c.server(), "sip.example"));
  }
}

TEST_F(handshake, does_not_follow_intermediate_cas) {
  at.write("ca.crt", pem_of({&ca}));
  at.write("ca.key", to_pem(ca.key()));
  at.write("ext", "basicConstraints=CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n"
                  "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n");
  // The operator's CA forbids others below it; one that does not is made for this test.
  at.run(
      "openssl req -x509 -noenc -newkey ed25519 -subj /O=sip.example/CN=root -keyout root.key "
      "-out root.crt -addext keyUsage=keyCertSign,cRLSign\n"
      "openssl req -new -noenc -newkey ed25519 -subj /O=sip.example/CN=middle -keyout middle.key "
      "-out middle.csr\n"
      "openssl x509 -req -in middle.csr -CA root.crt -CAkey root.key -extfile ext -out "
      "middle.crt\n"
      "cat ca.crt root.crt >es1.ca.new && mv es1.ca.new es1.ca");
  ASSERT_TRUE(server.reload_if_changed().value());

  const authority middle = *authority::open(
      std::move(read_certificates(at / "middle.crt")->front()), *read_key(at / "middle.key"));
  const holder node = make_node(middle);
  const credentials its = load(install(at, "other", node, {&middle, &ca}));
  // The client sends its chain, as a TLS stack with another configuration would.
  ASSERT_EQ(SSL_CTX_add1_chain_cert(its.tls_context(), middle.certificate()), 1);
  const connection c(its.tls_context(), server.tls_context());
  EXPECT_FALSE(c.established());
  EXPECT_EQ(refusal_of(c.server()).value().code, errc::untrusted);

  // What is in the CA file is trusted, self-signed or not.
  at.write("es1.ca", pem_of({&ca, &middle}));
  ASSERT_TRUE(server.reload_if_changed().value());
  EXPECT_TRUE(connection(its.tls_context(), server.tls_context()).established());
}

TEST_F(handshake, bounds_what_a_stranger_may_show) {
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(SSL_CTX_add1_chain_cert(client.tls_context(), ca.certificate()), 1);
  EXPECT_FALSE(connection(client.tls_context(), server.tls_context()).established());
}

TEST_F(handshake, leaves_profile_and_domain_to_peer_of) {
  const authority theirs = make_ca("other.example");
  at.write("es1.ca", pem_of({&ca, &theirs}));
  ASSERT_TRUE(server.reload_if_changed().value());
  const credentials other = load(install(at, "o", make_node(theirs), {&theirs, &ca}));
  const connection c(other.tls_context(), server.tls_context());
  ASSERT_TRUE(c.established());
  EXPECT_EQ(peer_of(c.server(), "sip.example").error().code, errc::wrong_domain);

  const holder no_node = [&] {
    at.write("ca.crt", pem_of({&ca}));
    at.write("ca.key", to_pem(ca.key()));
    at.write("ext", "keyUsage=digitalSignature\nauthorityKeyIdentifier=keyid\n");
    at.run("openssl req -new -noenc -newkey rsa:2048 -subj /O=sip.example/OU=sip_proxy/CN=gw1 "
           "-keyout rsa.key -out r\n"
           "openssl x509 -req -in r -CA ca.crt -CAkey ca.key -extfile ext -out rsa.crt");
    return holder{std::move(read_certificates(at / "rsa.crt")->front()), *read_key(at / "rsa.key")};
  }();
  const tls_context_ptr rsa(SSL_CTX_new(TLS_method()));
  SSL_CTX_use_certificate(rsa.get(), no_node.certificate.get());
  SSL_CTX_use_PrivateKey(rsa.get(), no_node.key.get());
  const connection d(rsa.get(), server.tls_context());
  ASSERT_TRUE(d.established());
  const auto who = peer_of(d.server(), "sip.example");
  ASSERT_FALSE(who);
  EXPECT_EQ(who.error().code, errc::bad_certificate);
  EXPECT_THAT(who.error().detail, HasSubstr("RSA"));
}

TEST_F(handshake, is_tls_1_3_or_nothing) {
  for (const bool old_client : {true, false}) {
    const tls_context_ptr old(SSL_CTX_new(TLS_method()));
    SSL_CTX_set_max_proto_version(old.get(), TLS1_2_VERSION);
    const holder node = make_node(ca);
    SSL_CTX_use_certificate(old.get(), node.certificate.get());
    SSL_CTX_use_PrivateKey(old.get(), node.key.get());
    const connection c(old_client ? old.get() : client.tls_context(),
                       old_client ? server.tls_context() : old.get());
    EXPECT_FALSE(c.established());
  }
}

TEST_F(handshake, hands_out_no_ticket_to_resume_with) {
  const connection c(client.tls_context(), server.tls_context());
  ASSERT_TRUE(c.established());
  // A ticket would travel with the first data after the handshake.
  char octet = 'x';
  ASSERT_EQ(SSL_write(c.server(), &octet, 1), 1);
  ASSERT_EQ(SSL_read(c.client(), &octet, 1), 1);
  EXPECT_EQ(SSL_SESSION_is_resumable(SSL_get0_session(c.client())), 0);
}

TEST_F(handshake, a_connection_keeps_its_context_over_a_reload) {
  const connection c(client.tls_context(), server.tls_context());
  install(at, "es1", make_node(ca, "es1", {"thor_eventserver"}), {&ca});
  ASSERT_TRUE(server.reload_if_changed().value());
  char octet = 'x';
  ASSERT_EQ(SSL_write(c.client(), &octet, 1), 1);
  EXPECT_EQ(SSL_read(c.server(), &octet, 1), 1);
}

} // namespace
} // namespace thor::identity::x509
