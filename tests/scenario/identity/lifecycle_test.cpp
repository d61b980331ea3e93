// The life of an overlay's certificates over years, on injected time: what consumers of signed
// messages believe, and whom a server would cut off.
#include "tests/unit/identity/workshop.hpp"

#include <gtest/gtest.h>

namespace thor::identity::x509 {
namespace {

constexpr days year{365};

/// Signs and is verified as messages between members are.
std::string verdict(const credentials& reader, const credentials& writer, model::unix_time when) {
  const std::string text = "thor.v1\nThor.Presence\n{}";
  const auto who = reader.authors().verify(text, writer.sign(text), writer.certificate(), when);
  return who ? "believed" : std::string(to_string(who.error().code));
}

std::string fate(const credentials& server, const peer& connected, model::unix_time when) {
  const auto still = server.recheck(connected, when);
  return still ? "stays" : std::string(to_string(still.error().code));
}

class lifecycle : public testing::Test {
 protected:
  void give(std::string_view name, const std::vector<const authority*>& cas,
            const std::string& lists) {
    at.write(std::string(name) + ".crl", lists); // the list first, as the README says
    at.write(std::string(name) + ".ca", pem_of(cas));
  }
  static std::string list_of(const authority& ca, const std::vector<std::string>& serials,
                             period valid) {
    return to_pem(
        ca.next_list(ca.first_list(valid).get(), serials, revocation_reason::key_compromise, valid)
            .get());
  }

