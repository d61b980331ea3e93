#include "coordinator/runtime/config.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>

#include <fstream>

namespace thor::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

config read(std::string text) {
  auto parsed = config::parse({{"thor.toml", std::move(text)}});
  EXPECT_TRUE(parsed.has_value());
  return std::move(*parsed);
}

std::vector<std::string> texts(const config_errors& errors) {
  std::vector<std::string> out;
  for (const auto& error : errors) {
    out.push_back(error.text());
  }
  return out;
}

// ---- values

TEST(Config, AnAbsentTableAnswersDefaults) {
  auto c = read("");
  auto node = c.table("node");
  EXPECT_FALSE(node.present());
  EXPECT_EQ(node.text("site", "ams"), "ams");
  EXPECT_EQ(node.integer("hold_s", 10, 1, 600), 10);
  EXPECT_TRUE(node.boolean("on", true));
  EXPECT_THAT(node.texts("roles", {"a"}), ElementsAre("a"));
  EXPECT_THAT(node.table("attributes").names(), IsEmpty());
  EXPECT_THAT(node.tables("things"), IsEmpty());
  EXPECT_THAT(c.finish(), IsEmpty());
}

TEST(Config, ReadsEveryKindOfValue) {
  auto c = read(R"(
[node]
site = "ams1"
hold_s = 20
quiet = false
roles = ["sip_proxy", "media_relay"]
on_stop = "hold"
[node.attributes]
rack = "B7"
[node.role.sip_proxy]
ports = { "sip.udp" = 5070 }
[[dns.name_server]]
name = "ns1"
[[dns.name_server]]
name = "ns2"
)");
  auto node = c.table("node");
  EXPECT_EQ(node.text("site", ""), "ams1");
  EXPECT_EQ(node.integer("hold_s", 10, 1, 600), 20);
  EXPECT_FALSE(node.boolean("quiet", true));
  EXPECT_THAT(node.texts("roles", {}), ElementsAre("sip_proxy", "media_relay"));
  EXPECT_EQ(node.choice("on_stop", "leave", {"leave", "hold"}), "hold");
  EXPECT_EQ(node.table("attributes").text("rack", ""), "B7");
  auto role = node.table("role").table("sip_proxy");
  EXPECT_EQ(role.table("ports").integer("sip.udp", 0, 0, 65535), 5070);
  auto servers = c.table("dns").tables("name_server");
  ASSERT_THAT(servers, SizeIs(2));
  EXPECT_EQ(servers[1].text("name", ""), "ns2");
  servers[0].text("name", "");
  EXPECT_THAT(c.finish(), IsEmpty());
}

TEST(Config, AWrongTypeIsAnErrorWithItsPlace) {
  auto c = read("[node]\nsite = 7\nroles = \"sip_proxy\"\nhold_s = 1.5\nquiet = 1\n");
  auto node = c.table("node");
  EXPECT_EQ(node.text("site", "default"), "default");
  node.texts("roles", {});
  node.integer("hold_s", 10, 1, 600);
  node.boolean("quiet", false);
  EXPECT_THAT(
      texts(c.finish()),
      ElementsAre("thor.toml:2:8: site in [node] must be a string, not an integer",
                  "thor.toml:3:9: roles in [node] must be an array of strings, not a string",
                  "thor.toml:4:10: hold_s in [node] must be an integer, not a "
                  "floating-point number",
                  "thor.toml:5:9: quiet in [node] must be true or false, not an integer"));
}

TEST(Config, AValueOutOfRangeSaysTheRange) {
  auto c = read("[node]\nhold_s = 601\n");
  EXPECT_EQ(c.table("node").integer("hold_s", 10, 1, 600), 10);
  EXPECT_THAT(texts(c.finish()),
              ElementsAre("thor.toml:2:10: hold_s in [node] must be 1 to 600, not 601"));
}

TEST(Config, AChoiceSaysTheChoices) {
  auto c = read("[node]\non_stop = \"stay\"\n");
  EXPECT_EQ(c.table("node").choice("on_stop", "leave", {"leave", "hold"}), "leave");
  EXPECT_THAT(texts(c.finish()), ElementsAre("thor.toml:2:11: on_stop in [node] must be one of "
                                             "leave, hold, not \"stay\""));
}

