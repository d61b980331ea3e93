// thor-dns in a whole overlay on injected time, with real brokers, agents and managers, while
// managers and event servers go and come back.
#include "coordinator/membership/hearing.hpp"
#include "tests/scenario/membership/overlay.hpp"
#include "tests/unit/dns/support.hpp"

#include <gmock/gmock.h>

#include <set>

namespace thor::dns::test {
namespace {

using namespace std::chrono_literals;
using membership::test::overlay;
using ::testing::Each;
using ::testing::SizeIs;

using set = std::set<std::string>;

/// The edge around one coordinator: what dns_service is, without zones.
class dns_process final : public membership::test::member_process {
 public:
  dns_process(overlay& world, model::partition_policy policy, const restored* last)
      : member_process(world, "dns1", {"thor_dnsmanager"}, topics(policy), true)
      , machine(plan(), {.stale_max = 24h,
                         .node_grace = 90s,
                         .policy = policy,
                         .event_servers = world.server_names().size()}) {
    tell(agent::announce{member("dns1", {"192.0.2.53"}, {"thor_dnsmanager"}).what});
    std::vector<effect> out;
    machine.start(world_.now, world_.wall(), {}, last, out);
    perform(out);
  }

  [[nodiscard]] model::time_point next_deadline() const override {
    return std::min(member_process::next_deadline(), machine.next_deadline());
  }
  void on_deadline() override {
    if (member_process::next_deadline() <= world_.now)
      member_process::on_deadline();
    if (machine.next_deadline() > world_.now)
      return;
    std::vector<effect> out;
    machine.on_deadline(world_.now, world_.wall(), out);
    perform(out);
  }

  /// The proxies that DNS shows, in each zone since the last call of forget().
  std::vector<set> zones;
  std::vector<std::uint32_t> serials;
  void forget() {
    zones.clear();
    serials.clear();
  }

  coordinator machine;

 private:
  static std::vector<wire::topic> topics(model::partition_policy policy) {
    if (policy == model::partition_policy::majority)
      return {wire::topic::members};
    return {wire::topic::members, wire::topic::leave, wire::topic::presence};
  }
  void on_up(const std::string& server, const wire::welcome& hello) override {
    hear(membership::server_up{server, hello});
  }
  void on_down(const std::string& server) override { hear(membership::server_down{server}); }
  void on_message(const std::string& server, const wire::server_message& m) override {
    if (const auto heard = *membership::hear(server, m))
      return hear(*heard);
    const auto* e = std::get_if<wire::event>(&m);
    if (e == nullptr || e->what.about != wire::topic::members)
      return;
    std::vector<effect> out;
    machine.on_status(world_.now, world_.wall(), server, *wire::decode_status(e->what.body), out);
    perform(out);
  }
  void hear(const membership::input& in) {
    std::vector<effect> out;
    machine.on_facts(world_.now, world_.wall(), in, out);
    perform(out);
  }
  void perform(const std::vector<effect>& out) {
    for (const auto& e : out) {
      if (const auto* again = std::get_if<resubscribe_to>(&e))
        tell(agent::resubscribe{again->server});
      const auto* wanted = std::get_if<publish_zones>(&e);
      if (wanted == nullptr)
        continue;
      serials.push_back(wanted->inputs.front().soa.serial);
      auto& proxies = zones.emplace_back();
      for (const auto& line : lines_at(wanted->inputs.front(), "_sip._udp"))
        if (const auto at = line.find(" 5060 "); at != std::string::npos)
          proxies.insert(line.substr(at + 6, line.find('.', at) - at - 6));
    }
  }
};

class without_manager_test : public ::testing::Test {
 protected:
  overlay net{3};
  dns_process* dns = nullptr;