  workbench at;
  const model::unix_time start = now();
};

TEST_F(lifecycle, a_node_is_renewed_and_its_old_certificate_runs_out) {
  const authority ca = make_ca("sip.example", {start, start + 10 * year});
  const credentials reader = load(install(
      at, "es1", make_node(ca, "es1", {"thor_eventserver"}, {start, start + 10 * year}), {&ca}));
  const period first{start, start + year};
  install(at, "gw1", make_node(ca, "gw1", {"sip_proxy"}, first), {&ca});
  files from{.certificate = at / "gw1.crt", .key = at / "gw1.key", .ca = at / "gw1.ca", .crl = {}};
  credentials writer = load(from);
  const credentials forgotten = load(from);

  EXPECT_EQ(verdict(reader, writer, start + year - days(30)), "believed");
  const period second{start + year - days(30), start + 2 * year};
  install(at, "gw1", make_node(ca, "gw1", {"sip_proxy", "media_relay"}, second), {&ca});
  ASSERT_TRUE(writer.reload_if_changed().value());

  for (const auto& [when, renewed, old] :
       {std::tuple{start + year - days(29), "believed", "believed"},
        std::tuple{start + year, "believed", "expired"},
        std::tuple{start + 2 * year, "expired", "expired"}}) {
    EXPECT_EQ(verdict(reader, writer, when), renewed) << time_text(when);
    EXPECT_EQ(verdict(reader, forgotten, when), old) << time_text(when);
  }
  EXPECT_EQ(fate(reader, forgotten.self(), start + year - seconds(1)), "stays");
  EXPECT_EQ(fate(reader, forgotten.self(), start + year), "expired");
}

TEST_F(lifecycle, a_revoked_node_is_cut_off_and_not_believed_even_by_an_overdue_list) {
  const authority ca = make_ca("sip.example", {start, start + 10 * year});
  const period valid{start, start + year};
  install(at, "es1", make_node(ca, "es1", {"thor_eventserver"}, valid), {&ca});
  credentials reader = load({.certificate = at / "es1.crt",
                             .key = at / "es1.key",
                             .ca = at / "es1.ca",
                             .crl = at / "es1.crl"});
  const credentials stolen =
      load(install(at, "gw1", make_node(ca, "gw1", {"sip_proxy"}, valid), {&ca}));
  const credentials other =
      load(install(at, "gw2", make_node(ca, "gw2", {"sip_proxy"}, valid), {&ca}));
  EXPECT_EQ(verdict(reader, stolen, start + days(1)), "believed");
  EXPECT_EQ(fate(reader, stolen.self(), start + days(1)), "stays");

  give("es1", {&ca}, list_of(ca, {stolen.self().serial}, {start + days(1), start + days(31)}));
  ASSERT_TRUE(reader.reload_if_changed().value());
  for (const auto when : {start + days(1), start + days(60)}) {
    EXPECT_EQ(verdict(reader, stolen, when), "revoked");
    EXPECT_EQ(fate(reader, stolen.self(), when), "revoked");
    EXPECT_EQ(verdict(reader, other, when), "believed");
    EXPECT_EQ(fate(reader, other.self(), when), "stays");
  }
  EXPECT_FALSE(reader.crl_overdue(start + days(30)));
  EXPECT_TRUE(reader.crl_overdue(start + days(31)));
}

TEST_F(lifecycle, one_ca_replaces_another_without_an_interruption) {
  const period life{start, start + 10 * year};
  const period lists{start, start + days(30)};
  const authority old_ca = make_ca("sip.example", life);
  const authority new_ca = make_ca("sip.example", life);
  const std::string old_list = list_of(old_ca, {}, lists);
  const std::string both_lists = old_list + list_of(new_ca, {}, lists);
  const auto start_up = [&](const std::string& name, const std::string& role) {
    return load(install(at, name, make_node(old_ca, name, {role}, life), {&old_ca}, old_list));
  };
  credentials server = start_up("es1", "thor_eventserver");
  credentials node = start_up("gw1", "sip_proxy");
  const auto works = [&] {
    const connection c(node.tls_context(), server.tls_context());
    EXPECT_TRUE(c.established());
    EXPECT_EQ(verdict(server, node, start + hours(1)), "believed");
    EXPECT_EQ(verdict(node, server, start + hours(1)), "believed");
  };
  works();

  for (auto* each : {&server, &node}) { // machine by machine, both CAs
    give(each->self().id.text(), {&old_ca, &new_ca}, both_lists);
    ASSERT_TRUE(each->reload_if_changed().value());
    works();
  }
  const peer by_old_ca = node.self();
  for (auto* each : {&node, &server}) { // certificates of the new one
    const std::string name = each->self().id.text();
    install(at, name, make_node(new_ca, name, each->self().roles, life), {&old_ca, &new_ca},
            both_lists);
    ASSERT_TRUE(each->reload_if_changed().value());
    works();
  }
  EXPECT_EQ(fate(server, by_old_ca, start + hours(1)), "stays");
  for (auto* each : {&server, &node}) { // the old one goes
    give(each->self().id.text(), {&new_ca}, both_lists);
    ASSERT_TRUE(each->reload_if_changed().value());
    works();
  }
  EXPECT_EQ(fate(server, by_old_ca, start + hours(1)), "untrusted");
}

TEST_F(lifecycle, a_ca_is_renewed_with_its_key) {
  // The same name and key, another certificate: the nodes' certificates stay good.
  at.run("openssl req -x509 -noenc -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout ca.key "
         "-subj /O=sip.example/CN=ca -days 10 -out old.crt -addext keyUsage=keyCertSign,cRLSign\n"
         "openssl req -x509 -key ca.key -subj /O=sip.example/CN=ca -days 1000 -out new.crt "
         "-addext keyUsage=keyCertSign,cRLSign");
  const authority old_ca = *authority::open(std::move(read_certificates(at / "old.crt")->front()),
                                            *read_key(at / "ca.key"));
  const authority new_ca = *authority::open(std::move(read_certificates(at / "new.crt")->front()),
                                            *read_key(at / "ca.key"));
  const period valid{start, start + year};
  const credentials writer =
      load(install(at, "gw1", make_node(old_ca, "gw1", {"sip_proxy"}, valid), {&old_ca}));
  const auto reader_with = [&](const std::vector<const authority*>& cas) {
    return load(install(at, "es1", make_node(old_ca, "es1", {"thor_eventserver"}, valid), cas));
  };
  for (const auto& cas : {std::vector{&old_ca, &new_ca}, std::vector{&new_ca, &old_ca}}) {
    const credentials reader = reader_with(cas);
    for (const auto when : {start + days(1), start + days(20)}) {
      EXPECT_EQ(verdict(reader, writer, when), "believed");
      EXPECT_EQ(verdict(reader, writer, when), "believed") << "from memory";
      EXPECT_EQ(fate(reader, writer.self(), when), "stays");
    }
  }
  const credentials late = reader_with({&old_ca});
  EXPECT_EQ(verdict(late, writer, start + days(20)), "expired");
  EXPECT_EQ(fate(late, writer.self(), start + days(20)), "expired");
}

} // namespace
} // namespace thor::identity::x509
