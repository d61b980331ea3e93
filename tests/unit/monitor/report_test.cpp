#include "coordinator/monitor/report.hpp"
#include "tests/unit/monitor/support.hpp"

#include <boost/json/parse.hpp>

namespace thor::monitor {
namespace {

using testing::HasSubstr;

class Report : public NetworkTest {
 protected:
  std::string list() {
    return classic(network_, self_, "01:33:54 Sun 20 Sep 2009", wall, test_columns);
  }
  boost::json::object json() {
    return boost::json::parse(json_report(network_, self_, now_, wall)).get_object();
  }

  onlooker self_{
      "sipthor.net", id("watch1"), {"thor_monitor"}, {*model::ip_address::parse("81.23.228.150")}};
};

TEST_F(Report, IsTheClassicList) {
  live({member("a", "81.23.228.129", {"media_relay", "sip_proxy"}),
        member("b", "81.23.228.150", {"media_relay"}),
        database("d1", "10.0.0.131", {{10, "mysql://sipthor:/sipthor"}}),
        database("d2", "85.17.186.8", {{50, "mysql://sipthor:/sipthor"}}),
        member("dns1", "80.247.197.195", {"thor_dnsmanager"}),
        member("m1", "81.23.228.150", {"thor_manager"}, 50),
        member("m2", "85.17.186.8", {"thor_manager"}, 50),
        member("watch1", "81.23.228.150", {"thor_monitor"})});
  EXPECT_EQ(R"(SIP Thor network for sipthor.net at 01:33:54 Sun 20 Sep 2009:
-------------------------------------------------------------

media_relay members:
81.23.228.129
81.23.228.150
sip_proxy members:
81.23.228.129
thor_database members:
10.0.0.131 priority=10 mysql://sipthor:/sipthor
85.17.186.8 priority=50 mysql://sipthor:/sipthor
thor_dnsmanager members:
80.247.197.195
thor_manager members:
81.23.228.150 priority=50
85.17.186.8 priority=50
thor_monitor members:
81.23.228.150 myself
)",
            list());
}

TEST_F(Report, ListsAMonitorThatOnlyListens) {
  live({});
  EXPECT_THAT(list(), HasSubstr("\n\nthor_monitor members:\n81.23.228.150 myself\n"));
  self_.roles = {"sip_proxy"};
  EXPECT_THAT(list(), testing::Not(HasSubstr("thor_monitor")));
}

TEST_F(Report, OrdersAddressesAsNumbersAndSaysWhoDrains) {
  auto draining = member("b", "192.0.2.9", {"sip_proxy"});
  draining.what.roles["sip_proxy"].state = model::role_state::draining;
  live({member("a", "192.0.2.10", {"sip_proxy"}), draining,
        member("c", "2001:db8::1", {"sip_proxy"})});
  EXPECT_THAT(list(),
              HasSubstr("sip_proxy members:\n192.0.2.9 draining\n192.0.2.10\n2001:db8::1\n"));
}

TEST_F(Report, ListsEachDatabaseOfAMemberAndNoPassword) {
  auto d = database("d1", "192.0.2.1", {{50, "mysql://u@b/x"}, {10, "mysql://u@a/x"}});
  d.what.attributes.emplace("dburi.9", "20 mysql://u:s3cret@c/x");
  live({d, database("d2", "192.0.2.2", {})});
  EXPECT_THAT(list(),
              HasSubstr("thor_database members:\n192.0.2.1 priority=10 mysql://u@a/x\n"
                        "192.0.2.1 priority=50 mysql://u@b/x\n192.0.2.2 priority=10 draining\n"));
  EXPECT_THAT(json_report(network_, self_, now_, wall), testing::Not(HasSubstr("s3cret")));
}

TEST_F(Report, SaysWhyAMemberIsKeptOutOfARole) {
  auto sick = member("b", "192.0.2.9", {"xcap_server"});
  sick.what.attributes = {{"health.sip_proxy", "down: sip udp 192.0.2.9:5060: it answers 503"},
                          {"health.xcap_server", "not seen yet: tcp 192.0.2.9:443"},
                          {"rack", "B7"}};
  live({member("a", "192.0.2.10", {"sip_proxy"}), sick});
  EXPECT_THAT(list(),
              HasSubstr("sip_proxy members:\n192.0.2.9 down: sip udp 192.0.2.9:5060: it answers 503"
                        "\n192.0.2.10\n"));
  EXPECT_THAT(list(), HasSubstr("xcap_server members:\n192.0.2.9\n"));
  const auto all = json();
  const auto& shown = all.at("members").at(1).as_object();
  EXPECT_EQ(boost::json::parse(R"({"sip_proxy":"down: sip udp 192.0.2.9:5060: it answers 503",
                                   "xcap_server":"not seen yet: tcp 192.0.2.9:443"})"),
            shown.at("health"));
  EXPECT_EQ(boost::json::parse(R"({"rack":"B7"})"), shown.at("attributes"));
}

