#include "coordinator/membership/survey.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace thor::membership {
namespace {

using namespace std::chrono_literals;
constexpr model::time_point now{1h};

event_server synced(model::duration age) {
  event_server s;
  s.up = s.synced = s.fresh = true;
  s.started_at = now - age;
  s.trusted_from = now;
  return s;
}

TEST(survey, of_a_new_overlay_ends_when_all_configured_event_servers_synced) {
  survey s(2, false);
  EXPECT_FALSE(s.complete(now, std::vector{synced(0s)}, false));
  EXPECT_TRUE(s.complete(now + 1s, std::vector{synced(0s), synced(0s)}, false));
  EXPECT_EQ(s.next_deadline(), model::never);
}

TEST(survey, does_not_wait_longer_than_a_lease_for_the_others) {
  survey s(3, false);
  EXPECT_FALSE(s.complete(now, std::vector{synced(1h)}, true));
  EXPECT_EQ(s.next_deadline(), now + lease);
  EXPECT_TRUE(s.complete(now + lease, std::vector{synced(1h)}, true));
}

TEST(survey, waits_a_lease_when_event_servers_are_found_by_dns) {
  survey s(0, false);
  EXPECT_FALSE(s.complete(now, std::vector{synced(1h)}, true));
  EXPECT_TRUE(s.complete(now + lease, std::vector{synced(1h)}, true));
}

TEST(survey, waits_for_any_event_server_at_all) {
  survey s(1, false);
  EXPECT_FALSE(s.complete(now, {}, false));
  auto syncing = synced(1h);
  syncing.synced = false;
  EXPECT_FALSE(s.complete(now + 1h, std::vector{syncing}, false));
  EXPECT_EQ(s.next_deadline(), model::never);
}

TEST(survey, after_a_restart_of_everything_waits_until_members_could_return) {
  survey s(1, true);
  EXPECT_FALSE(s.complete(now, std::vector{synced(1s)}, false));
  EXPECT_EQ(s.next_deadline(), now + absence_grace - 1s);
  EXPECT_TRUE(s.complete(now + absence_grace - 1s, std::vector{synced(1s)}, false));
}

TEST(survey, needs_no_such_wait_when_an_event_server_remembers_the_network) {
  survey s(2, true);
  EXPECT_TRUE(s.complete(now, std::vector{synced(1s), synced(1h)}, true));
}

TEST(survey, stays_complete) {
  survey s(1, false);
  ASSERT_TRUE(s.complete(now, std::vector{synced(1h)}, true));
  EXPECT_TRUE(s.complete(now, {}, true));
}

} // namespace
} // namespace thor::membership
