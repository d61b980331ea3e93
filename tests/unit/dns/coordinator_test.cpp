#include "tests/unit/dns/support.hpp"

#include <gmock/gmock.h>

namespace thor::dns::test {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr model::unix_time wall0{std::chrono::seconds{1'800'000'000}};
constexpr std::uint32_t serial0 = 1'800'000'000;

/// A coordinator on a clock of its own.
class coordinator_test : public ::testing::Test {
 protected:
  model::time_point now{1h};
  model::unix_time wall = wall0;
  dns::coordinator machine{plan(), {.stale_max = 24h, .node_grace = 90s}};
  std::vector<effect> out;

  std::vector<zone::zone_input> published() {
    std::vector<zone::zone_input> zones;
    for (const auto& e : out)
      if (const auto* p = std::get_if<publish_zones>(&e))
        zones.push_back(p->inputs.front());
    return zones;
  }
  std::vector<std::string> notes(bool alarms) {
    std::vector<std::string> texts;
    for (const auto& e : out)
      if (const auto* n = std::get_if<note>(&e); n != nullptr && n->alarm == alarms)
        texts.push_back(n->text);
    return texts;
  }
  void advance(model::duration by) {
    now += by;
    wall = wall0 + std::chrono::duration_cast<std::chrono::seconds>(now - model::time_point{1h});
    while (machine.next_deadline() <= now)
      machine.on_deadline(now, wall, out);
  }
  void start(const restored* last = nullptr) {
    machine.start(now, wall, {}, last, out);
    now += 10ms;
  }
  void status(const model::status_event& event, const std::string& server = "es1") {
    machine.on_status(now, wall, server, event, out);
  }
  void forget() { out.clear(); }