  void start_dns(model::partition_policy policy = model::partition_policy::available,
                 const restored* last = nullptr) {
    auto made = std::make_unique<dns_process>(net, policy, last);
    dns = made.get();
    net.start_member(std::move(made));
  }
  /// Three proxies under one manager, for a while.
  void settle(model::partition_policy policy = model::partition_policy::available) {
    net.start_manager("m1", {policy, 1});
    start_dns(policy);
    for (const auto* node : {"gw1", "gw2", "gw3"})
      net.start_node(node);
    net.run(20s);
    ASSERT_EQ(dns->machine.state(), feed_state::fresh);
    ASSERT_EQ(dns->zones.back(), (set{"gw1", "gw2", "gw3"}));
    dns->forget();
  }
  void restart_dns() {
    const auto last = dns->machine.to_persist();
    start_dns(model::partition_policy::available, &last);
  }
};

TEST_F(without_manager_test, joins_leaves_and_crashes_show_and_a_manager_takes_over_unnoticed) {
  settle();
  net.kill_manager();
  net.kill_node("gw1");
  net.leave("gw2");
  net.start_node("gw4");
  net.run(5s);
  EXPECT_EQ(dns->machine.state(), feed_state::degraded);
  EXPECT_EQ(dns->zones.back(), (set{"gw3", "gw4"}));
  dns->forget();
  net.run(30s);
  net.start_manager();
  net.run(30s);
  EXPECT_EQ(dns->machine.state(), feed_state::fresh);
  EXPECT_THAT(dns->zones, Each(set{"gw3", "gw4"})) << "nobody missed, nobody brought back";
  EXPECT_TRUE(std::ranges::is_sorted(dns->serials));
}

TEST_F(without_manager_test, a_manager_that_hung_is_followed_again_when_it_knows_what_we_know) {
  settle();
  net.the_manager().frozen = true;
  net.run(5s);
  net.start_node("gw4");
  net.kill_node("gw1");
  net.run(20s);
  EXPECT_EQ(dns->machine.state(), feed_state::degraded);
  ASSERT_EQ(dns->zones.back(), (set{"gw2", "gw3", "gw4"}));
  dns->forget();
  net.the_manager().frozen = false;
  net.run(40s);
  EXPECT_EQ(dns->machine.state(), feed_state::fresh);
  EXPECT_THAT(dns->zones, Each(set{"gw2", "gw3", "gw4"}));
}

TEST_F(without_manager_test, event_servers_that_restart_in_turn_change_nothing) {
  settle();
  net.kill_manager();
  net.run(10s);
  dns->forget();
  for (const auto& name : net.server_names()) {
    net.server(name).kill();
    net.run(2s);
    net.server(name).start();
    net.run(20s);
  }
  EXPECT_THAT(dns->zones, SizeIs(0));
  EXPECT_EQ(dns->machine.state(), feed_state::degraded);
}

TEST_F(without_manager_test, event_servers_that_restart_together_change_nothing) {
  settle();
  net.kill_manager();
  net.run(10s);
  dns->forget();
  for (const auto& name : net.server_names())
    net.server(name).kill();
  net.run(5s);
  EXPECT_EQ(dns->machine.state(), feed_state::stale);
  for (const auto& name : net.server_names())
    net.server(name).start();
  net.run(40s);
  EXPECT_THAT(dns->zones, SizeIs(0));
  EXPECT_EQ(dns->machine.state(), feed_state::degraded);
}

TEST_F(without_manager_test, cut_off_from_everybody_it_accuses_nobody) {
  settle();
  for (const auto& name : net.server_names())
    net.cut("dns1", name);
  net.run(60s);
  EXPECT_EQ(dns->machine.state(), feed_state::stale);
  EXPECT_THAT(dns->zones, SizeIs(0));
  net.heal();
  net.run(30s);
  EXPECT_EQ(dns->machine.state(), feed_state::fresh);
  EXPECT_THAT(dns->zones, SizeIs(0));
}

TEST_F(without_manager_test, a_restart_of_thor_dns_on_its_own_changes_nothing) {
  settle();
  net.kill_manager();
  net.start_node("gw4");
  net.run(10s);
  restart_dns();
  net.run(1s);
  net.start_manager();
  net.run(30s);
  EXPECT_EQ(dns->machine.state(), feed_state::fresh);
  EXPECT_THAT(dns->zones, Each(set{"gw1", "gw2", "gw3", "gw4"}));
}

TEST_F(without_manager_test, a_restart_together_with_all_event_servers_changes_nothing) {
  settle();
  net.kill_manager();
  net.run(10s);
  for (const auto& name : net.server_names())
    net.server(name).kill();
  net.run(20s);
  restart_dns();
  for (const auto& name : net.server_names())
    net.server(name).start();
  net.run(40s);
  EXPECT_EQ(dns->machine.state(), feed_state::degraded);
  EXPECT_THAT(dns->zones, Each(set{"gw1", "gw2", "gw3"}));
}

TEST_F(without_manager_test, under_majority_the_zone_stays_until_a_manager_is_back) {
  settle(model::partition_policy::majority);
  net.kill_manager();
  net.kill_node("gw1");
  net.start_node("gw4");
  net.run(10min);
  EXPECT_EQ(dns->machine.state(), feed_state::stale);
  EXPECT_THAT(dns->zones, SizeIs(0));
  net.start_manager("m1", {model::partition_policy::majority, 1});
  net.run(20s);
  EXPECT_EQ(dns->zones.back(), (set{"gw2", "gw3", "gw4"}));
}

} // namespace
} // namespace thor::dns::test