TEST(Config, AProgramRejectsWhatOnlyItCanJudge) {
  auto c = read("[node]\naddresses = [\"nowhere\"]\n");
  auto node = c.table("node");
  node.texts("addresses", {});
  node.reject("addresses", "has \"nowhere\", which is no IP address");
  EXPECT_THAT(texts(c.finish()), ElementsAre("thor.toml:2:13: addresses in [node] has \"nowhere\", "
                                             "which is no IP address"));
}

TEST(Config, ATableWhereArraysOfTablesAreExpectedSaysHowToWriteIt) {
  auto c = read("[dns.name_server]\nname = \"ns1\"\n");
  EXPECT_THAT(c.table("dns").tables("name_server"), IsEmpty());
  EXPECT_THAT(texts(c.finish()), ElementsAre(HasSubstr("[[dns.name_server]]")));
}

TEST(Config, AFileOfAFormatOfItsOwnIsOneTable) {
  auto c = read("role = \"billing\"\n[[srv]]\nprot = 7\n[soa]\nttl_s = \"x\"\n");
  auto all = c.root();
  EXPECT_EQ(all.text("role", ""), "billing");
  auto services = all.tables("srv");
  ASSERT_THAT(services, SizeIs(1));
  EXPECT_EQ(services[0].integer("port", 5060, 1, 65535), 5060);
  all.table("soa").integer("ttl_s", 5, 1, 10);
  all.reject("role", "is taken");
  all.reject("address", "is missing");
  EXPECT_THAT(texts(c.finish()),
              ElementsAre("thor.toml: address is missing", "thor.toml:1:8: role is taken",
                          "thor.toml:3:1: unknown key \"prot\" in [srv] (did you mean \"port\"?)",
                          "thor.toml:5:9: ttl_s in [soa] must be an integer, not a string"));
}

TEST(Config, WhatIsWrongInOtherFilesIsToldWithTheRest) {
  auto c = read("[node]\nsite = 7\n");
  c.table("node").text("site", "");
  c.add({{"roles.d/a.toml", 2, 1, "is wrong"}});
  EXPECT_THAT(texts(c.finish()),
              ElementsAre("roles.d/a.toml:2:1: is wrong",
                          "thor.toml:2:8: site in [node] must be a string, not an integer"));
}

// ---- unknown keys

TEST(Config, AMisspeltKeyIsAnErrorWithASuggestion) {
  auto c = read("[node]\nroels = [\"sip_proxy\"]\n");
  auto node = c.table("node");
  node.table("role");
  node.texts("roles", {});
  EXPECT_THAT(texts(c.finish()), ElementsAre("thor.toml:2:1: unknown key \"roels\" in [node] "
                                             "(did you mean \"roles\"?)"));
}

TEST(Config, AKeyThatWasNotWrittenToItsEndIsRecognised) {
  auto c = read("[node]\nhold = 3\n");
  auto node = c.table("node");
  node.table("role");
  node.integer("hold_s", 10, 1, 600);
  EXPECT_THAT(texts(c.finish()), ElementsAre(HasSubstr("(did you mean \"hold_s\"?)")));
}

TEST(Config, WhatIsMissingInNoFileNamesNone) {
  auto c = *config::parse({});
  c.table("dns").reject("", "is missing");
  EXPECT_THAT(texts(c.finish()), ElementsAre("[dns] is missing"));
}

TEST(Config, UnknownKeysAreFoundAtEveryDepth) {
  auto c = read("[node.role.sip_proxy]\nwieght = 3\n[[dns.name_server]]\nnmae = \"ns1\"\n"
                "[dns.nothing_like_it]\nx = 1\n");
  c.table("node").table("role").table("sip_proxy").integer("weight", 0, 0, 9);
  c.table("dns").tables("name_server").at(0).text("name", "");
  EXPECT_THAT(
      texts(c.finish()),
      ElementsAre(HasSubstr("\"wieght\" in [node.role.sip_proxy] (did you mean \"weight\"?)"),
                  HasSubstr("\"nmae\" in [dns.name_server] (did you mean \"name\"?)"),
                  "thor.toml:5:6: unknown key \"nothing_like_it\" in [dns]"));
}

