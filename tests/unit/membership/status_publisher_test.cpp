#include "coordinator/membership/status_publisher.hpp"
#include "tests/unit/membership/world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::membership::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr model::unix_time wall{std::chrono::seconds{1'750'000'000}};
constexpr std::uint64_t unix_now = 1'750'000'000;

model::member member(std::string_view name, std::uint64_t sequence = 1,
                     model::unix_time since = wall) {
  return {presence(name, 1, sequence), since};
}

model::presence manager(std::string_view name) {
  auto p = presence(name);
  p.roles = {{"thor_manager", {}}};
  return p;
}

model::status_full full(std::uint64_t counter, std::uint64_t sequence, std::uint32_t serial,
                        std::vector<model::member> members = {}, std::string manager = "m1") {
  model::status_full out{{{counter, std::move(manager)}, sequence}, serial, {}};
  for (auto& m : members)
    out.members.emplace(m.what.id, m);
  return out;
}

struct publisher_test : testing::Test {
  status_publisher p{{}};
  model::time_point now{1h};
  effects out;

  void decide(std::vector<effect> decided) {
    p.on_members(wall, decided);
    p.on_deadline(now, wall, out);
  }
  void hear(const model::status_event& e) {
    p.on_status(now, wall, "a", e, out);
    p.on_deadline(now, wall, out);
  }
  void report(const wire::zone_report& zone) {
    p.on_zone_report(wall, "dns1", zone, out);
    p.on_deadline(now, wall, out);
  }
  void begin(std::uint64_t counter = unix_now) { p.begin(now, wall, {counter, "m1"}, out); }
  // Lets time pass with its deadlines.
  void run(model::duration time) {
    for (const auto end = now + time; p.next_deadline() <= end;) {
      now = std::max(now, p.next_deadline());
      p.on_deadline(now, wall, out);
    }
    now += 0ms;
  }
  template <class Event>
  std::vector<Event> published(const std::string& to = "") const {
    std::vector<Event> found;
    for (const auto& e : out)
      if (const auto* what = std::get_if<publish>(&e); what != nullptr && what->server == to)
        if (const auto* wanted = std::get_if<Event>(&what->what))
          found.push_back(*wanted);
    return found;
  }
  std::vector<persist> persisted() const {
    std::vector<persist> found;
    for (const auto& e : out)
      if (const auto* wanted = std::get_if<persist>(&e))
        found.push_back(*wanted);
    return found;
  }
  std::size_t notes(std::string_view word) const {
    return static_cast<std::size_t>(std::ranges::count_if(out, [&](const effect& e) {
      const auto* n = std::get_if<note>(&e);
      return n != nullptr && n->word == word;
    }));
  }
};

// ---- before it publishes

TEST_F(publisher_test, says_nothing_before_it_begins) {
  decide({admitted{presence("n1")}});
  p.on_server_up(now, wall, "a", out);
  p.on_full_status_needed(now, wall, "a", out);
  p.on_deadline(now, wall, out);
  EXPECT_THAT(out, IsEmpty());
  EXPECT_EQ(p.next_deadline(), model::never);
}

TEST_F(publisher_test, follows_the_newest_status) {
  hear(full(100, 9, 12, {member("n1")}));
  hear(full(101, 2, 13, {member("n2")}));
  hear(full(100, 10, 14, {member("n3")}));
  EXPECT_EQ(p.view().where, (model::position{{101, "m1"}, 2}));
  EXPECT_TRUE(p.view().members.contains(id("n2")));
}

TEST_F(publisher_test, keeps_each_new_epoch_over_a_restart) {
  hear(full(100, 9, 12, {}, "m2"));
  hear(full(100, 10, 13, {}, "m2"));
  hear(full(101, 0, 14, {}, "m3"));
  EXPECT_THAT(persisted(), ElementsAre(persist{{100, "m2"}, 12}, persist{{101, "m3"}, 14}));
}

TEST_F(publisher_test, asks_for_a_new_snapshot_after_a_gap_but_not_again_and_again) {
  hear(full(100, 1, 12));
  out.clear();
  hear(model::status_delta{{{100, "m1"}, 3}, 13, {}, {}});
  hear(model::status_delta{{{100, "m1"}, 4}, 13, {}, {}});
  EXPECT_THAT(out, ElementsAre(effect{resubscribe{"a"}}));
  now += resubscribe_interval_min;
  hear(model::status_delta{{{100, "m1"}, 5}, 13, {}, {}});
  EXPECT_THAT(out, SizeIs(2));
}

// ---- the first status

TEST_F(publisher_test, begins_a_new_overlay_with_unix_time) {
  decide({admitted{presence("n1")}});
  begin();
  EXPECT_THAT(published<model::status_full>(),
              ElementsAre(full(unix_now, 0, unix_now, {member("n1")})));
  EXPECT_THAT(persisted(), ElementsAre(persist{{unix_now, "m1"}, unix_now + serials_reserved}));
  EXPECT_TRUE(std::holds_alternative<persist>(out.front())) << "kept before it is used";
}

