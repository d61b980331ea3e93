// The life of an overlay as its consumers see it.
#include "tests/scenario/membership/overlay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::membership::test {
namespace {

using testing::SizeIs;

class life : public testing::TestWithParam<std::size_t> {
 protected:
  overlay world{GetParam()};
  consumer_process* dns = nullptr;

  void SetUp() override {
    world.start_manager();
    dns = &world.start_consumer("dns1");
    for (int i = 1; i <= 5; ++i)
      world.start_node(name(i));
    ASSERT_LT(world.run_until([&] { return shown() == 5; }), 10s);
    world.run(30s);
  }

  static std::string name(int number) { return "n" + std::to_string(number); }
  /// Nodes that DNS shows: managers are members, too.
  [[nodiscard]] std::size_t shown() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        dns->view.members, [](const auto& m) { return model::is_in_dns(m.second.what); }));
  }
  [[nodiscard]] bool shows(const std::string& node) const {
    return dns->view.members.contains(*model::node_id::parse(node));
  }
  [[nodiscard]] std::size_t withdrawals() {
    return static_cast<std::size_t>(std::ranges::count_if(
        world.the_manager().told, [](auto& e) { return std::holds_alternative<withdrawn>(e); }));
  }
  // Consumers, manager and event servers agree.
  void expect_agreement() {
    EXPECT_EQ(dns->view.members, world.the_manager().machine().publisher().members());
    EXPECT_EQ(dns->view.where, world.the_manager().machine().publisher().view().where);
    for (const auto& s : world.the_manager().machine().judge().servers())
      EXPECT_EQ(s.live_members, dns->view.members.size());
  }
  void expect_all_quiet() {
    EXPECT_EQ(shown(), 5U);
    EXPECT_THAT(dns->serials, SizeIs(serials_before_)) << "DNS was touched";
    expect_agreement();
  }
  void remember_serials() { serials_before_ = dns->serials.size(); }

 private:
  std::size_t serials_before_ = 0;
};

INSTANTIATE_TEST_SUITE_P(with, life, testing::Values(1, 2, 3),
                         [](const auto& p) { return std::to_string(p.param) + "_event_servers"; });

TEST_P(life, a_node_joins_drains_and_leaves_within_milliseconds) {
  world.start_node("n9");
  EXPECT_LE(world.run_until([&] { return shows("n9"); }), 20ms);
  world.run(1s);
  world.node("n9").announce(model::role_state::draining);
  EXPECT_LE(world.run_until([&] {
    return dns->view.members.at(*model::node_id::parse("n9")).what.roles.at("sip_proxy").state ==
           model::role_state::draining;
  }),
            20ms);
  world.run(1s);
  const auto before = world.now;
  world.leave("n9");
  world.run_until([&] { return !shows("n9"); });
  EXPECT_LE(world.now - before, 20ms);
  expect_agreement();
}

TEST_P(life, a_killed_node_goes_after_the_grace) {
  world.kill_node("n1");
  EXPECT_LE(world.run_until([&] { return !shows("n1"); }), close_grace + 20ms);
  EXPECT_EQ(shown(), 4U);
}

TEST_P(life, a_frozen_node_goes_at_the_end_of_its_lease_and_comes_back) {
  world.node("n1").frozen = true;
  const auto took = world.run_until([&] { return !shows("n1"); });
  EXPECT_GE(took, lease - 1s);
  EXPECT_LE(took, lease + 20ms);
  world.run(30s);
  world.node("n1").frozen = false;
  EXPECT_LE(world.run_until([&] { return shows("n1"); }), 10s);
  world.run(10s);
  EXPECT_EQ(withdrawals(), 1U);
  expect_agreement();
}

TEST_P(life, a_restarted_node_changes_no_record) {
  remember_serials();
  world.leave("n1", 10s);
  world.run(3s);
  world.start_node("n1");
  world.run(30s);
  expect_all_quiet();
}

TEST_P(life, a_node_that_crashes_and_is_back_within_the_grace_changes_no_record) {
  remember_serials();
  world.start_node("n1"); // kills the one before
  world.run(30s);
  expect_all_quiet();
}

