// Several managers, as consumers see them: whatever happens to the active one, another goes on
// where it ended, and DNS does not change.
#include "tests/scenario/membership/overlay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace thor::membership::test {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

constexpr model::partition_rule majority{model::partition_policy::majority, 3};

struct managers : testing::Test {
  overlay world{3};
  consumer_process* dns1 = nullptr;
  consumer_process* dns2 = nullptr;

  void start(model::partition_rule rule = {}) {
    for (const auto* name : {"m1", "m2", "m3"}) {
      world.start_manager(name, rule);
      world.run(100ms);
    }
    dns1 = &world.start_consumer("dns1");
    dns2 = &world.start_consumer("dns2");
    for (const auto* name : {"n1", "n2", "n3", "n4", "n5"})
      world.start_node(name);
    world.run_until([&] { return nodes(*dns1).size() == 5 && nodes(*dns2).size() == 5; });
    world.run(30s);
    ASSERT_THAT(world.active_managers(), SizeIs(1));
    epochs_ = dns1->epochs.size();
    serials_ = dns1->serials.size();
    since_ = nodes(*dns1);
  }

  static std::map<std::string, model::unix_time> nodes(const consumer_process& at) {
    std::map<std::string, model::unix_time> out;
    for (const auto& [id, m] : at.view.members)
      if (model::is_in_dns(m.what))
        out.emplace(id.text(), m.since);
    return out;
  }
  [[nodiscard]] std::size_t new_epochs() const { return dns1->epochs.size() - epochs_; }
  [[nodiscard]] model::epoch epoch() const { return dns1->view.where.at; }
  manager_process& active() { return world.the_manager(world.active_managers().front()); }
  std::vector<transition> transitions(const std::string& manager) {
    std::vector<transition> out;
    for (const auto& e : world.the_manager(manager).told)
      if (const auto* t = std::get_if<transition>(&e))
        out.push_back(*t);
    return out;
  }

  void expect_dns_unchanged() {
    EXPECT_EQ(dns1->serials.size(), serials_) << "DNS was touched";
    EXPECT_EQ(nodes(*dns1), since_);
  }
  /// Everybody shows the same status, with a serial that nobody has gone beyond.
  void expect_agreement() {
    ASSERT_THAT(world.active_managers(), SizeIs(1));
    const auto& status = active().machine().publisher().view();
    for (const auto* consumer : {dns1, dns2}) {
      EXPECT_EQ(consumer->view.where, status.where);
      EXPECT_EQ(consumer->view.serial, status.serial);
      EXPECT_EQ(consumer->view.members, status.members);
      EXPECT_EQ(consumer->view.serial, std::ranges::max(consumer->serials));
      EXPECT_TRUE(std::ranges::is_sorted(consumer->epochs));
    }
  }
  /// m1, es1, dns1, n1 and n2 on one side, all others on the other one.
  void split() {
    for (const auto* left : {"m1", "dns1", "n1", "n2"})
      for (const auto* server : {"es2", "es3"})
        world.cut(left, server);
    for (const auto* right : {"m2", "m3", "dns2", "n3", "n4", "n5"})
      world.cut(right, "es1");
  }

 private:
  std::size_t epochs_ = 0;
  std::size_t serials_ = 0;
  std::map<std::string, model::unix_time> since_;
};

TEST_F(managers, the_first_one_leads_and_the_others_know_all_that_it_knows) {
  start();
  EXPECT_THAT(world.active_managers(), ElementsAre("m1"));
  EXPECT_EQ(dns1->epochs.size(), 1U);
  for (const auto* name : {"m1", "m2", "m3"}) {
    const auto& machine = world.the_manager(name).machine();
    EXPECT_EQ(model::digest(machine.publisher().members()), model::digest(dns1->view.members));
    EXPECT_EQ(machine.publisher().view().members, dns1->view.members);
    EXPECT_THAT(machine.managers(), SizeIs(3));
  }
}

TEST_F(managers, a_killed_one_is_followed_after_the_grace) {
  start();
  world.kill_manager("m1");
  EXPECT_LE(world.run_until([&] { return new_epochs() == 1; }), close_grace + 20ms);
  EXPECT_EQ(epoch().manager, "m2");
  EXPECT_THAT(transitions("m2"),
              ElementsAre(transition{true, election::reason::incumbent_gone, epoch()}));
  expect_dns_unchanged();
  world.start_manager("m1");
  world.run(30s);
  EXPECT_EQ(new_epochs(), 1U);
  EXPECT_THAT(world.active_managers(), ElementsAre("m2"));
  expect_dns_unchanged();
  expect_agreement();
}