TEST_F(publisher_test, continues_after_the_serials_it_persisted) {
  p = status_publisher({{unix_now + 7, "m1"}, unix_now + 9});
  begin(unix_now + 8);
  EXPECT_EQ(p.view().where, (model::position{{unix_now + 8, "m1"}, 0}));
  EXPECT_EQ(p.view().serial, unix_now + 10);
}

TEST_F(publisher_test, continues_after_the_serial_that_it_heard) {
  p = status_publisher({{unix_now + 3, "m1"}, unix_now + 3});
  hear(full(unix_now + 7, 4, unix_now + 9, {member("n1")}, "m0"));
  begin(unix_now + 8);
  EXPECT_EQ(p.view().serial, unix_now + 10) << "n1 is not there any more";
}

TEST_F(publisher_test, keeps_serial_and_since_when_dns_shows_no_change) {
  const model::unix_time yesterday = wall - std::chrono::hours(24);
  hear(full(100, 4, 77, {member("n1", 1, yesterday)}));
  hear(model::status_delta{{{100, "m1"}, 5}, 78, {member("n2", 1, yesterday)}, {}});
  auto n2 = presence("n2", 3, 9);
  n2.software = "other";
  decide({admitted{presence("n1")}, admitted{n2}});
  begin();
  EXPECT_EQ(p.view().serial, 78U);
  const auto sent = published<model::status_full>();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].members.at(id("n1")).since, yesterday) << "admitted at, whoever publishes";
  EXPECT_EQ(sent[0].members.at(id("n2")).what, n2);
}

TEST_F(publisher_test, keeps_the_serial_when_only_a_manager_has_gone) {
  hear(full(100, 4, 77, {member("n1"), {manager("m0"), wall}}));
  decide({admitted{presence("n1")}});
  begin();
  EXPECT_EQ(p.view().serial, 77U);
  EXPECT_THAT(published<model::status_full>()[0].members, SizeIs(1));
}

TEST_F(publisher_test, steps_over_all_serials_that_may_have_been_handed_out) {
  p = status_publisher({{100, "m1"}, unix_now + 90});
  hear(full(100, 4, unix_now));
  decide({admitted{presence("n1")}});
  begin();
  EXPECT_EQ(p.view().serial, unix_now + 91);
}

TEST_F(publisher_test, steps_over_what_a_thor_dns_served_in_place_of_a_manager) {
  hear(full(100, 4, 77, {member("n1")}));
  decide({admitted{presence("n1")}});
  report({.serial = unix_now + 5, .divergent = true});
  begin();
  EXPECT_EQ(p.view().serial, unix_now + 6);
}

TEST_F(publisher_test, keeps_the_serial_when_thor_dns_has_stepped_its_own_for_other_reasons) {
  hear(full(100, 4, 77, {member("n1")}));
  decide({admitted{presence("n1")}});
  report({.serial = 79});
  begin();
  EXPECT_EQ(p.view().serial, 77U);
}

// ---- changes

struct publisher : publisher_test {
  void SetUp() override {
    decide({admitted{presence("n1")}});
    begin();
    run(3ms);
    now += 100ms;
    out.clear();
  }
};

TEST_F(publisher, sends_a_single_change_at_once) {
  decide({admitted{presence("n2")}});
  EXPECT_THAT(
      published<model::status_delta>(),
      ElementsAre(model::status_delta{{{unix_now, "m1"}, 1}, unix_now + 1, {member("n2")}, {}}));
}

TEST_F(publisher, sends_what_one_event_decides_as_one_delta) {
  decide({admitted{presence("n2")}, withdrawn{id("n1"), model::withdrawal::silent}});
  EXPECT_THAT(published<model::status_delta>(),
              ElementsAre(model::status_delta{{{unix_now, "m1"}, 1},
                                              unix_now + 1,
                                              {member("n2")},
                                              {{id("n1"), model::withdrawal::silent}}}));
}

TEST_F(publisher, collects_a_burst_after_its_first_change) {
  for (int i = 0; i < 4; ++i) {
    decide({admitted{presence("b" + std::to_string(i))}});
    now += std::chrono::microseconds(coalesce_interval) / 5;
  }
  EXPECT_THAT(published<model::status_delta>(), SizeIs(1));
  EXPECT_EQ(p.next_deadline(), now + std::chrono::microseconds(coalesce_interval) / 5);
  run(std::chrono::microseconds(coalesce_interval) / 5);
  const auto sent = published<model::status_delta>();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_THAT(sent[0].upserts, SizeIs(1));
  EXPECT_THAT(sent[1].upserts, SizeIs(3));
  EXPECT_EQ(sent[1].where.sequence, 2U);
  EXPECT_EQ(sent[1].serial, unix_now + 2);
}

