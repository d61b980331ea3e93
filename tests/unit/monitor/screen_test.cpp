#include "coordinator/monitor/screen.hpp"
#include "tests/unit/monitor/support.hpp"

namespace thor::monitor {
namespace {

using testing::HasSubstr;
using testing::Not;

class Screen : public NetworkTest {
 protected:
  frame drawn() { return screen_.draw(network_, now_, wall); }
  std::vector<std::string> lines() {
    std::vector<std::string> out;
    for (const auto& row : drawn().rows) {
      auto& text = out.emplace_back();
      for (const auto& part : row)
        text += part.text;
    }
    return out;
  }
  std::string text() {
    std::string out;
    for (const auto& line : lines())
      out += line + "\n";
    return out;
  }
  void press(key which) { EXPECT_TRUE(screen_.on_key({which})); }
  void type(std::string_view characters) {
    for (const char c : characters)
      EXPECT_TRUE(screen_.on_key({key::character, static_cast<char32_t>(c)}));
  }
  void fleet(int size) {
    std::vector<model::member> all;
    for (int i = 100; i < 100 + size; ++i)
      all.push_back(
          member("gw" + std::to_string(i), "192.0.2." + std::to_string(i), {"sip_proxy"}));
    live(all);
  }

  screen screen_{{.self = {"sip.example", id("watch1"), {}, {}},
                  .width = test_columns,
                  .local_time = [](model::unix_time at) {
                    return "T" + std::to_string(at.time_since_epoch().count());
                  }}};
};

TEST_F(Screen, ShowsTheWholeNetwork) {
  auto gw2 = member("gw2", "2001:db8::2", {"sip_proxy"});
  gw2.what.roles["sip_proxy"].state = model::role_state::draining;
  gw2.what.software = "thor-node 0.1.0";
  gw2.what.site = "ams1";
  live({member("gw1", "192.0.2.1", {"sip_proxy"}), gw2,
        database("d1", "192.0.2.3", {{10, "mysql://u@a/x"}}),
        member("dns1", "192.0.2.4", {"thor_dnsmanager"}),
        member("m1", "192.0.2.6", {"thor_manager"}, 50),
        member("watch1", "192.0.2.5", {"thor_monitor"})});
  report_dns("dns1", true, true);
  hear(heard_heartbeat{"es:1", {3, 7'200'000, false, 12, 0}});
  hear(server_failed{"es:2", "cannot connect"});
  screen_.on_resize(40, 120);
  const auto all = text();
  EXPECT_THAT(all, HasSubstr(" Thor network sip.example"));
  EXPECT_THAT(all, HasSubstr(" manager m1  confirmed  epoch 1750000000  sequence 1  serial 7"));
  EXPECT_THAT(all, HasSubstr("es:1                   up   es1, 12 members, runs for 2 h"));
  EXPECT_THAT(all, HasSubstr("es:2                   down cannot connect"));
  EXPECT_THAT(all, HasSubstr("serial 7  DEGRADED  DIVERGENT"));
  EXPECT_THAT(all, HasSubstr(" sip_proxy: 1 active, 1 draining\n"));
  EXPECT_THAT(all, HasSubstr("  gw2              2001:db8::2            draining T1750000000       "
                             "  thor-node 0.1.0  site ams1\n"));
  EXPECT_THAT(all, HasSubstr("\n    priority=10 mysql://u@a/x  the one to use\n"));
  EXPECT_THAT(all, HasSubstr("  priority=50  publishes"));
  EXPECT_THAT(
      all,
      HasSubstr("watch1           192.0.2.5              active   T1750000000           myself"));
}

TEST_F(Screen, ShowsWhomTheirChecksKeepOutOfARole) {
  auto sick = member("gw2", "192.0.2.9", {"xcap_server"});
  sick.what.attributes = {{"health.sip_proxy", "down: tcp \x1b: refused"},
                          {"health.xcap_server", "not seen yet: tcp 192.0.2.9:443"}};
  auto well = member("gw1", "192.0.2.1", {"sip_proxy"});
  well.what.attributes = {{"health.sip_proxy", "up"}};
  live({well, sick});
  screen_.on_resize(40, 120);
  const auto shown = text();
  EXPECT_THAT(shown, HasSubstr(" sip_proxy: 1 active, 1 not healthy\n"));
  EXPECT_THAT(shown, HasSubstr("  gw2              192.0.2.9              down     "
                               "tcp \\x1b: refused\n"));
  EXPECT_THAT(shown, HasSubstr("  gw2              192.0.2.9              active   T1750000000"
                               "           not seen yet: tcp 192.0.2.9:443\n"));
  EXPECT_THAT(shown, HasSubstr("  gw1              192.0.2.1              active   T1750000000"
                               "         \n"))
      << "nothing but its row";
}

TEST_F(Screen, SaysThatTheStatusIsStale) {
  EXPECT_THAT(text(), HasSubstr("no network status yet"));
  live({});
  pass(12s);
  EXPECT_THAT(text(), HasSubstr("STALE: heard 12 s ago"));
}

TEST_F(Screen, FillsExactlyWhateverTerminalThereIs) {
  fleet(30);
  for (std::size_t rows = 0; rows < 60; ++rows)
    for (const std::size_t columns_there : {0U, 1U, 7U, 79U, 80U, 200U}) {
      screen_.on_resize(rows, columns_there);
      const auto all = lines();
      ASSERT_EQ(rows, all.size());
      for (const auto& line : all)
        ASSERT_LE(columns(line, test_columns), columns_there) << line;
    }
}

TEST_F(Screen, ShowsNothingRawThatCameFromTheNetwork) {
  auto evil = member("gw1", "192.0.2.1", {"sip_proxy"});
  evil.what.software = "\x1b]0;owned\x07\xc2\x9b\x32J\xe4\xb8\xad\xe4\xb8\xad";
  live({evil});
  screen_.on_change({change_kind::server_down, wall, "es:1\x1b[H",
                     "\x9b"
                     "1m\r\n"});
  screen_.on_resize(30, 200);
  const auto all = text();
  EXPECT_THAT(all, HasSubstr("\\x1b]0;owned\\x07\\xc2\\x9b2J\xe4\xb8\xad\xe4\xb8\xad"));
  EXPECT_THAT(all, HasSubstr("es:1\\x1b[H \\x9b1m\\x0d\\x0a"));
  EXPECT_THAT(all, Not(HasSubstr("\x1b")));
}

TEST_F(Screen, ScrollsMembersByLinePageAndEnd) {
  fleet(100);
  screen_.on_resize(24, 80);
  EXPECT_THAT(text(), HasSubstr("gw100 "));
  EXPECT_THAT(text(), HasSubstr(" 1-14 of 101 \n"));
  press(key::down);
  press(key::down);
  EXPECT_THAT(text(), Not(HasSubstr("gw100 ")));
  press(key::up);
  EXPECT_THAT(text(), HasSubstr("gw100 "));
  press(key::end);
  EXPECT_THAT(text(), HasSubstr("gw199 "));
  press(key::down);
  EXPECT_THAT(text(), HasSubstr("gw199 "));
  press(key::page_up);
  EXPECT_THAT(text(), Not(HasSubstr("gw199 ")));
  press(key::home);
  EXPECT_THAT(text(), HasSubstr("gw100 "));
  type(" j");
  EXPECT_THAT(text(), Not(HasSubstr("gw100 ")));
}

TEST_F(Screen, ComesBackIntoViewWhenMembersGo) {
  fleet(100);
  screen_.on_resize(24, 80);
  text();
  press(key::end);
  hear_status(full({member("gw7", "192.0.2.7", {"sip_proxy"})}, 2));
  EXPECT_THAT(text(), HasSubstr("gw7 "));
}

TEST_F(Screen, FollowsChangesUntilScrolledBack) {
  live({});
  screen_.on_resize(24, 80);
  for (int i = 100; i < 150; ++i)
    screen_.on_change({change_kind::joined, wall, "gw" + std::to_string(i), ""});
  EXPECT_THAT(text(), HasSubstr("gw149"));
  press(key::tab);
  press(key::home);
  screen_.on_change({change_kind::gone, wall, "gw100", "left"});
  EXPECT_THAT(text(), HasSubstr("joined      gw100"));
  EXPECT_THAT(text(), Not(HasSubstr("gone")));
  press(key::end);
  EXPECT_THAT(text(), HasSubstr("gone        gw100 left"));
}

TEST_F(Screen, KeepsABoundedNumberOfChanges) {
  live({});
  for (std::size_t i = 0; i < changes_kept_max + 5; ++i)
    screen_.on_change({change_kind::joined, wall, "gw" + std::to_string(i), ""});
  screen_.on_resize(24, 120);
  EXPECT_THAT(text(), HasSubstr("of " + std::to_string(changes_kept_max)));
}

TEST_F(Screen, FiltersMembersAndChanges) {
  live({member("gw1", "192.0.2.1", {"sip_proxy"}), member("relay1", "192.0.2.2", {"media_relay"})});
  screen_.on_change({change_kind::joined, wall, "gw9", ""});
  screen_.on_change({change_kind::joined, wall, "relay9", ""});
  screen_.on_resize(30, 80);
  type("/RELAx");
  press(key::backspace);
  EXPECT_THAT(text(), HasSubstr("filter: RELA"));
  EXPECT_EQ(std::optional<std::size_t>(13), drawn().cursor_at);
  type("q"); // a character of the filter, not the end
  press(key::backspace);
  press(key::enter);
  EXPECT_EQ(std::nullopt, drawn().cursor_at);
  const auto filtered = text();
  EXPECT_THAT(filtered, HasSubstr("relay1"));
  EXPECT_THAT(filtered, HasSubstr("relay9"));
  EXPECT_THAT(filtered, Not(HasSubstr("gw1")));
  EXPECT_THAT(filtered, Not(HasSubstr("gw9")));
  EXPECT_THAT(filtered, Not(HasSubstr("sip_proxy")));
  press(key::escape);
  EXPECT_THAT(text(), HasSubstr("gw1"));
}

TEST_F(Screen, EditsAFilterByCharacterNotByOctet) {
  live({});
  type("/a");
  EXPECT_TRUE(screen_.on_key({key::character, 0x4e2d}));
  EXPECT_THAT(text(), HasSubstr("filter: a\xe4\xb8\xad "));
  press(key::backspace);
  EXPECT_THAT(text(), HasSubstr("filter: a "));
  EXPECT_TRUE(screen_.on_key({key::character, 0x1b}));
  EXPECT_TRUE(screen_.on_key({key::character, 0x202e}));
  EXPECT_THAT(text(), HasSubstr("filter: a "));
}

TEST_F(Screen, QuitsOnQ) {
  EXPECT_TRUE(screen_.on_key({key::character, U'x'}));
  EXPECT_FALSE(screen_.on_key({key::character, U'q'}));
}

TEST_F(Screen, ShowsSumsOfFiguresAndThoseOfEachMemberOnDemand) {
  live({member("gw1", "192.0.2.1", {"sip_proxy", "xcap_server"}),
        member("gw2", "192.0.2.2", {"sip_proxy"})});
  const auto say = [&](std::string_view who, std::string figures) {
    hear(heard_statistics{{id(who), std::move(figures), {}, {}}});
  };
  say("gw1",
      R"({"sip_proxy":{"online":{"a.example":3,"\u001b[31m":4}},"load":{"average_1m":0.5}})");
  say("gw2", R"({"sip_proxy":{"online":5}})");
  screen_.on_resize(40, 120);
  EXPECT_THAT(text(), HasSubstr(" sip_proxy: 2 active   online 12\n"));
  EXPECT_THAT(text(), Not(HasSubstr("average_1m")));
  type("s");
  EXPECT_THAT(text(), HasSubstr(R"(    sip_proxy:  online 7 (\x1b[31m 4, a.example 3)  0 s ago)"));
  EXPECT_THAT(text(), HasSubstr("    sip_proxy:  online 5  0 s ago\n"));
  const auto all = text();
  const auto load = all.find("    load:  average_1m 0.5  0 s ago\n");
  EXPECT_NE(load, std::string::npos);
  EXPECT_EQ(all.find("load:", load + 10), std::string::npos) << "once, though it has two roles";
  type("s");
  EXPECT_THAT(text(), Not(HasSubstr("average_1m")));
}

} // namespace
} // namespace thor::monitor
