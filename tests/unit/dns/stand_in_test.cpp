// Standing in for a manager: when thor-dns judges for itself, what the zone shows then, and how it
// goes back to following.
#include "tests/unit/dns/support.hpp"

#include <gmock/gmock.h>

#include <set>

namespace thor::dns::test {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint32_t serial0 = 1'800'000'000;

/// One event server as the coordinator hears it: alive, it beats every second.
struct event_server {
  std::string link;
  bool up = false;
  std::map<model::node_id, model::version> live{};
  std::uint64_t beat = 0;
  model::time_point beat_at{};
};

class stand_in_test : public ::testing::Test {
 protected:
  explicit stand_in_test(coordinator_options how = {.stale_max = 24h,
                                                    .node_grace = 90s,
                                                    .policy = model::partition_policy::available,
                                                    .event_servers = 2})
      : options(how)
      , machine(plan(), how) {}

  const coordinator_options options;
  model::time_point now{1h};
  dns::coordinator machine;
  std::vector<effect> out;
  std::vector<event_server> servers{{.link = "es1"}, {.link = "es2"}};
  std::optional<model::status_full> managed; ///< a manager lives and beats at this status

  [[nodiscard]] model::unix_time wall() const {
    return model::unix_time{std::chrono::seconds{serial0}} +
           std::chrono::duration_cast<std::chrono::seconds>(now - model::time_point{1h});
  }

  // ---- the world

  void start(const restored* last = nullptr) { machine.start(now, wall(), {}, last, out); }
  void fact(const membership::input& in) { machine.on_facts(now, wall(), in, out); }
  void status(const model::status_event& s) { machine.on_status(now, wall(), "es1", s, out); }

  /// Event servers that have run for a day.
  void connect() {
    for (auto& s : servers)
      connect(s);
  }
  void connect(event_server& s, std::uint64_t age_ms = 86'400'000) {
    s.up = true;
    fact(membership::server_up{s.link, {s.link, "0123456789abcdef", age_ms, false, 1000, 3000}});
    for (const auto& [who, at] : s.live)
      if (known.contains(who))
        fact(membership::heard_presence{
            s.link, known.at(who).what, {who, at, wire::fact_state::connected, 0}});
    fact(membership::server_synced{s.link});
    s.beat_at = now;
  }
  void disconnect() {
    for (auto& s : servers) {
      s.up = false;
      fact(membership::server_down{s.link});
    }
  }
  void join(const model::member& m) {
    known.insert_or_assign(m.what.id, m);
    for (auto& s : servers) {
      s.live[m.what.id] = m.what.at;
      if (s.up)
        fact(membership::heard_presence{
            s.link, m.what, {m.what.id, m.what.at, wire::fact_state::connected, 0}});
    }
  }
  void crash(const std::string& who) {
    for (auto& s : servers) {
      const auto at = s.live.at(id(who));
      s.live.erase(id(who));
      if (s.up)
        fact(membership::heard_fact{s.link, {id(who), at, wire::fact_state::closed, 0}});
    }
  }
  void start_manager(std::vector<model::member> who, std::uint64_t counter = serial0) {
    join(member("m1", {"192.0.2.100"}, {"thor_manager"}));
    who.push_back(known.at(id("m1")));
    managed = model::status_full{{{counter, "m1"}, 1}, serial0 + 100, members(std::move(who))};
    status(*managed);
  }
  void kill_manager() {
    managed.reset();
    crash("m1");
  }

  /// Time passes: whoever is there beats every second, the machine's deadlines are kept.
  void run(model::duration time) {
    const auto end = now + time;
    while (now < end) {
      now += 10ms;
      for (auto& s : servers)
        if (s.up && now >= s.beat_at + 1s)
          beat(s);
      if (managed && now >= manager_beat_at + 1s) {
        manager_beat_at = now;
        status(
            model::status_beat{managed->where, managed->serial, model::digest(managed->members)});
      }
      while (machine.next_deadline() <= now)
        machine.on_deadline(now, wall(), out);
    }
  }
  void beat(event_server& s) {
    s.beat_at = now;
    std::uint64_t digest = 0;
    for (const auto& [who, at] : s.live)
      digest ^= model::digest_of(who, at);
    fact(membership::server_heartbeat{
        s.link, {++s.beat, 86'400'000 + s.beat * 1000, false, s.live.size(), digest}});
  }

  // ---- what came of it

