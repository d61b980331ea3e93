// Certificates that others make, and others that read ours.
#include "tests/unit/identity/workshop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace thor::identity::x509 {
namespace {

using testing::HasSubstr;

/// The shell block of coordinator/identity/README.md, section "By hand".
std::string commands_of_readme() {
  const auto* source = std::getenv("THOR_SOURCE");
  std::ostringstream text;
  text << std::ifstream(std::string(source != nullptr ? source : ".") +
                        "/coordinator/identity/README.md")
              .rdbuf();
  const std::string readme = text.str();
  const std::string fence = "```sh\n";
  const auto from = readme.find(fence) + fence.size();
  return readme.substr(from, readme.find("```", from) - from);
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

class by_hand : public testing::TestWithParam<const char*> {};

TEST_P(by_hand, the_commands_of_the_readme_make_credentials) {
  const workbench at;
  std::string commands = commands_of_readme();
  ASSERT_THAT(commands, HasSubstr("openssl"));
  replace_all(commands, "-newkey ec -pkeyopt ec_paramgen_curve:P-256",
              std::string("-newkey ") + GetParam());
  at.run(commands);

  const files from{.certificate = at / "gw1.crt",
                   .key = at / "gw1.key",
                   .ca = at / "ca.crt",
                   .crl = at / "crl.pem",
                   .crl_required = true};
  const credentials mine = load(from);
  EXPECT_EQ(mine.self().domain, "sip.example.com");
  EXPECT_EQ(mine.self().id.text(), "gw1");
  EXPECT_EQ(mine.self().roles, (std::set<std::string>{"media_relay", "sip_proxy"}));
  EXPECT_EQ(mine.self().addresses.size(), 2U);
  EXPECT_TRUE(mine.recheck(mine.self(), now() + hours(1)));
  EXPECT_TRUE(connection(mine.tls_context(), mine.tls_context()).established());
  EXPECT_TRUE(
      mine.authors().verify("text", mine.sign("text"), mine.certificate(), now() + hours(1)));

  files after_revocation = from;
  after_revocation.crl = at / "crl-with-gw1.pem";
  const credentials revoked = load(after_revocation);
  EXPECT_EQ(revoked.recheck(revoked.self(), now() + hours(1)).error().code, errc::revoked);
}

INSTANTIATE_TEST_SUITE_P(keys, by_hand,
                         testing::Values("ec -pkeyopt ec_paramgen_curve:P-256", "ed25519"));

TEST(by_openssl, what_we_issue_is_verified) {
  for (const key_type type : {key_type::p256, key_type::ed25519}) {
    const workbench at;
    const authority ca = make_ca("sip.example", around_now(), type);
    const holder node = make_node(ca, "gw1", {"sip_proxy"}, around_now(), type);
    const holder gone = make_node(ca, "gw2", {"sip_proxy"}, around_now(), type);
    const period valid{now() - hours(1), now() + days(1)};
    at.write("ca.crt", pem_of({&ca}));
    at.write("crl", to_pem(ca.next_list(ca.first_list(valid).get(), {serial_of(gone)},
                                        revocation_reason::superseded, valid)
                               .get()));
    at.write("node.crt", to_pem(node.certificate.get()));
    at.write("gone.crt", to_pem(gone.certificate.get()));
    for (const char* purpose : {"sslserver", "sslclient"})
      at.run("openssl verify -x509_strict -CAfile ca.crt -CRLfile crl -crl_check -purpose " +
             std::string(purpose) + " node.crt");
    EXPECT_THAT(at.run("! openssl verify -CAfile ca.crt -CRLfile crl -crl_check gone.crt"),
                HasSubstr("certificate revoked"));
    at.run("openssl crl -in crl -CAfile ca.crt -noout");
  }
}

} // namespace
} // namespace thor::identity::x509