TEST(Config, OtherProgramsTablesAreNotLookedInto) {
  auto c = read("[manager]\npriority = \"what?\"\nnonsense = 1\n[node]\n");
  c.table("node");
  EXPECT_THAT(c.finish(), IsEmpty());
}

TEST(Config, AMisspeltTableIsAnError) {
  auto c = read("[overly]\ncertificate = \"x\"\n");
  c.table("overlay");
  EXPECT_THAT(texts(c.finish()), ElementsAre("thor.toml:1:2: unknown table \"overly\" (did you "
                                             "mean \"overlay\"?)"));
}

TEST(Config, AKeyOutsideAnyTableIsAnError) {
  auto c = read("site = \"ams\"\nnode = 3\n");
  c.table("node");
  EXPECT_THAT(texts(c.finish()),
              ElementsAre(HasSubstr("1:1: unknown key \"site\""),
                          HasSubstr("\"node\" must be a table, not an integer")));
}

// ---- files

TEST(ConfigFiles, ASyntaxErrorHasItsPlace) {
  const auto parsed = config::parse({{"thor.toml", "[node]\nsite = \n"}});
  ASSERT_FALSE(parsed.has_value());
  EXPECT_THAT(texts(parsed.error()), ElementsAre(HasSubstr("thor.toml:2:")));
}

TEST(ConfigFiles, LaterOnesReplaceValuesMergeTablesAndAppendTables) {
  auto c = *config::parse(
      {{"a", "[node]\nsite = \"ams\"\nhold_s = 5\n[[dns.name_server]]\nname = \"ns1\"\n"},
       {"b", "[node]\nsite = \"lax\"\n[[dns.name_server]]\nname = \"ns2\"\n"}});
  auto node = c.table("node");
  EXPECT_EQ(node.text("site", ""), "lax");
  EXPECT_EQ(node.integer("hold_s", 0, 0, 9), 5);
  EXPECT_THAT(c.table("dns").tables("name_server"), SizeIs(2));
}

TEST(ConfigFiles, ErrorsNameTheFileOfTheValueInForce) {
  auto c = *config::parse(
      {{"a", "[node]\nsite = \"ams\"\n"}, {"b", "\n\n[node]\nsite = 7\nzone = 1\n"}});
  c.table("node").text("site", "");
  EXPECT_THAT(texts(c.finish()),
              ElementsAre(HasSubstr("b:4:8: site"), HasSubstr("b:5:1: unknown key \"zone\"")));
}

TEST(ConfigFiles, ATableInOneAndAValueInTheOtherIsAnError) {
  const auto parsed = config::parse({{"a", "[node]\nrole = 1\n"}, {"b", "[node.role]\n"}});
  ASSERT_FALSE(parsed.has_value());
  EXPECT_THAT(texts(parsed.error()),
              ElementsAre("b:1:7: \"role\" is a table here but an integer at a:2"));
}

TEST(ConfigFiles, TablesThatNestTooDeepAreRefusedBeforeTheyAreParsed) {
  std::string deep = "[node]\na";
  while (deep.size() < config_file_octets_max) {
    deep += ".a";
  }
  const auto parsed = config::parse({{"thor.toml", deep + "=1\n"}});
  ASSERT_FALSE(parsed.has_value());
  EXPECT_THAT(texts(parsed.error()), ElementsAre(HasSubstr("thor.toml:2:1: tables nested")));
}

TEST(ConfigFiles, ManyAddressesInOneLineAreNotDeep) {
  std::string many = "[node]\naddresses = [";
  for (int i = 0; i < 200; ++i) {
    many += "'192.0.2.1', ";
  }
  EXPECT_TRUE(config::parse({{"thor.toml", many + "]\n"}}).has_value());
}

class ConfigDirectory : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    const auto path = directory.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  support::temporary_directory directory;
};