  /// The targets of _sip._udp in every zone published since the last call of forget().
  std::vector<std::set<std::string>> proxies() {
    std::vector<std::set<std::string>> all;
    for (const auto& e : out)
      if (const auto* p = std::get_if<publish_zones>(&e)) {
        auto& now_there = all.emplace_back();
        for (const auto& line : lines_at(p->inputs.front(), "_sip._udp"))
          if (const auto at = line.find(" 5060 "); at != std::string::npos)
            now_there.insert(line.substr(at + 6, line.find('.', at) - at - 6));
      }
    return all;
  }
  std::vector<std::uint32_t> serials() {
    std::vector<std::uint32_t> all;
    for (const auto& e : out)
      if (const auto* p = std::get_if<publish_zones>(&e))
        all.push_back(p->inputs.front().soa.serial);
    return all;
  }
  std::vector<std::string> alarms() {
    std::vector<std::string> words;
    for (const auto& e : out)
      if (const auto* n = std::get_if<note>(&e); n != nullptr && n->alarm)
        words.emplace_back(n->word);
    return words;
  }
  void forget() { out.clear(); }

  static model::member proxy(std::string_view who) {
    return member(who, {"192.0.2.1"}, {"sip_proxy"});
  }
  /// gw1 and gw2 under a manager, for a while.
  void settle() {
    start();
    connect();
    join(proxy("gw1"));
    join(proxy("gw2"));
    start_manager({proxy("gw1"), proxy("gw2")});
    run(20s);
    ASSERT_EQ(machine.state(), feed_state::fresh);
    forget();
  }