TEST_F(Report, IsOneJsonObject) {
  auto gw1 = member("gw1", "192.0.2.1", {"sip_proxy"});
  gw1.what.software = "thor-node \xc3\xa4";
  live({gw1, member("dns1", "192.0.2.2", {"thor_dnsmanager"}),
        database("d1", "192.0.2.3", {{10, "mysql://a"}})});
  report_dns("dns1", true);
  pass(500ms);
  const auto all = json();
  EXPECT_EQ("confirmed", all.at("status").as_string());
  EXPECT_EQ(500, all.at("manager_heard_ms_ago").as_int64());
  EXPECT_EQ("m1", all.at("epoch").at("manager").as_string());
  EXPECT_EQ(1, all.at("roles").at("sip_proxy").at("active").as_int64());
  EXPECT_EQ(0, all.at("roles").at("sip_proxy").at("draining").as_int64());
  EXPECT_EQ(3U, all.at("members").as_array().size());
  EXPECT_EQ("thor-node \xc3\xa4", all.at("members").at(2).at("software").as_string());
  EXPECT_EQ(1'750'000'000, all.at("members").at(2).at("since").as_int64());
  EXPECT_EQ("mysql://a", all.at("databases").at(0).at("uri").as_string());
  EXPECT_TRUE(all.at("dns").at(0).at("degraded").as_bool());
  EXPECT_EQ("00000000000000ab", all.at("dns").at(0).at("digest").as_string());
  EXPECT_TRUE(all.at("event_servers").at(0).at("connected").as_bool());
  EXPECT_THAT(json_report(network_, self_, now_, wall), HasSubstr("\\u00e4"));
}

TEST_F(Report, SaysInJsonWhatIsNotKnown) {
  const auto all = json();
  EXPECT_EQ("unknown", all.at("status").as_string());
  EXPECT_TRUE(all.at("manager_heard_ms_ago").is_null());
  EXPECT_TRUE(all.at("members").as_array().empty());
}

TEST(EventLine, IsOneVisibleLine) {
  EXPECT_EQ("2025-06-15T15:06:40Z gone gw1 silent",
            line_of({change_kind::gone, wall, "gw1", "silent"}, test_columns));
  EXPECT_EQ("2025-06-15T15:06:40Z server_down es:1 \\x1b[2J\\x0a",
            line_of({change_kind::server_down, wall, "es:1", "\x1b[2J\n"}, test_columns));
}

// ---- figures

class Figures : public Report {
 protected:
  void SetUp() override {
    live({member("gw1", "192.0.2.2", {"sip_proxy"}), member("gw2", "192.0.2.1", {"sip_proxy"}),
          member("r1", "192.0.2.3", {"media_relay"})});
    say("gw1", R"({"sip_proxy":{"online_accounts":{"a.example":3,"b.example":4},"calls":1},)"
               R"("load":{"average_1m":0.5},"text":{"note":"x"}})");
    say("gw2", R"({"sip_proxy":{"online_accounts":{"a.example":10}}})");
    say("stranger", R"({"sip_proxy":{"online_accounts":{"a.example":1000}}})");
  }
  void say(std::string_view who, std::string figures) {
    hear(heard_statistics{{id(who), std::move(figures), {}, {}}});
  }
};

TEST_F(Figures, FollowTheClassicList) {
  EXPECT_THAT(list(), testing::EndsWith("\nthor_monitor members:\n81.23.228.150 myself\n"
                                        "sip_proxy statistics:\n"
                                        "192.0.2.1 online_accounts=10\n"
                                        "192.0.2.2 calls=1 online_accounts=7\n"
                                        "summary calls=1 online_accounts=17\n"));
}

TEST_F(Figures, AreInTheJsonOfTheNetworkAndOfEachMember) {
  const auto all = json();
  EXPECT_EQ(all.at("statistics"),
            boost::json::parse(
                R"({"192.0.2.2":{"load":{"average_1m":0.5},"sip_proxy":{"calls":1,)"
                R"("online_accounts":{"a.example":3,"b.example":4}}},"192.0.2.1":{"sip_proxy":)"
                R"({"online_accounts":{"a.example":10}}},)"
                R"("summary":{"sip_proxy":{"calls":1,"online_accounts":17}}})"));
  const auto& gw1 = all.at("members").at(0).at("statistics");
  EXPECT_EQ(gw1.at("text"), boost::json::parse(R"({"age_s":0,"figures":{"note":"x"}})"));
  EXPECT_EQ(all.at("members").at(2).at("statistics"), boost::json::object());
}

TEST_F(Figures, GoWithTheMember) {
  live({member("gw2", "192.0.2.1", {"sip_proxy"})});
  EXPECT_EQ(json().at("statistics").at("summary"),
            boost::json::parse(R"({"sip_proxy":{"online_accounts":10}})"));
  EXPECT_EQ(network_.figures().members(), 2U) << "the stranger may be admitted yet";
}

TEST_F(Figures, OfOtherMembersCannotSteerATerminal) {
  say("gw2", R"({"sip_proxy":{"\u001b[31m":1}})");
  EXPECT_THAT(list(), HasSubstr(R"(192.0.2.1 \x1b[31m=1)"));
}

} // namespace
} // namespace thor::monitor