TEST_P(life, restarting_the_manager_changes_no_record) {
  remember_serials();
  const auto epoch = dns->view.where.at;
  world.kill_manager();
  world.run(20s);
  world.start_manager();
  world.run(30s);
  EXPECT_GT(dns->view.where.at, epoch);
  expect_all_quiet();
}

TEST_P(life, what_happened_while_the_manager_was_away_is_told_by_the_new_one) {
  world.kill_manager();
  world.kill_node("n1");
  world.leave("n2");
  world.run(20s);
  world.start_node("n9");
  world.start_manager();
  EXPECT_LE(world.run_until([&] { return shows("n9") && !shows("n1") && !shows("n2"); }), 6s);
  world.run(30s);
  EXPECT_EQ(shown(), 4U);
  expect_agreement();
}

TEST_P(life, restarting_each_event_server_changes_no_record) {
  remember_serials();
  for (const auto& s : world.server_names()) {
    world.server(s).kill();
    world.run(2s);
    world.server(s).start();
    world.run(15s);
  }
  world.run(30s);
  expect_all_quiet();
}

TEST_P(life, a_long_outage_of_all_event_servers_changes_no_record) {
  remember_serials();
  for (const auto& s : world.server_names())
    world.server(s).kill();
  world.run(120s);
  for (const auto& s : world.server_names())
    world.server(s).start();
  world.run(60s);
  expect_all_quiet();
}

TEST_P(life, a_power_cut_of_manager_and_event_servers_empties_nothing) {
  world.kill_manager();
  for (const auto& s : world.server_names())
    world.server(s).kill();
  world.run(60s);
  for (const auto& s : world.server_names())
    world.server(s).start();
  world.start_manager();
  world.run(60s);
  EXPECT_EQ(dns->emptied, 0U);
  EXPECT_EQ(shown(), 5U);
  EXPECT_EQ(withdrawals(), 0U);
  expect_agreement();
}

TEST_P(life, a_paused_manager_withdraws_nobody) {
  remember_serials();
  world.the_manager().frozen = true;
  world.run(8s);
  world.the_manager().frozen = false;
  world.run(30s);
  expect_all_quiet();
}

TEST_P(life, a_paused_event_server_withdraws_nobody) {
  for (const auto pause : {1s, 2s, 4s, 20s}) {
    remember_serials();
    world.server("es1").frozen = true;
    world.run(pause);
    world.server("es1").frozen = false;
    world.run(60s);
    expect_all_quiet();
  }
}

TEST_P(life, a_paused_consumer_catches_up) {
  dns->frozen = true;
  world.kill_node("n1");
  world.run(5s);
  world.start_node("n9");
  world.run(5s);
  dns->frozen = false;
  world.run(10s);
  EXPECT_FALSE(shows("n1"));
  EXPECT_TRUE(shows("n9"));
  EXPECT_EQ(dns->gaps, 0U);
  expect_agreement();
}

TEST_P(life, a_late_consumer_gets_everything_at_once) {
  world.kill_node("n1");
  world.run(5s);
  auto& late = world.start_consumer("dns2");
  EXPECT_LE(world.run_until([&] { return late.view.known && late.view.members.size() == 5; }), 20ms)
      << "four nodes and the manager";
  EXPECT_EQ(late.view.members, dns->view.members);
}

TEST(crowd, of_three_hundred_joins_and_dies_and_everybody_agrees) {
  overlay world(3);
  world.start_manager();
  auto& dns = world.start_consumer("dns1");
  for (int i = 0; i < 300; ++i)
    world.start_node("n" + std::to_string(i), i % 2 == 0 ? "sip_proxy" : "media_relay");
  ASSERT_LT(world.run_until([&] { return dns.view.members.size() == 301; }), 10s);
  world.run(15s);
  for (int i = 0; i < 200; ++i)
    world.kill_node("n" + std::to_string(i));
  world.run(1s);
  EXPECT_EQ(dns.view.members.size(), 101U) << "and the manager";
  EXPECT_EQ(dns.view.members, world.the_manager().machine().publisher().members());
  EXPECT_EQ(dns.gaps, 0U);
}

} // namespace
} // namespace thor::membership::test