  static model::position at(std::uint64_t sequence, std::uint64_t counter = serial0) {
    return {{counter, "gw1"}, sequence};
  }
  static model::status_full full(std::uint64_t sequence, std::uint32_t serial,
                                 std::vector<model::member> who) {
    return {at(sequence), serial, members(std::move(who))};
  }
  static model::member proxy(std::string_view who) {
    return member(who, {"192.0.2.1"}, {"sip_proxy"});
  }
};

TEST_F(coordinator_test, first_zone_has_static_names_and_no_dynamic_ones) {
  start();
  ASSERT_THAT(published(), SizeIs(1));
  EXPECT_FALSE(published()[0].dynamic_known);
  EXPECT_EQ(published()[0].soa.serial, serial_before_any_status);
  EXPECT_EQ(machine.state(), feed_state::unknown);
}

TEST_F(coordinator_test, an_empty_status_makes_the_names_known_and_empty) {
  start();
  forget();
  status(full(1, serial0 + 5, {}));
  ASSERT_THAT(published(), SizeIs(1));
  EXPECT_TRUE(published()[0].dynamic_known);
  EXPECT_THAT(lines_at(published()[0], "_sip._udp"), ElementsAre("_sip._udp -"));
  EXPECT_EQ(machine.state(), feed_state::fresh);
}

TEST_F(coordinator_test, a_change_is_published_at_once_with_the_managers_serial) {
  start();
  status(full(1, serial0 + 5, {}));
  advance(1s);
  forget();
  status(model::status_delta{at(2), serial0 + 6, {proxy("n1")}, {}});
  ASSERT_THAT(published(), SizeIs(1));
  EXPECT_EQ(published()[0].soa.serial, serial0 + 6);
  EXPECT_THAT(lines_at(published()[0], "_sip._udp"), SizeIs(1));
}

TEST_F(coordinator_test, a_burst_becomes_two_publications) {
  start();
  status(full(1, serial0 + 5, {}));
  advance(1s);
  forget();
  status(model::status_delta{at(2), serial0 + 6, {proxy("n1")}, {}});
  status(model::status_delta{at(3), serial0 + 7, {proxy("n2")}, {}});
  status(model::status_delta{at(4), serial0 + 8, {proxy("n3")}, {}});
  EXPECT_THAT(published(), SizeIs(1));
  advance(coalesce_interval);
  ASSERT_THAT(published(), SizeIs(2));
  EXPECT_THAT(lines_at(published()[1], "_sip._udp"), SizeIs(3));
  EXPECT_EQ(published()[1].soa.serial, serial0 + 8);
}

TEST_F(coordinator_test, the_same_status_from_a_second_server_changes_nothing) {
  start();
  status(full(1, serial0 + 5, {proxy("n1")}), "es1");
  forget();
  status(full(1, serial0 + 5, {proxy("n1")}), "es2");
  EXPECT_THAT(out, IsEmpty());
}

TEST_F(coordinator_test, a_gap_asks_that_server_again_and_keeps_the_zone) {
  start();
  status(full(1, serial0 + 5, {proxy("n1")}));
  forget();
  status(model::status_delta{at(3), serial0 + 7, {proxy("n2")}, {}}, "es2");
  EXPECT_THAT(published(), IsEmpty());
  const auto again = std::ranges::find_if(
      out, [](const effect& e) { return std::holds_alternative<resubscribe_to>(e); });
  ASSERT_NE(again, out.end());
  EXPECT_EQ(std::get<resubscribe_to>(*again).server, "es2");
}

TEST_F(coordinator_test, a_lower_epoch_is_ignored_and_a_far_future_one_is_an_alarm) {
  start();
  status(full(1, serial0 + 5, {proxy("n1")}));
  forget();
  status(model::status_full{at(9, serial0 - 1), serial0 + 99, {}});
  EXPECT_THAT(out, IsEmpty());
  status(model::status_full{at(9, serial0 + 3'700), serial0 + 99, {}});
  EXPECT_THAT(published(), IsEmpty());
  EXPECT_THAT(notes(true), ElementsAre(HasSubstr("an hour ahead")));
}

TEST_F(coordinator_test, losing_the_feed_keeps_the_zone_until_it_is_too_old) {
  start();
  status(full(1, serial0 + 5, {proxy("n1")}));
  forget();
  advance(feed_silence_max);
  EXPECT_EQ(machine.state(), feed_state::stale);
  EXPECT_THAT(notes(true), ElementsAre(HasSubstr("last good zone")));
  advance(23h);
  EXPECT_THAT(published(), IsEmpty());
  advance(1h);
  ASSERT_THAT(published(), SizeIs(1));
  EXPECT_FALSE(published()[0].dynamic_known);
  EXPECT_EQ(machine.state(), feed_state::unknown);
}

TEST_F(coordinator_test, a_feed_that_returns_after_expiry_makes_the_names_known_again) {
  start();
  status(full(1, serial0 + 5, {proxy("n1")}));
  advance(25h);
  advance(1s);
  forget();
  status(model::status_beat{at(1), serial0 + 5, model::digest(members({proxy("n1")}))});
  ASSERT_THAT(published(), SizeIs(1));
  EXPECT_TRUE(published()[0].dynamic_known);
  EXPECT_THAT(lines_at(published()[0], "_sip._udp"), SizeIs(1));
}

TEST_F(coordinator_test, a_restart_serves_the_last_zone_at_once_and_its_serial_never_falls) {
  const restored last{at(7), serial0 + 500, wall0 - 1h, false, false, members({proxy("n1")})};
  start(&last);
  ASSERT_THAT(published(), SizeIs(1));
  EXPECT_THAT(lines_at(published()[0], "_sip._udp"), SizeIs(1));
  EXPECT_EQ(published()[0].soa.serial, serial0 + 500);
  EXPECT_EQ(machine.state(), feed_state::stale);
}

TEST_F(coordinator_test, another_zone_than_before_the_restart_gets_another_serial) {
  const restored last{at(7), serial0 + 500, wall0 - 1h, false, false, members({proxy("n1")})};
  start(&last);
  forget();
  machine.on_zone_differs(now, out);
  ASSERT_THAT(published(), SizeIs(1));
  EXPECT_EQ(published()[0].soa.serial, serial0 + 501);
}

TEST_F(coordinator_test, a_quiet_network_is_written_down_now_and_then) {
  start();
  status(full(1, serial0 + 5, {proxy("n1")}));
  forget();
  for (int i = 0; i < 120; ++i) {
    advance(1s);
    status(model::status_beat{at(1), serial0 + 5, model::digest(members({proxy("n1")}))});
  }
  EXPECT_THAT(published(), IsEmpty());
  EXPECT_EQ(std::ranges::count_if(
                out, [](const effect& e) { return std::holds_alternative<remember>(e); }),
            2);
  EXPECT_EQ(machine.to_persist().heard_at, wall);
}

TEST_F(coordinator_test, a_zone_older_than_a_day_is_not_served_after_a_restart) {
  const restored last{at(7), serial0 - 5, wall0 - 25h, false, false, members({proxy("n1")})};
  start(&last);
  EXPECT_FALSE(published().at(0).dynamic_known);
  EXPECT_EQ(machine.state(), feed_state::unknown);
  forget();
  status(model::status_full{at(1, serial0 - 3'000), serial0, {}});
  EXPECT_THAT(published(), IsEmpty()) << "the epoch of before the restart still fences";
  status(full(3, serial0, {proxy("n1")}));
  EXPECT_THAT(published(), SizeIs(1)) << "what is retained of that epoch mends the view";
}

TEST_F(coordinator_test, a_node_name_outlives_its_member_by_the_grace) {
  start();
  status(full(1, serial0 + 5, {proxy("n1")}));
  advance(1s);
  status(model::status_delta{at(2), serial0 + 6, {}, {{id("n1"), model::withdrawal::left}}});
  EXPECT_THAT(lines_at(published().back(), "n1.node"), ElementsAre("n1.node 30 A 192.0.2.1"));
  EXPECT_THAT(lines_at(published().back(), "_sip._udp"), ElementsAre("_sip._udp -"));
  forget();
  advance(90s);
  ASSERT_THAT(published(), SizeIs(1));
  EXPECT_THAT(lines_at(published()[0], "n1.node"), IsEmpty());
  EXPECT_EQ(published()[0].soa.serial, serial0 + 7);
}

TEST_F(coordinator_test, a_change_that_dns_does_not_show_publishes_nothing) {
  start();
  status(full(1, serial0 + 5, {proxy("n1")}));
  advance(1s);
  forget();
  auto busier = proxy("n1");
  busier.what.at.sequence = 2;
  busier.what.attributes["load"] = "0.7";
  status(model::status_delta{at(2), serial0 + 5, {busier}, {}});
  EXPECT_THAT(published(), IsEmpty());
  EXPECT_EQ(machine.view().members.at(id("n1")).what.attributes.at("load"), "0.7");
}

TEST_F(coordinator_test, operator_records_are_published_with_a_serial_of_their_own) {
  start();
  status(full(1, serial0 + 5, {}));
  advance(1s);
  forget();
  const std::vector<zone::rrset> www{
      {name("www.sipthor.example"), zone::rr_type::a, 60, {zone::a_rdata{{192, 0, 2, 80}}}, 0}};
  machine.on_operator_rrsets(now, www, out);
  ASSERT_THAT(published(), SizeIs(1));
  EXPECT_EQ(published()[0].soa.serial, serial0 + 6);
  EXPECT_TRUE(machine.divergent()) << "until the manager passes it";
  forget();
  machine.on_operator_rrsets(now, www, out);
  EXPECT_THAT(out, IsEmpty());
  status(model::status_delta{at(2), serial0 + 6, {proxy("n1")}, {}});
  advance(coalesce_interval);
  EXPECT_EQ(published().back().soa.serial, serial0 + 7)
      << "ours was ahead: one more, never the same again";
}

TEST_F(coordinator_test, another_plan_is_published_once_with_a_serial_of_its_own) {
  start();
  status(full(1, serial0 + 5, {proxy("n1")}));
  advance(1s);
  forget();
  machine.on_plan(now, plan(), {}, out);
  EXPECT_THAT(out, IsEmpty()) << "the same plan";
  auto with = config();
  with.roles.push_back({.role = "billing", .address_name = "billing"});
  const std::vector<zone::rrset> www{
      {name("www.sipthor.example"), zone::rr_type::a, 60, {zone::a_rdata{{192, 0, 2, 80}}}, 0}};
  machine.on_plan(now, *zone_plan::make(with), www, out);
  advance(1s);
  ASSERT_THAT(published(), SizeIs(1));
  const auto zone = published()[0];
  EXPECT_EQ(zone.soa.serial, serial0 + 6);
  EXPECT_THAT(lines_at(zone, "billing"), ElementsAre("billing -"));
  EXPECT_THAT(lines_at(zone, "www"), ElementsAre("www 60 A 192.0.2.80"));
  EXPECT_THAT(lines_at(zone, "proxy"), SizeIs(1)) << "the members stay";
  EXPECT_EQ(machine.plan().roles().size(), with.roles.size());
}

TEST_F(coordinator_test, another_plan_of_a_zone_that_is_the_same_is_not_published) {
  start();
  status(full(1, serial0 + 5, {}));
  advance(1s);
  forget();
  auto with = config();
  with.roles.front().member_ttl_s = 5; // of records that are not there
  with.roles.push_back({.role = "hidden", .is_public = false});
  machine.on_plan(now, *zone_plan::make(with), {}, out);
  EXPECT_THAT(out, IsEmpty());
  EXPECT_EQ(machine.plan().roles().back().role, "hidden");
}

TEST_F(coordinator_test, a_later_epoch_with_a_serial_that_was_served_already_is_stepped_past) {
  start();
  status(full(1, serial0 + 5, {}));
  advance(1s);
  forget();
  status(model::status_full{at(0, serial0 + 1), serial0 + 2, members({proxy("n1")})});
  ASSERT_THAT(published(), SizeIs(1));
  EXPECT_EQ(published()[0].soa.serial, serial0 + 6);
  EXPECT_TRUE(machine.divergent());
  status(model::status_delta{at(1, serial0 + 1), serial0 + 7, {}, {}});
  EXPECT_EQ(machine.serial(), serial0 + 7);
  EXPECT_FALSE(machine.divergent());
}

} // namespace
} // namespace thor::dns::test