TEST_F(ConfigDirectory, DropInsAreReadInNameOrder) {
  write("thor.toml", "[node]\nsite = \"one\"\n");
  write("conf.d/20-b.toml", "[node]\nsite = \"three\"\n");
  write("conf.d/10-a.toml", "[node]\nsite = \"two\"\n");
  write("conf.d/30-c.toml.bak", "not toml at all");
  auto c = config::load(directory.path() / "thor.toml", true);
  ASSERT_TRUE(c.has_value());
  EXPECT_EQ(c->table("node").text("site", ""), "three");
}

TEST_F(ConfigDirectory, AMissingFileIsAnErrorOnlyWhenItWasAskedFor) {
  EXPECT_TRUE(config::load(directory.path() / "thor.toml", false).has_value());
  const auto asked = config::load(directory.path() / "thor.toml", true);
  ASSERT_FALSE(asked.has_value());
  EXPECT_THAT(asked.error().at(0).text(), HasSubstr("No such file"));
}

TEST_F(ConfigDirectory, AnAbsurdlyLargeFileIsRefused) {
  write("thor.toml", std::string(config_file_octets_max + 1, '#'));
  EXPECT_FALSE(config::load(directory.path() / "thor.toml", true).has_value());
}

// ---- shared tables

TEST(OverlayConfig, HasTheDocumentedDefaults) {
  auto c = read("");
  const auto overlay = read_overlay(c);
  EXPECT_EQ(overlay.files.certificate, "/etc/thor/tls/node.crt");
  EXPECT_EQ(overlay.files.crl, "/etc/thor/tls/ca.crl");
  EXPECT_FALSE(overlay.files.crl_required);
  EXPECT_EQ(overlay.partition.policy, model::partition_policy::available);
  EXPECT_EQ(overlay.partition.managers, 0U);
  EXPECT_EQ(overlay.state_dir, "/var/lib/thor");
  EXPECT_EQ(overlay.run_dir, "/run/thor");
  EXPECT_EQ(read_log_level(c), log_level::info);
}

TEST(OverlayConfig, ReadsWhatAPartMayDo) {
  auto c = read("[overlay]\npolicy = \"majority\"\nmanagers = 3\n");
  const auto rule = read_overlay(c).partition;
  EXPECT_THAT(c.finish(), IsEmpty());
  EXPECT_EQ(rule.policy, model::partition_policy::majority);
  EXPECT_FALSE(rule.allows(1));
  EXPECT_TRUE(rule.allows(2));
}

TEST(OverlayConfig, RefusesAMajorityOfNobodyKnowsHowMany) {
  auto c = read("[overlay]\npolicy = \"majority\"\n");
  read_overlay(c);
  EXPECT_THAT(texts(c.finish()), ElementsAre(HasSubstr("policy in [overlay] needs managers = N")));
}

TEST(OverlayConfig, RefusesAPolicyThatIsNone) {
  auto c = read("[overlay]\npolicy = \"majorty\"\nmanagers = 100\n");
  read_overlay(c);
  EXPECT_THAT(texts(c.finish()), ElementsAre(HasSubstr("must be one of available, majority"),
                                             HasSubstr("must be 0 to 99, not 100")));
}

TEST(MemberConfig, HasWhatMembersHaveInCommon) {
  auto c = read("[node]\naddresses = [\"192.0.2.1\"]\non_stop = \"hold\"\nhold_s = 7\n"
                "site = \"ams1\"\n[database]\n");
  auto node = c.table("node");
  const auto how = read_member(node);
  EXPECT_THAT(how.addresses, ElementsAre(*model::ip_address::parse("192.0.2.1")));
  EXPECT_EQ(how.hold, std::chrono::seconds(7));
  EXPECT_EQ(how.site, "ams1");
  auto other = c.table("database");
  EXPECT_EQ(read_member(other).hold, std::chrono::seconds(0));
  EXPECT_THAT(c.finish(), IsEmpty());
}

TEST(MemberConfig, RefusesWhatNoPresenceMaySay) {
  auto c = read("[node]\nsite = \"am s1\"\naddresses = [\"192.0.2.1\", \"192.0.2.1\"]\n");
  auto node = c.table("node");
  read_member(node);
  EXPECT_THAT(texts(c.finish()), ElementsAre(HasSubstr("192.0.2.1 is there twice")));
}