TEST_F(publisher, names_each_member_once_in_a_delta) {
  decide({admitted{presence("n2")}});
  decide({withdrawn{id("n2"), model::withdrawal::closed}});
  decide({admitted{presence("n2", 2)}});
  decide({withdrawn{id("n1"), model::withdrawal::closed}});
  run(5ms);
  const auto sent = published<model::status_delta>();
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_THAT(sent[1].upserts, SizeIs(1));
  EXPECT_THAT(sent[1].removals, SizeIs(1));
}

TEST_F(publisher, keeps_the_serial_of_a_change_that_dns_does_not_show) {
  auto n1 = presence("n1", 2, 1);
  n1.attributes["rack"] = "B7";
  decide({changed{n1}});
  const auto sent = published<model::status_delta>();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].where.sequence, 1U);
  EXPECT_EQ(sent[0].serial, unix_now);
  EXPECT_EQ(sent[0].upserts, std::vector{(model::member{n1, wall})}) << "since is kept";
}

TEST_F(publisher, keeps_the_serial_when_the_overlays_own_programs_come_and_go) {
  decide({admitted{manager("m2")}});
  now += coalesce_interval;
  decide({withdrawn{id("m2"), model::withdrawal::closed}});
  EXPECT_EQ(p.view().where.sequence, 2U);
  EXPECT_EQ(p.view().serial, unix_now);
}

TEST_F(publisher, steps_the_serial_for_a_change_that_dns_shows) {
  auto n1 = presence("n1", 1, 2);
  n1.roles["sip_proxy"].state = model::role_state::draining;
  decide({changed{n1}});
  EXPECT_EQ(p.view().serial, unix_now + 1);
}

TEST_F(publisher, never_takes_a_serial_below_unix_time) {
  p.on_members(wall, std::vector<effect>{admitted{presence("n2")}});
  p.on_deadline(now, wall + std::chrono::hours(1), out);
  EXPECT_EQ(p.view().serial, unix_now + 3600);
}

// ---- beats

TEST_F(publisher, beats_every_second_with_the_digest) {
  run(3s);
  const auto beats = published<model::status_beat>();
  ASSERT_THAT(beats, SizeIs(3));
  EXPECT_EQ(beats[0], (model::status_beat{
                          {{unix_now, "m1"}, 0}, unix_now, model::digest_of(id("n1"), {1, 1})}));
}

TEST_F(publisher, beats_with_the_digest_of_what_it_has_sent) {
  now = p.next_deadline() - 1ms;
  decide({admitted{presence("n2")}});
  now += 1ms; // collecting after the first change
  decide({admitted{presence("n3")}});
  p.on_deadline(now, wall, out);
  const auto beats = published<model::status_beat>();
  ASSERT_THAT(beats, SizeIs(1));
  EXPECT_EQ(beats[0].where.sequence, 2U);
  EXPECT_EQ(published<model::status_delta>().size(), 2U);
}

TEST_F(publisher, reserves_serials_on_disk_before_it_hands_them_out) {
  for (std::uint32_t i = 1; i <= serials_reserved + 1; ++i) {
    const auto before = persisted().size();
    decide({i % 2 == 1 ? effect{admitted{presence("n2")}}
                       : effect{withdrawn{id("n2"), model::withdrawal::left}}});
    now += coalesce_interval;
    EXPECT_EQ(p.view().serial, unix_now + i);
    EXPECT_EQ(persisted().size() - before, i == serials_reserved + 1 ? 1U : 0U);
  }
  EXPECT_EQ(persisted().back(), (persist{{unix_now, "m1"}, unix_now + 2 * serials_reserved + 1}));
}

// ---- whole statuses

TEST_F(publisher, gives_everything_to_an_event_server_that_comes) {
  p.on_server_up(now, wall, "a", out);
  EXPECT_THAT(published<model::status_full>("a"),
              ElementsAre(full(unix_now, 0, unix_now, {member("n1")})));
  EXPECT_THAT(published<model::status_full>(), IsEmpty());
}

TEST_F(publisher, sends_what_it_collected_before_it_gives_everything) {
  decide({admitted{presence("n2")}});
  decide({admitted{presence("n3")}});
  p.on_server_up(now, wall, "a", out);
  EXPECT_THAT(published<model::status_delta>(), SizeIs(2));
  EXPECT_THAT(
      published<model::status_full>("a"),
      ElementsAre(full(unix_now, 2, unix_now + 2, {member("n1"), member("n2"), member("n3")})));
}

