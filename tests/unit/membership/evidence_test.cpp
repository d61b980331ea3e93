// The arithmetic of evidence, as tables.
#include "coordinator/membership/evidence.hpp"

#include <gtest/gtest.h>

namespace thor::membership {
namespace {

using namespace std::chrono_literals;
using wire::fact_state;

const auto id = *model::node_id::parse("n1");
constexpr model::time_point now{1h};

TEST(sighting, knows_from_when_it_speaks_against_the_member) {
  const auto from = [](fact_state s, std::uint64_t age_ms) {
    return sight(now, 0, {id, {1, 1}, s, age_ms}, nullptr).gone_from;
  };
  EXPECT_EQ(from(fact_state::connected, 999), model::never);
  EXPECT_EQ(from(fact_state::late, 1500), now + 1500ms);
  EXPECT_EQ(from(fact_state::late, 3000), now);
  EXPECT_EQ(from(fact_state::closed, 0), now + 250ms);
  EXPECT_EQ(from(fact_state::closed, 200), now + 50ms);
}

TEST(sighting, of_a_close_keeps_the_end_of_a_running_lease) {
  const sighting late = sight(now, 0, {id, {1, 1}, fact_state::late, 2900}, nullptr);
  EXPECT_EQ(sight(now, 0, {id, {1, 1}, fact_state::closed, 0}, &late).gone_from, now + 100ms);
  EXPECT_EQ(sight(now, 0, {id, {2, 1}, fact_state::closed, 0}, &late).gone_from, now + 250ms)
      << "that was another process";
}

TEST(sighting, survives_absurd_ages) {
  const auto s = sight(now, 0, {id, {1, 1}, fact_state::late, UINT64_MAX}, nullptr);
  EXPECT_LT(s.gone_from, now);
}

event_server old_server(std::string link) {
  event_server s;
  s.link = s.id = std::move(link);
  s.up = s.synced = s.fresh = true;
  s.started_at = now - 1h;
  s.heard_at = now - 1s;
  s.trusted_from = now - 1h;
  return s;
}

// Each letter is what one event server says: c(onnected), l(ate, lease running), s(ilent: late, its
// lease is over), g (closed just now), x (closed before), - (does not know it). Upper case: it
// may not accuse yet.
struct table_row {
  std::string_view says;
  bool vouched;
  std::size_t accusers;
  std::size_t needed;
};

class table : public testing::TestWithParam<table_row> {};

TEST_P(table, says_who_speaks_for_and_against) {
  std::vector<event_server> servers;
  std::vector<sighting> sightings;
  for (const char c : GetParam().says) {
    auto s = old_server(std::string(1, c));
    s.admitting = std::isupper(static_cast<unsigned char>(c)) != 0 || c == '_';
    const auto see = [&](fact_state state, std::uint64_t age_ms) {
      sightings.push_back(sight(now, servers.size(), {id, {1, 1}, state, age_ms}, nullptr));
    };
    switch (std::tolower(static_cast<unsigned char>(c))) {
    case 'c':
      see(fact_state::connected, 500);
      break;
    case 'l':
      see(fact_state::late, 2000);
      break;
    case 's':
      see(fact_state::late, 3000);
      break;
    case 'g':
      see(fact_state::closed, 100);
      break;
    case 'x':
      see(fact_state::closed, 2000);
      break;
    default:
      break;
    }
    servers.push_back(s);
  }
  const evidence e{servers, sightings, 1, {}, now - 1s};
  EXPECT_EQ(support_of(now, e).vouched, GetParam().vouched);
  const auto a = accusation_of(now, e);
  EXPECT_EQ(a.accusers, GetParam().accusers);
  EXPECT_EQ(a.needed, GetParam().needed);
}

// '_' is a server that does not know the member and may not accuse. The member was vouched for a
// second ago.
INSTANTIATE_TEST_SUITE_P(evidence, table,
                         testing::Values(table_row{"", false, 0, 0}, table_row{"c", true, 0, 1},
                                         table_row{"l", true, 0, 1}, table_row{"s", false, 1, 1},
                                         table_row{"x", false, 1, 1}, table_row{"X", false, 0, 1},
                                         table_row{"-", false, 0, 1}, table_row{"--", false, 0, 2},
                                         table_row{"x-", false, 2, 2}, table_row{"x_", false, 1, 2},
                                         table_row{"xX", false, 1, 2}, table_row{"xxc", true, 2, 2},
                                         table_row{"xsC", true, 2, 2},
                                         table_row{"xs-", false, 3, 2},
                                         table_row{"X-_", false, 0, 2},
                                         table_row{"lll", true, 0, 2}, table_row{"g", true, 0, 1},
                                         table_row{"xxg", true, 2, 2},
                                         table_row{"sss", false, 3, 2}),
                         [](const auto& test) { return "row_" + std::to_string(test.index); });

TEST(an_event_server, whose_heartbeat_is_overdue_vouches_but_does_not_accuse) {
  auto s = old_server("a");
  s.heard_at = now - heartbeat_late_max;
  const std::vector<event_server> servers{s};
  const std::vector<sighting> gone{sight(now, 0, {id, {1, 1}, fact_state::closed, 5000}, nullptr)};
  EXPECT_EQ(accusation_of(now, {servers, gone, 1, {}, now}).accusers, 0U);
  EXPECT_EQ(accusation_of(now, {servers, gone, 1, {}, now}).needed, 1U);
  const std::vector<sighting> there{sight(now, 0, {id, {1, 1}, fact_state::late, 1500}, nullptr)};
  EXPECT_TRUE(support_of(now, {servers, there, 1, {}, now}).vouched);
}

TEST(a_close, keeps_a_member_for_its_grace_but_admits_nobody) {
  const std::vector<event_server> servers{old_server("a")};
  const std::vector<sighting> seen{sight(now, 0, {id, {1, 1}, fact_state::closed, 100}, nullptr)};
  const auto s = support_of(now, {servers, seen, 1, {}, now});
  EXPECT_TRUE(s.vouched);
  EXPECT_FALSE(s.present);
  EXPECT_EQ(s.until, now + close_grace - 100ms);
}

TEST(witnesses, of_long_ago_count_like_strangers_when_the_last_good_word_was_not_taken_back) {
  const std::vector<event_server> servers{old_server("a"), old_server("b")};
  const std::vector<sighting> seen{
      sight(now, 0, {id, {1, 1}, fact_state::closed, 60'000}, nullptr)};
  EXPECT_FALSE(accusation_of(now, {servers, seen, 1, {}, now}).holds());
  EXPECT_EQ(accusation_of(now, {servers, seen, 1, {}, now}).next, now + absence_grace);
  EXPECT_TRUE(accusation_of(now, {servers, seen, 1, {}, now - absence_grace}).holds());
  EXPECT_TRUE(accusation_of(now, {servers, seen, 1, {}, now - 57s}).holds());
}

TEST(strangers, count_alone_when_the_member_had_time_to_come_to_them) {
  const std::vector<event_server> servers{old_server("a"), old_server("b")};
  EXPECT_FALSE(accusation_of(now, {servers, {}, 1, {}, now - absence_grace + 1ms}).holds());
  EXPECT_EQ(accusation_of(now, {servers, {}, 1, {}, now - absence_grace + 1ms}).next, now + 1ms);
  EXPECT_TRUE(accusation_of(now, {servers, {}, 1, {}, now - absence_grace}).holds());
}

TEST(void_sightings, are_those_of_older_processes_and_before_a_leave) {
  const std::vector<event_server> servers{old_server("a")};
  const std::vector<sighting> seen{sight(now, 0, {id, {5, 3}, fact_state::connected, 0}, nullptr)};
  EXPECT_TRUE(support_of(now, {servers, seen, 5, {}, now}).vouched);
  EXPECT_FALSE(support_of(now, {servers, seen, 6, {}, now}).vouched);
  EXPECT_FALSE(support_of(now, {servers, seen, 5, {5, 3}, now}).vouched);
  EXPECT_TRUE(support_of(now, {servers, seen, 5, {5, 2}, now}).vouched);
}

} // namespace
} // namespace thor::membership