TEST(MemberConfig, AnnouncesTheAddressesOfTheCertificateOrSomeOfThem) {
  const auto one = *model::ip_address::parse("192.0.2.1");
  const auto two = *model::ip_address::parse("192.0.2.2");
  identity::peer self{"sip.example", *model::node_id::parse("gw1"), {}, {one, two}};
  EXPECT_THAT(*addresses_of({}, self, "node"), ElementsAre(one, two));
  EXPECT_THAT(*addresses_of({{two}, {}, {}}, self, "node"), ElementsAre(two));
  self.addresses = {one};
  EXPECT_THAT(
      addresses_of({{two}, {}, {}}, self, "node").error(),
      HasSubstr("addresses in [node] has 192.0.2.2, which is no address of the certificate"));
  self.addresses = {};
  EXPECT_THAT(*addresses_of({{two}, {}, {}}, self, "node"), ElementsAre(two));
}

TEST(OverlayConfig, AGivenRevocationListMustExist) {
  auto c = read("[overlay]\ncrl = \"/etc/thor/tls/ca.crl\"\n");
  EXPECT_TRUE(read_overlay(c).files.crl_required);
}

TEST(OverlayConfig, RefusesServersAndResolversThatAreNone) {
  auto c = read("[overlay]\nevent_servers = [\"2001:db8::1\"]\nresolvers = [\"ns.example.net\"]\n");
  read_overlay(c);
  EXPECT_THAT(texts(c.finish()),
              ElementsAre(HasSubstr("is not \"host:port\" or \"[IPv6 address]:port\""),
                          HasSubstr("is no IP address")));
}

TEST(OverlayConfig, RefusesLogLevelsThatAreNone) {
  auto c = read("[log]\nlevel = \"verbose\"\n");
  read_log_level(c);
  EXPECT_THAT(c.finish(), SizeIs(1));
}

TEST(MetricsConfig, IsOffUnlessAsked) {
  auto c = read("");
  EXPECT_EQ(read_metrics_listen(c, "thor-node"), "");
  EXPECT_THAT(c.finish(), IsEmpty());
}

TEST(MetricsConfig, HasAPlaceForEachProgramOfTheMachine) {
  auto c = read("[metrics]\nthor-node = \"127.0.0.1:9801\"\nthor-dns = \"[::1]:9802\"\n");
  EXPECT_EQ(read_metrics_listen(c, "thor-node"), "127.0.0.1:9801");
  EXPECT_EQ(read_metrics_listen(c, "thor-dns"), "[::1]:9802");
  EXPECT_EQ(read_metrics_listen(c, "thor-manager"), "");
  EXPECT_THAT(c.finish(), IsEmpty());
}

TEST(MetricsConfig, RefusesWhatIsNoPlaceAndWhoIsNoProgram) {
  auto c = read("[metrics]\nthor-dns = \"localhost:9802\"\nthor-nod = \"127.0.0.1:9801\"\n");
  read_metrics_listen(c, "thor-node");
  EXPECT_THAT(texts(c.finish()),
              ElementsAre(HasSubstr("thor-dns in [metrics] is wrong"),
                          HasSubstr("unknown key \"thor-nod\" in [metrics] (did you mean "
                                    "\"thor-node\"?)")));
}

// ---- changes

TEST(ConfigChanges, AreTheOpenedTablesThatSaySomethingElse) {
  const auto before = read("[log]\nlevel = \"info\"\n[node]\nsite = \"ams1\"\n"
                           "[node.role.sip_proxy]\nweight = 100\n[dns]\nslice = 8\n");
  auto now =
      read("[overlay]\nrun_dir = \"/run/t\"\n[log]\nlevel = \"info\"\n"
           "[node]\nsite = \"ams1\"\n[node.role.sip_proxy]\nweight = 50\n[dns]\nslice = 9\n");
  for (const auto* name : {"overlay", "log", "node", "manager"}) {
    now.table(name).table("role");
  }
  EXPECT_THAT(now.changed_since(before), ElementsAre("node", "overlay"))
      << "[dns] is another program's, [manager] is in neither";
}

} // namespace
} // namespace thor::runtime
