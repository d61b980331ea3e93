#include "coordinator/monitor/verdict.hpp"
#include "tests/unit/monitor/support.hpp"

namespace thor::monitor {
namespace {

using testing::HasSubstr;

TEST(Conditions, AreReadWithAndWithoutBlanks) {
  const auto one = parse_condition(" sip_proxy >= 3 ");
  ASSERT_TRUE(one) << one.error();
  EXPECT_EQ("sip_proxy", one->role);
  EXPECT_EQ(comparison::at_least, one->how);
  EXPECT_EQ(3U, one->count);
  EXPECT_EQ("sip_proxy>=3", one->text);
}

TEST(Conditions, CompareAsTheySay) {
  struct row {
    const char* text;
    bool at_2, at_3, at_4;
  };
  for (const auto& [text, at_2, at_3, at_4] :
       {row{"a>=3", false, true, true}, row{"a<=3", true, true, false},
        row{"a>3", false, false, true}, row{"a<3", true, false, false},
        row{"a=3", false, true, false}, row{"a==3", false, true, false},
        row{"a!=3", true, false, true}}) {
    const auto c = parse_condition(text);
    ASSERT_TRUE(c) << text;
    EXPECT_EQ(at_2, holds(*c, 2)) << text;
    EXPECT_EQ(at_3, holds(*c, 3)) << text;
    EXPECT_EQ(at_4, holds(*c, 4)) << text;
  }
}

TEST(Conditions, AreRefusedWithAnExample) {
  for (const auto* wrong :
       {"", "sip_proxy", ">=3", "sip_proxy>=", "sip_proxy>=x", "sip_proxy>=-1", "sip_proxy=>3",
        "SIP>=3", "sip_proxy>=3x", "sip_proxy>=1000001", "sip_proxy!3"}) {
    const auto c = parse_condition(wrong);
    ASSERT_FALSE(c) << wrong;
    EXPECT_THAT(c.error(), HasSubstr("'sip_proxy>=3'"));
  }
}

class Verdict : public NetworkTest {
 protected:
  verdict judge_for(std::initializer_list<const char*> conditions) {
    std::vector<condition> wanted;
    for (const auto* text : conditions)
      wanted.push_back(*parse_condition(text));
    return judge(wanted, network_, test_columns);
  }
  void live_with_two_proxies() {
    auto draining = member("gw3", "192.0.2.3", {"sip_proxy"});
    draining.what.roles["sip_proxy"].state = model::role_state::draining;
    live({member("gw1", "192.0.2.1", {"sip_proxy", "media_relay"}),
          member("gw2", "192.0.2.2", {"sip_proxy"}), draining,
          member("dns1", "192.0.2.4", {"thor_dnsmanager"})});
  }
};

TEST_F(Verdict, IsOkWhenEveryConditionHolds) {
  live_with_two_proxies();
  const auto said = judge_for({"sip_proxy>=2", "media_relay<3"});
  EXPECT_EQ(0, said.exit_code);
  EXPECT_EQ(
      "THOR OK: sip_proxy 2 active, media_relay 1 active | sip_proxy=2;;2:;0; media_relay=1;;2;0;",
      said.line);
}

TEST_F(Verdict, IsCriticalWhenOneFails) {
  live_with_two_proxies();
  const auto said = judge_for({"sip_proxy>=3", "media_relay=1"});
  EXPECT_EQ(2, said.exit_code);
  EXPECT_EQ("THOR CRITICAL: sip_proxy 2 active (wanted sip_proxy>=3), media_relay 1 active | "
            "sip_proxy=2;;3:;0; media_relay=1;;1:1;0;",
            said.line);
}

TEST_F(Verdict, CountsARoleThatNobodyHasAsNone) {
  live({});
  EXPECT_EQ("THOR CRITICAL: xcap_server 0 active (wanted xcap_server>0) | xcap_server=0;;1:;0;",
            judge_for({"xcap_server>0"}).line);
  EXPECT_EQ(0, judge_for({"xcap_server!=1"}).exit_code);
}

TEST_F(Verdict, WarnsWhenNameServersHaveOtherDataInTheSameRevision) {
  live({member("gw1", "192.0.2.1", {"sip_proxy"}), member("gw2", "192.0.2.2", {"sip_proxy"}),
        member("dns1", "192.0.2.4", {"thor_dnsmanager"}),
        member("dns2", "192.0.2.5", {"thor_dnsmanager"})});
  const auto report = [&](const char* who, std::uint64_t revision, std::uint64_t digest) {
    hear(heard_report{
        id(who), {7, 0xab, false, false, wire::operator_report{{1, "dns1"}, {revision, digest}}}});
  };
  report("dns1", 5, 0xa);
  report("dns2", 4, 0xb);
  EXPECT_EQ(0, judge_for({"sip_proxy>=2"}).exit_code) << "one is behind";
  report("dns2", 5, 0xb);
  const auto said = judge_for({"sip_proxy>=2"});
  EXPECT_EQ(1, said.exit_code);
  EXPECT_EQ("THOR WARNING: sip_proxy 2 active, the operator's data of dns1 and dns2 differ | "
            "sip_proxy=2;;2:;0;",
            said.line);
}

TEST_F(Verdict, WarnsWhenTheStatusIsStaleOrAThorDnsIsOnItsOwn) {
  live_with_two_proxies();
  report_dns("dns1", true, true);
  const auto degraded = judge_for({"sip_proxy>=2"});
  EXPECT_EQ(1, degraded.exit_code);
  EXPECT_EQ(
      "THOR WARNING: sip_proxy 2 active, dns1 is degraded, dns1 is divergent | sip_proxy=2;;2:;0;",
      degraded.line);
  report_dns("dns1");
  pass(3s);
  EXPECT_EQ("THOR WARNING: sip_proxy 2 active, no manager is heard | sip_proxy=2;;2:;0;",
            judge_for({"sip_proxy>=2"}).line);
  EXPECT_EQ(2, judge_for({"sip_proxy>=3"}).exit_code) << "what is critical stays critical";
}

TEST_F(Verdict, IsCriticalWithoutAStatusAndSaysWhy) {
  EXPECT_EQ("THOR CRITICAL: no network status; no event server found",
            judge_for({"sip_proxy>=1"}).line);
  hear(server_failed{"es:1", "cannot connect: a|b\n"});
  const auto said = judge_for({"sip_proxy>=1"});
  EXPECT_EQ(2, said.exit_code);
  EXPECT_EQ("THOR CRITICAL: no network status; event server es:1: cannot connect: a/b\\x0a",
            said.line);
  connect();
  EXPECT_THAT(judge_for({"sip_proxy>=1"}).line,
              HasSubstr("es:1 has none: is a thor-manager running?"));
}

TEST(UnknownVerdict, IsThree) {
  EXPECT_EQ(3, unknown_verdict("x").exit_code);
  EXPECT_EQ("THOR UNKNOWN: no key", unknown_verdict("no key").line);
}

} // namespace
} // namespace thor::monitor