TEST_F(publisher, gives_everything_to_an_event_server_that_asks_but_not_twice_for_one_gap) {
  p.on_full_status_needed(now, wall, "a", out);
  p.on_full_status_needed(now + 199ms, wall, "a", out);
  p.on_full_status_needed(now + 199ms, wall, "b", out);
  EXPECT_THAT(published<model::status_full>("a"), SizeIs(1));
  EXPECT_THAT(published<model::status_full>("b"), SizeIs(1));
  p.on_full_status_needed(now + 200ms, wall, "a", out);
  EXPECT_THAT(published<model::status_full>("a"), SizeIs(2));
}

TEST_F(publisher, sends_everything_when_the_deltas_have_become_as_long) {
  std::size_t fulls = 0;
  for (std::size_t i = 0; fulls == 0; ++i) {
    ASSERT_LE(i, changes_since_full_min);
    auto n1 = presence("n1", 1, i + 2);
    decide({changed{n1}});
    now += coalesce_interval;
    fulls = published<model::status_full>().size();
  }
  EXPECT_THAT(published<model::status_delta>(), SizeIs(changes_since_full_min));
  EXPECT_EQ(published<model::status_full>().back().where.sequence, changes_since_full_min + 1);
}

TEST_F(publisher, never_lets_event_servers_keep_too_many_deltas) {
  std::vector<effect> many;
  for (int i = 0; i < 2000; ++i)
    many.emplace_back(admitted{presence("m" + std::to_string(i))});
  decide(many);
  EXPECT_THAT(published<model::status_full>(), SizeIs(0));
  for (std::size_t i = 0; i <= deltas_since_full_max; ++i) {
    now += coalesce_interval;
    decide({changed{presence("n1", 1, i + 2)}});
  }
  EXPECT_THAT(published<model::status_full>(), SizeIs(1));
}

TEST_F(publisher, takes_the_next_serial_after_the_highest_that_is_served) {
  report({.serial = unix_now + 5});
  report({.serial = unix_now + 4});
  EXPECT_THAT(out, IsEmpty());
  decide({admitted{presence("n2")}});
  EXPECT_EQ(p.view().serial, unix_now + 6);
}

TEST_F(publisher, steps_over_the_serial_of_a_thor_dns_that_stood_in_once_it_follows_again) {
  report({.serial = unix_now + 5, .degraded = true, .divergent = true});
  EXPECT_THAT(out, IsEmpty());
  report({.serial = unix_now + 5, .divergent = true});
  EXPECT_THAT(published<model::status_delta>(),
              ElementsAre(model::status_delta{{{unix_now, "m1"}, 1}, unix_now + 6, {}, {}}));
  report({.serial = unix_now + 6});
  run(5ms);
  EXPECT_THAT(published<model::status_delta>(), SizeIs(1));
}

TEST_F(publisher, does_not_follow_a_thor_dns_into_the_far_future) {
  report({.serial = unix_now + reported_serial_lead_max + 1});
  EXPECT_EQ(notes("far_future_serial"), 1U);
  decide({admitted{presence("n2")}});
  EXPECT_EQ(p.view().serial, unix_now + 1);
}

// ---- another manager

TEST_F(publisher, ignores_itself_and_older_managers) {
  hear(full(unix_now, 0, unix_now, {member("n1")}));
  hear(full(unix_now, 7, unix_now, {}, "m0"));
  hear(full(unix_now - 1, 7, unix_now, {}, "m9"));
  EXPECT_THAT(out, IsEmpty());
}

TEST_F(publisher, goes_on_above_the_serial_of_the_other_side_of_a_partition) {
  hear(full(unix_now - 1, 7, unix_now + 60, {}, "m9"));
  hear(full(unix_now - 1, 7, unix_now + 60, {}, "m9"));
  EXPECT_THAT(published<model::status_delta>(),
              ElementsAre(model::status_delta{{{unix_now, "m1"}, 1}, unix_now + 61, {}, {}}));
}

TEST_F(publisher, is_silent_from_the_end_on_and_continues_where_the_next_one_ended) {
  p.end();
  decide({admitted{presence("n2")}});
  run(5s);
  EXPECT_THAT(out, IsEmpty());
  EXPECT_EQ(p.next_deadline(), model::never);
  const auto later = wall + std::chrono::seconds(5);
  hear(full(unix_now + 50, 7, unix_now + 60, {member("n1"), member("n2", 1, later)}, "m9"));
  out.clear();
  begin(unix_now + 51);
  EXPECT_THAT(
      published<model::status_full>(),
      ElementsAre(full(unix_now + 51, 0, unix_now + 60, {member("n1"), member("n2", 1, later)})));
}

TEST_F(publisher, steps_the_serial_for_what_it_had_not_published_when_it_ended) {
  decide({admitted{presence("n2")}}); // published
  decide({admitted{presence("n3")}}); // collected
  p.end();
  begin(unix_now + 1);
  EXPECT_EQ(p.view().serial, unix_now + 2);
}

} // namespace
} // namespace thor::membership::test
