#include "tests/unit/identity/workshop.hpp"

#include <gtest/gtest.h>

namespace thor::identity::x509 {
namespace {

TEST(issuing, gives_what_was_asked_for) {
  for (const key_type type : {key_type::p256, key_type::ed25519}) {
    const authority ca = make_ca("sip.example", around_now(), type);
    const key_ptr key = make_key(type);
    const std::vector addresses{*model::ip_address::parse("192.0.2.1"),
                                *model::ip_address::parse("2001:db8::1")};
    const auto issued = ca.issue(
        {"gw1", {"sip_proxy", "media_relay"}, addresses, {now(), now() + hours(1)}}, key.get());
    ASSERT_TRUE(issued) << issued.error().detail;
    const auto who = read_certificate(issued->get());
    ASSERT_TRUE(who) << who.error().detail;
    EXPECT_EQ(who->domain, "sip.example");
    EXPECT_EQ(who->id.text(), "gw1");
    EXPECT_EQ(who->roles, (std::set<std::string>{"media_relay", "sip_proxy"}));
    EXPECT_EQ(who->addresses, addresses);
    EXPECT_EQ(not_before_of(issued->get()), now());
    EXPECT_EQ(who->not_after, now() + hours(1));
    EXPECT_EQ(who->issuer, key_id_of(ca.certificate()));
    EXPECT_EQ(X509_check_private_key(issued->get(), key.get()), 1);
  }
}

TEST(issuing, never_gives_a_serial_number_twice) {
  const authority ca = make_ca();
  const std::string one = serial_of(make_node(ca));
  EXPECT_EQ(one.size(), 32U);
  EXPECT_NE(one, serial_of(make_node(ca)));
  EXPECT_NE(key_id_of(ca.certificate()), key_id_of(make_ca().certificate()));
}

TEST(issuing, gives_nothing_that_nobody_would_accept) {
  const authority ca = make_ca();
  const key_ptr key = make_key(key_type::p256);
  const auto refusal = [&](const node_request& what) { return ca.issue(what, key.get()).error(); };
  EXPECT_EQ(refusal({"GW1", {"sip_proxy"}, {}, around_now()}).code, errc::bad_node_id);
  EXPECT_EQ(refusal({std::string(100, 'a'), {"sip_proxy"}, {}, around_now()}).code,
            errc::bad_node_id);
  EXPECT_EQ(refusal({"gw1", {}, {}, around_now()}).code, errc::bad_role);
  EXPECT_EQ(refusal({"gw1", {"Sip Proxy"}, {}, around_now()}).code, errc::bad_role);

  const key_ptr rsa(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048}));
  EXPECT_EQ(ca.issue({"gw1", {"sip_proxy"}, {}, around_now()}, rsa.get()).error().code,
            errc::bad_certificate);

  std::set<std::string> too_many;
  for (int i = 0; i < 1000; ++i)
    too_many.insert("role_" + std::to_string(i));
  EXPECT_EQ(refusal({"gw1", too_many, {}, around_now()}).code, errc::bad_certificate);
}

TEST(issuing, a_ca_is_of_a_domain) {
  EXPECT_EQ(make_ca("Sip.Example.").domain(), "sip.example");
  EXPECT_EQ(authority::create("no domain", key_type::p256, around_now()).error().code,
            errc::no_domain);
}

TEST(issuing, opens_only_a_ca_with_its_own_key) {
  const authority ca = make_ca();
  const authority other = make_ca();
  const auto copy = [](X509* certificate) { return certificate_ptr(X509_dup(certificate)); };
  const auto key = [](const authority& of) {
    EVP_PKEY_up_ref(of.key());
    return key_ptr(of.key());
  };
  EXPECT_TRUE(authority::open(copy(ca.certificate()), key(ca)));
  EXPECT_EQ(authority::open(copy(ca.certificate()), key(other)).error().code,
            errc::bad_certificate);
  holder node = make_node(ca);
  EXPECT_EQ(authority::open(std::move(node.certificate), std::move(node.key)).error().code,
            errc::bad_certificate);
}

TEST(revocation_list, grows_and_keeps_what_it_had) {
  const authority ca = make_ca();
  const std::string one = serial_of(make_node(ca));
  const std::string two = serial_of(make_node(ca));
  const crl_ptr first = ca.first_list({now(), now() + days(1)});
  EXPECT_TRUE(is_complete_list_of(ca.certificate(), first.get()));
  EXPECT_FALSE(find_revocation(first.get(), one));

  const crl_ptr second =
      ca.next_list(first.get(), {one}, revocation_reason::key_compromise, {now(), now() + days(1)});
  const crl_ptr third = ca.next_list(second.get(), {one, two}, revocation_reason::superseded,
                                     {now() + hours(1), now() + days(2)});
  EXPECT_TRUE(is_complete_list_of(ca.certificate(), third.get()));
  const auto found = find_revocation(third.get(), one);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->at, now());
  EXPECT_EQ(found->reason, revocation_reason::key_compromise);
  ASSERT_TRUE(find_revocation(third.get(), two));
  EXPECT_EQ(find_revocation(third.get(), two)->at, now() + hours(1));
  EXPECT_EQ(this_update_of(third.get()), now() + hours(1));
  EXPECT_EQ(next_update_of(third.get()), now() + days(2));
  EXPECT_FALSE(find_revocation(third.get(), "00"));
  EXPECT_FALSE(find_revocation(third.get(), "no serial"));

  workbench at;
  at.write("crl", to_pem(third.get()));
  const std::string text = at.run("openssl crl -in crl -noout -text");
  EXPECT_NE(text.find("CRL Number: \n                3"), std::string::npos) << text;
}

TEST(revocation_list, is_of_the_ca_that_signed_it) {
  const authority ca = make_ca();
  EXPECT_FALSE(is_complete_list_of(make_ca().certificate(), ca.first_list(around_now()).get()));
}

TEST(revocation_reasons, have_the_names_of_the_rfc) {
  for (const revocation_reason reason : revocation_reasons)
    EXPECT_EQ(parse_revocation_reason(to_string(reason)), reason);
  EXPECT_EQ(to_string(revocation_reason::key_compromise), "keyCompromise");
  EXPECT_FALSE(parse_revocation_reason("keycompromise"));
}

} // namespace
} // namespace thor::identity::x509