  std::map<model::node_id, model::member> known;
  model::time_point manager_beat_at{};
};

using set = std::set<std::string>;

TEST_F(stand_in_test, the_last_manager_gone_changes_nothing_in_the_zone) {
  settle();
  kill_manager();
  run(60s);
  EXPECT_EQ(machine.state(), feed_state::degraded);
  EXPECT_THAT(proxies(), IsEmpty());
  EXPECT_EQ(machine.serial(), serial0 + 100);
  EXPECT_FALSE(machine.divergent());
  EXPECT_THAT(alarms(), ElementsAre("manager_lost", "degraded"));
}

TEST_F(stand_in_test, joins_and_crashes_show_within_seconds_of_its_death) {
  settle();
  kill_manager();
  run(100ms);
  join(proxy("gw3"));
  crash("gw1");
  run(3s);
  EXPECT_THAT(proxies(), ElementsAre(set{"gw2", "gw3"}));
  EXPECT_TRUE(machine.divergent());
  forget();
  join(proxy("gw4"));
  run(10ms);
  EXPECT_THAT(proxies(), ElementsAre(set{"gw2", "gw3", "gw4"})) << "at once from then on";
}

TEST_F(stand_in_test, serials_of_its_own_follow_the_clock_and_only_rise) {
  settle();
  kill_manager();
  run(200s);
  forget();
  join(proxy("gw3"));
  join(proxy("gw4"));
  run(1s);
  const auto seconds = static_cast<std::uint32_t>(wall().time_since_epoch().count());
  ASSERT_THAT(serials(), SizeIs(2));
  EXPECT_NEAR(serials()[0], seconds, 1);
  EXPECT_EQ(serials()[1], serials()[0] + 1);
}

TEST_F(stand_in_test, members_of_the_last_status_of_whom_nobody_spoke_are_judged_by_the_rules) {
  const restored last{{{serial0 - 50, "m1"}, 7},
                      serial0 + 100,
                      model::unix_time{std::chrono::seconds{serial0 - 60}},
                      false,
                      false,
                      members({proxy("gw1"), proxy("gw2")})};
  servers[0].live = servers[1].live = {{id("gw1"), {1, 1}}};
  known.insert_or_assign(id("gw1"), proxy("gw1"));
  start(&last);
  forget();
  connect();
  run(2900ms);
  EXPECT_EQ(machine.state(), feed_state::stale) << "a manager is given the time to be heard";
  run(5s);
  EXPECT_EQ(machine.state(), feed_state::degraded);
  EXPECT_THAT(proxies(), ElementsAre(set{"gw1"})) << "nobody knows gw2";
}

TEST_F(stand_in_test,
       members_of_the_last_zone_get_the_time_to_come_to_event_servers_that_just_started) {
  const restored last{{{serial0 - 50, "m1"}, 7},
                      serial0 + 100,
                      model::unix_time{std::chrono::seconds{serial0 - 60}},
                      false,
                      false,
                      members({proxy("gw1"), proxy("gw2")})};
  start(&last);
  forget();
  for (auto& s : servers)
    connect(s, 500);
  run(5s);
  EXPECT_EQ(machine.state(), feed_state::degraded);
  join(proxy("gw1"));
  run(2s);
  EXPECT_THAT(proxies(), IsEmpty());
  run(20s);
  EXPECT_THAT(proxies(), ElementsAre(set{"gw1"})) << "gw2 had its time";
}

TEST_F(stand_in_test, event_servers_that_just_started_take_nobody_away) {
  settle();
  kill_manager();
  run(5s);
  disconnect();
  for (auto& s : servers)
    s.live.clear();
  run(500ms);
  for (auto& s : servers) {
    connect(s, 500);
    s.beat = 0;
  }
  run(8s);
  EXPECT_THAT(proxies(), IsEmpty());
  join(proxy("gw1"));
  join(proxy("gw2"));
  run(20s);
  EXPECT_THAT(proxies(), IsEmpty());
  EXPECT_EQ(machine.state(), feed_state::degraded);
}

TEST_F(stand_in_test, cut_off_from_all_event_servers_it_withdraws_nobody) {
  settle();
  kill_manager();
  run(5s);
  forget();
  disconnect();
  run(1h);
  EXPECT_EQ(machine.state(), feed_state::stale);
  EXPECT_THAT(proxies(), IsEmpty());
  EXPECT_THAT(alarms(), ElementsAre("facts_lost"));
  connect();
  run(20s);
  EXPECT_EQ(machine.state(), feed_state::degraded);
  EXPECT_THAT(proxies(), IsEmpty());
}

TEST_F(stand_in_test, cut_off_for_longer_than_stale_max_it_shows_nothing_until_facts_return) {
  settle();
  kill_manager();
  run(5s);
  disconnect();
  forget();
  now += 24h;
  run(10ms);
  EXPECT_EQ(machine.state(), feed_state::unknown);
  EXPECT_THAT(proxies(), ElementsAre(set{}));
  forget();
  connect();
  run(1s);
  EXPECT_EQ(machine.state(), feed_state::degraded);
  EXPECT_THAT(proxies(), ElementsAre(set{"gw1", "gw2"}));
}

TEST_F(stand_in_test, judging_for_itself_it_never_grows_stale) {
  settle();
  kill_manager();
  run(5s);
  now += 23h;
  run(2h);
  EXPECT_EQ(machine.state(), feed_state::degraded);
  EXPECT_THAT(proxies(), IsEmpty());
  EXPECT_GE(machine.to_persist().heard_at, wall() - 1s);
}

TEST_F(stand_in_test, a_living_manager_that_says_nothing_is_not_replaced) {
  settle();
  managed.reset();
  run(60s);
  EXPECT_EQ(machine.state(), feed_state::stale);
  join(proxy("gw3"));
  run(1s);
  EXPECT_THAT(proxies(), IsEmpty());
}

TEST_F(stand_in_test, without_ever_a_manager_it_serves_what_event_servers_tell) {
  start();
  join(proxy("gw1"));
  connect();
  forget();
  run(2900ms);
  EXPECT_EQ(machine.state(), feed_state::unknown);
  run(200ms);
  EXPECT_EQ(machine.state(), feed_state::degraded);
  EXPECT_THAT(proxies(), ElementsAre(set{"gw1"}));
}

TEST_F(stand_in_test, a_manager_that_is_back_is_followed_when_it_shows_the_same_members) {
  settle();
  kill_manager();
  join(proxy("gw3"));
  run(5s);
  ASSERT_EQ(proxies().back(), (set{"gw1", "gw2", "gw3"}));
  forget();
  start_manager({proxy("gw1"), proxy("gw2"), proxy("gw3")}, serial0 + 30);
  EXPECT_EQ(machine.state(), feed_state::degraded) << "a whole status may be a retained one";
  run(1s);
  EXPECT_EQ(machine.state(), feed_state::fresh);
  EXPECT_EQ(machine.view().where.at.counter, serial0 + 30);
  EXPECT_THAT(proxies(), Each(set{"gw1", "gw2", "gw3"}));
  EXPECT_EQ(machine.serial(), serial0 + 101) << "ours was ahead of the manager's";
  EXPECT_TRUE(machine.divergent());
  status(model::status_delta{{managed->where.at, 2}, serial0 + 110, {proxy("gw4")}, {}});
  EXPECT_EQ(machine.serial(), serial0 + 110);
  EXPECT_FALSE(machine.divergent());
}

TEST_F(stand_in_test, dead_members_in_the_first_status_of_a_manager_do_not_come_back) {
  settle();
  kill_manager();
  crash("gw1");
  run(10s);
  ASSERT_EQ(proxies().back(), set{"gw2"});
  forget();
  start_manager({proxy("gw1"), proxy("gw2")}, serial0 + 30);
  run(3s);
  EXPECT_EQ(machine.state(), feed_state::degraded);
  managed->where.sequence = 2;
  managed->members.erase(id("gw1"));
  status(model::status_delta{
      managed->where, managed->serial, {}, {{id("gw1"), model::withdrawal::closed}}});
  run(1s);
  EXPECT_EQ(machine.state(), feed_state::fresh);
  EXPECT_THAT(proxies(), Each(set{"gw2"}));
}

TEST_F(stand_in_test, a_manager_that_goes_on_seeing_others_is_followed_in_the_end) {
  settle();
  kill_manager();
  join(proxy("gw3"));
  run(5s);
  forget();
  start_manager({proxy("gw1"), proxy("gw2")}, serial0 + 30);
  run(14s);
  EXPECT_EQ(machine.state(), feed_state::degraded);
  run(3s);
  EXPECT_EQ(machine.state(), feed_state::fresh);
  EXPECT_THAT(proxies(), ElementsAre(set{"gw1", "gw2"}));
}

TEST_F(stand_in_test, what_event_servers_retain_of_a_dead_manager_is_not_followed) {
  settle();
  const auto retained = *managed;
  kill_manager();
  join(proxy("gw3"));
  run(5s);
  disconnect();
  run(5s);
  forget();
  status(retained);
  connect();
  run(10s);
  EXPECT_EQ(machine.state(), feed_state::degraded);
  EXPECT_THAT(proxies(), IsEmpty());
}

TEST_F(stand_in_test, a_restart_goes_on_with_its_own_members) {
  settle();
  const auto retained = *managed;
  kill_manager();
  join(proxy("gw3"));
  crash("gw1");
  run(5s);
  const auto last = machine.to_persist();
  machine = dns::coordinator(plan(), options);
  forget();
  start(&last);
  EXPECT_THAT(proxies(), ElementsAre(set{"gw2", "gw3"}));
  EXPECT_EQ(machine.state(), feed_state::stale);
  forget();
  status(retained);
  connect();
  run(10s);
  EXPECT_EQ(machine.state(), feed_state::degraded);
  EXPECT_THAT(proxies(), IsEmpty());
  EXPECT_EQ(machine.serial(), last.serial);
}

TEST_F(stand_in_test, after_a_restart_a_manager_that_comes_at_the_same_time_brings_nobody_back) {
  settle();
  kill_manager();
  crash("gw1");
  run(5s);
  const auto last = machine.to_persist();
  machine = dns::coordinator(plan(), options);
  start(&last);
  forget();
  connect(servers[0]);
  start_manager({proxy("gw1"), proxy("gw2")}, serial0 + 30);
  run(1500ms);
  connect(servers[1]);
  run(1500ms);
  EXPECT_EQ(machine.state(), feed_state::degraded);
  managed->where.sequence = 2;
  managed->members.erase(id("gw1"));
  status(model::status_delta{
      managed->where, managed->serial, {}, {{id("gw1"), model::withdrawal::closed}}});
  run(1s);
  EXPECT_EQ(machine.state(), feed_state::fresh);
  EXPECT_THAT(proxies(), Each(set{"gw2"}));
  EXPECT_TRUE(machine.divergent());
}

TEST_F(stand_in_test, after_a_restart_deltas_are_not_folded_onto_its_own_members) {
  settle();
  managed->where.sequence = 2;
  managed->members.erase(id("gw1"));
  status(model::status_delta{
      managed->where, managed->serial, {}, {{id("gw1"), model::withdrawal::left}}});
  crash("gw1");
  const auto retained = *managed;
  kill_manager();
  join(proxy("gw3"));
  run(5s);
  const auto last = machine.to_persist();
  machine = dns::coordinator(plan(), options);
  start(&last);
  forget();
  status(model::status_full{{retained.where.at, 1}, serial0 + 100, members({proxy("gw1")})});
  status(model::status_delta{{retained.where.at, 2},
                             serial0 + 100,
                             {proxy("gw2")},
                             {{id("gw1"), model::withdrawal::left}}});
  EXPECT_THAT(machine.view().members, SizeIs(1));
  EXPECT_TRUE(machine.view().members.contains(id("gw2")));
  EXPECT_THAT(proxies(), IsEmpty());
}

TEST_F(stand_in_test, after_a_restart_with_a_serial_of_its_own_the_status_is_heard_again) {
  settle();
  auto gw3 = proxy("gw3");
  join(gw3);
  managed->where.sequence = 2;
  managed->members.emplace(gw3.what.id, gw3);
  status(model::status_delta{managed->where, managed->serial, {gw3}, {}});
  const std::vector<zone::rrset> www{
      {name("www.sipthor.example"), zone::rr_type::a, 60, {zone::a_rdata{{192, 0, 2, 80}}}, 0}};
  machine.on_operator_rrsets(now, www, out);
  ASSERT_TRUE(machine.divergent());
  const auto last = machine.to_persist();
  machine = dns::coordinator(plan(), options);
  start(&last);
  forget();
  auto before = *managed;
  before.where.sequence = 1;
  before.members.erase(gw3.what.id);
  status(before);
  status(model::status_delta{managed->where, managed->serial, {gw3}, {}});
  run(1s);
  EXPECT_EQ(machine.state(), feed_state::fresh);
  EXPECT_THAT(proxies(), Each(set{"gw1", "gw2", "gw3"}));
  EXPECT_TRUE(machine.divergent());
}

TEST_F(stand_in_test, a_later_manager_with_a_lower_serial_is_told_of_ours) {
  settle();
  status(model::status_full{{{serial0 + 1, "m2"}, 0}, serial0 + 50, managed->members});
  EXPECT_EQ(machine.serial(), serial0 + 100);
  EXPECT_TRUE(machine.divergent());
  managed.reset();
  run(1s);
  EXPECT_THAT(out, Contains(::testing::VariantWith<report>(::testing::_)));
}

TEST_F(stand_in_test,
       following_a_manager_before_all_event_servers_are_there_leaves_no_deadline_behind) {
  start();
  connect(servers[0]);
  join(proxy("gw1"));
  start_manager({proxy("gw1")});
  run(10s);
  EXPECT_EQ(machine.state(), feed_state::fresh);
  EXPECT_GT(machine.next_deadline(), now);
}

TEST_F(stand_in_test, a_node_name_outlives_its_member_here_too) {
  settle();
  kill_manager();
  run(5s);
  crash("gw1");
  run(1s);
  const auto newest = [&] {
    std::vector<std::string> found;
    for (const auto& e : out)
      if (const auto* p = std::get_if<publish_zones>(&e))
        found = lines_at(p->inputs.front(), "gw1.node");
    return found;
  };
  EXPECT_THAT(newest(), ElementsAre("gw1.node 30 A 192.0.2.1"));
  run(90s);
  EXPECT_THAT(newest(), IsEmpty());
}

TEST_F(stand_in_test, programs_of_the_overlay_change_neither_zone_nor_serial) {
  settle();
  kill_manager();
  run(5s);
  forget();
  join(member("dns2", {"192.0.2.54"}, {"thor_dnsmanager"}));
  run(1s);
  crash("dns2");
  run(100s);
  EXPECT_THAT(proxies(), IsEmpty());
  EXPECT_EQ(machine.serial(), serial0 + 100);
}

TEST_F(stand_in_test, figures_are_told_at_change_and_not_more_than_once_a_second) {
  settle();
  kill_manager();
  run(10s);
  forget();
  for (int i = 0; i < 300; ++i) {
    join(proxy("n" + std::to_string(i)));
    run(10ms);
  }
  run(2s);
  const auto reports =
      std::ranges::count_if(out, [](const auto& e) { return std::holds_alternative<report>(e); });
  EXPECT_GE(reports, 3);
  EXPECT_LE(reports, 5);
  forget();
  run(30s);
  EXPECT_THAT(out, Not(Contains(::testing::VariantWith<report>(::testing::_))));
}

class majority_test : public stand_in_test {
 protected:
  majority_test()
      : stand_in_test({.stale_max = 24h,
                       .node_grace = 90s,
                       .policy = model::partition_policy::majority,
                       .event_servers = 2}) {}
};

TEST_F(majority_test, never_judges_for_itself) {
  settle();
  kill_manager();
  join(proxy("gw3"));
  crash("gw1");
  run(10min);
  EXPECT_EQ(machine.state(), feed_state::stale);
  EXPECT_THAT(proxies(), IsEmpty());
}

} // namespace
} // namespace thor::dns::test
