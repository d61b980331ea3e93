// Thor.Members: what is retained continues without a gap, and never goes back.
#include "tests/unit/broker/driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using wire::topic;

model::status_full full(std::uint64_t counter, std::uint64_t sequence, std::string manager = "m1") {
  return {{{counter, std::move(manager)}, sequence}, 1, {}};
}
model::status_delta delta(std::uint64_t counter, std::uint64_t sequence) {
  return {{{counter, "m1"}, sequence}, 1, {}, {}};
}
model::status_beat beat(std::uint64_t counter, std::uint64_t sequence) {
  return {{{counter, "m1"}, sequence}, 1, 0};
}

struct statuses : testing::Test {
  driver d;
  session_id m1 = d.greet(peer("m1", {"thor_manager"}), 5);

  void tell(const model::status_event& s) { d.tell_status(m1, "m1", s); }
  std::vector<std::string> retained() {
    std::vector<std::string> bodies;
    const auto watcher = d.listen({topic::members});
    for (const auto& e : d.got<wire::event>(watcher))
      bodies.push_back(e.what.body);
    return bodies;
  }
};

TEST_F(statuses, are_retained_as_the_last_full_and_the_deltas_after_it) {
  tell(full(7, 1));
  tell(delta(7, 2));
  tell(full(7, 3));
  tell(delta(7, 4));
  tell(delta(7, 5));
  EXPECT_THAT(d.refusals(m1), IsEmpty());
  EXPECT_THAT(retained(), ElementsAre(wire::encode_body(full(7, 3)), wire::encode_body(delta(7, 4)),
                                      wire::encode_body(delta(7, 5))));
}

TEST_F(statuses, beats_are_forwarded_and_not_retained) {
  const auto watcher = d.listen({topic::members});
  tell(full(7, 1));
  tell(beat(7, 1));
  EXPECT_THAT(d.got<wire::event>(watcher), SizeIs(2));
  EXPECT_THAT(retained(), SizeIs(1));
}

TEST_F(statuses, need_a_full_first) {
  const auto watcher = d.listen({topic::members});
  tell(delta(7, 2));
  tell(beat(7, 2));
  EXPECT_THAT(d.refusals(m1), ElementsAre("full_status_needed", "full_status_needed"));
  EXPECT_THAT(d.got<wire::event>(watcher), IsEmpty());
}

TEST_F(statuses, have_no_gaps) {
  tell(full(7, 1));
  tell(delta(7, 3));
  tell(delta(8, 2));
  tell(beat(7, 2));
  tell(beat(8, 1));
  EXPECT_THAT(d.refusals(m1), ElementsAre("full_status_needed", "full_status_needed",
                                          "full_status_needed", "full_status_needed"));
  EXPECT_THAT(retained(), SizeIs(1));
}

TEST_F(statuses, never_go_back) {
  tell(full(7, 5));
  for (const model::status_event& s :
       {model::status_event(full(7, 4)), model::status_event(full(6, 9)),
        model::status_event(delta(7, 5)), model::status_event(delta(7, 4)),
        model::status_event(beat(7, 4)), model::status_event(full(7, 9, "m0"))})
    tell(s);
  EXPECT_THAT(d.refusals(m1), ElementsAre("stale_status", "stale_status", "stale_status",
                                          "stale_status", "stale_status", "stale_status"));
  EXPECT_THAT(retained(), ElementsAre(wire::encode_body(full(7, 5))));
}

TEST_F(statuses, a_later_epoch_takes_over) {
  tell(full(7, 5));
  tell(full(8, 1));
  tell(full(8, 1)); // repeating the whole status mends a view
  EXPECT_THAT(d.refusals(m1), IsEmpty());
  EXPECT_THAT(retained(), ElementsAre(wire::encode_body(full(8, 1))));
}

TEST_F(statuses, an_epoch_from_the_future_is_refused_with_an_alarm) {
  const auto now = static_cast<std::uint64_t>(d.wall.time_since_epoch().count());
  tell(full(now + 3601, 1));
  EXPECT_THAT(d.refusals(m1), ElementsAre("far_future_epoch"));
  EXPECT_EQ(d.counted(counter::alarms, "far_future_epoch"), 1U);
  tell(full(now + 3600, 1));
  EXPECT_THAT(d.refusals(m1), SizeIs(1));
}

TEST_F(statuses, survive_their_manager) {
  tell(full(7, 1));
  d.hang_up(m1);
  d.advance(1h);
  EXPECT_THAT(retained(), SizeIs(1));
}

TEST_F(statuses, deltas_are_bounded_in_number) {
  tell(full(7, 0));
  for (std::uint64_t i = 1; i <= deltas_max; ++i) {
    d.advance(10ms);
    tell(delta(7, i));
  }
  EXPECT_THAT(d.refusals(m1), IsEmpty());
  tell(delta(7, deltas_max + 1));
  EXPECT_THAT(d.refusals(m1), ElementsAre("full_status_needed"));
  tell(full(7, deltas_max + 1));
  tell(delta(7, deltas_max + 2));
  EXPECT_THAT(d.refusals(m1), SizeIs(1));
  EXPECT_THAT(retained(), SizeIs(2));
}

TEST(status_log, bounds_deltas_in_octets) {
  status_log log;
  const auto big = std::make_shared<const std::string>(deltas_octets_max / 2, 'x');
  log.keep(full(7, 0), big);
  log.keep(delta(7, 1), big);
  EXPECT_EQ(log.judge(delta(7, 2), big->size(), {}), status_log::verdict::accepted);
  EXPECT_EQ(log.judge(delta(7, 2), big->size() + 1, {}), status_log::verdict::full_needed);
  log.keep(full(7, 2), big);
  EXPECT_EQ(log.judge(delta(7, 3), big->size() + 1, {}), status_log::verdict::accepted);
}

TEST_F(statuses, managers_may_send_more_and_oftener) {
  tell(full(7, 0));
  for (std::uint64_t i = 1; i <= 1000; ++i)
    tell(delta(7, i));
  EXPECT_THAT(d.closed, IsEmpty());
}

} // namespace
} // namespace thor::broker