TEST_F(managers, one_that_leaves_is_followed_at_once) {
  start();
  world.the_manager("m1").tell(agent::stop{});
  EXPECT_LE(world.run_until([&] { return new_epochs() == 1; }), 20ms);
  expect_dns_unchanged();
}

struct hanging_manager : managers, testing::WithParamInterface<std::chrono::seconds> {};
INSTANTIATE_TEST_SUITE_P(pause, hanging_manager, testing::Values(1s, 8s, 60s),
                         [](const auto& p) { return std::to_string(p.param.count()) + "_s"; });

TEST_P(hanging_manager, is_followed_after_a_lease_and_yields_when_it_comes_back) {
  start();
  auto& m1 = world.the_manager("m1");
  m1.frozen = true;
  EXPECT_LE(world.run_until([&] { return new_epochs() == 1; }), lease + 20ms);
  world.run(GetParam());
  m1.frozen = false;
  EXPECT_LT(world.run_until([&] { return !m1.machine().choice().active(); }), 10s);
  world.run(30s);
  EXPECT_EQ(new_epochs(), 1U) << "no oscillation";
  EXPECT_EQ(transitions("m1").back().why, election::reason::higher_epoch);
  expect_dns_unchanged();
  expect_agreement();
}

TEST_F(managers, restarting_each_event_server_changes_nobody) {
  start();
  for (const auto& s : world.server_names()) {
    world.server(s).kill();
    world.run(2s);
    world.server(s).start();
    world.run(15s);
  }
  EXPECT_EQ(new_epochs(), 0U);
  expect_dns_unchanged();
  expect_agreement();
}

TEST_F(managers, each_side_of_a_partition_serves_what_it_sees_and_afterwards_one_goes_on) {
  start();
  split();
  world.run(30s);
  EXPECT_THAT(world.active_managers(), ElementsAre("m1", "m2"));
  EXPECT_THAT(nodes(*dns1), SizeIs(2));
  EXPECT_THAT(nodes(*dns2), SizeIs(3));
  world.start_node("n6"); // seen by both sides
  world.run(10s);
  world.heal();
  world.run(30s);
  EXPECT_THAT(world.active_managers(), ElementsAre("m2"));
  EXPECT_EQ(transitions("m1").back().why, election::reason::higher_epoch);
  EXPECT_THAT(nodes(*dns1), SizeIs(6));
  expect_agreement();
}

TEST_F(managers, under_majority_the_smaller_side_keeps_its_zone) {
  start(majority);
  ASSERT_THAT(world.active_managers(), ElementsAre("m1"));
  split();
  world.run(30s);
  EXPECT_THAT(world.active_managers(), ElementsAre("m2"));
  EXPECT_EQ(world.the_manager("m1").machine().choice().state(), election::role::minority);
  EXPECT_EQ(transitions("m1").back().why, election::reason::majority_lost);
  EXPECT_EQ(new_epochs(), 0U);
  expect_dns_unchanged();
  EXPECT_THAT(nodes(*dns2), SizeIs(3));
  world.heal();
  world.run(30s);
  EXPECT_THAT(world.active_managers(), ElementsAre("m2"));
  EXPECT_THAT(nodes(*dns1), SizeIs(5));
  expect_agreement();
}

TEST_F(managers, under_majority_the_last_of_three_waits_for_another) {
  start(majority);
  world.kill_manager("m1");
  world.run(1s);
  EXPECT_THAT(world.active_managers(), ElementsAre("m2"));
  world.kill_manager("m2");
  world.run(1s);
  EXPECT_THAT(world.active_managers(), SizeIs(0));
  world.kill_node("n1");
  world.run(30s);
  EXPECT_THAT(nodes(*dns1), SizeIs(5));
  world.start_manager("m1", majority);
  world.run(10s);
  EXPECT_THAT(nodes(*dns1), SizeIs(4));
  expect_agreement();
}

} // namespace
} // namespace thor::membership::test
