#include "backend/answer/answer_table.hpp"
#include "backend/answer/slice.hpp"
#include "tests/support/synthetic_zone.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace thor::backend {
namespace {

using test::synthetic_zone;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t some_time_s = 1'736'000'000;
constexpr std::string_view service = "_sip._udp.sip.example.com.";

/// Site 1 is 10.1.0.0/16, site 2 is 10.2.0.0/16, ...
std::shared_ptr<const answer_table> table_of(const synthetic_zone& shape) {
  std::vector<viewing_network> all;
  for (std::uint16_t view = 1; view <= 9; ++view) {
    all.push_back({.where = ip_prefix::parse("10." + std::to_string(view) + ".0.0/16").value(),
                   .view = view});
  }
  return answer_table::build({.zones = test::snapshot_of({build(shape)}),
                              .metadata = nullptr,
                              .server_id = "ns1",
                              .networks = std::make_shared<const networks>(std::move(all)),
                              .complete = true},
                             nullptr);
}

struct row {
  std::uint16_t priority;
  unsigned member;
};

struct seen {
  std::vector<row> rows;
  std::set<std::int64_t> scopes; ///< 0 for a row without
};

/// What a client gets; "" is a client that PowerDNS does not tell of.
seen look(const answer_table& table, std::string_view client, std::uint64_t at = some_time_s) {
  lookup_request question{
      .qname = test::name_of(service), .qtype = zone::rr_type::any, .zone_id = {}};
  if (!client.empty()) {
    question.client = ip_prefix::parse(client).value();
  }
  std::string text;
  answer(&table, question, std::chrono::seconds(at), connector::http, text);
  seen out;
  for (const auto& one : boost::json::parse(text).at("result").as_array()) {
    const std::string content(one.at("content").as_string());
    out.rows.push_back(
        {.priority = static_cast<std::uint16_t>(std::stoul(content)),
         .member = static_cast<unsigned>(std::stoul(content.substr(content.find(" n") + 2)))});
    const auto* const scope = one.as_object().if_contains("scopeMask");
    out.scopes.insert(scope == nullptr ? 0 : scope->as_int64());
  }
  return out;
}

std::size_t count_of(const seen& got, std::uint16_t priority) {
  return static_cast<std::size_t>(std::ranges::count(got.rows, priority, &row::priority));
}

TEST(view, clients_of_a_site_get_its_members_first_and_the_others_to_fall_back_on) {
  const auto table = table_of({.members = 6, .slice = 0, .sites = 3});
  const seen got = look(*table, "10.2.0.0/24");
  ASSERT_EQ(got.rows.size(), 6U);
  for (const row& one : got.rows) {
    EXPECT_EQ(one.priority, one.member % 3 + 1 == 2 ? 10 : 20) << one.member;
  }
}

TEST(view, clients_of_no_site_and_of_sites_without_members_get_the_plain_set) {
  const auto table = table_of({.members = 6, .slice = 0, .sites = 3});
  for (const char* const client : {"192.0.2.1/32", "", "0.0.0.0/0", "10.7.0.1/32", "10.0.0.0/8"}) {
    const seen got = look(*table, client);
    EXPECT_EQ(got.rows.size(), 6U);
    EXPECT_EQ(count_of(got, 10), 6U) << client;
  }
}

TEST(view, every_row_says_how_much_of_the_address_counts) {
  const auto table = table_of({.members = 6, .slice = 0, .sites = 3});
  EXPECT_THAT(look(*table, "10.2.3.0/24").scopes, ElementsAre(16));
  EXPECT_THAT(look(*table, "192.0.2.1/32").scopes, ElementsAre(1));
  EXPECT_THAT(look(*table, "").scopes, ElementsAre(1));
  EXPECT_THAT(look(*table, "0.0.0.0/0").scopes, ElementsAre(1));
  EXPECT_THAT(look(*table, "2001:db8::/56").scopes, ElementsAre(3))
      << "2000::/3, apart from the IPv4-mapped addresses";
}

TEST(view, other_sets_at_the_name_say_it_too) {
  auto input = describe(synthetic_zone{.members = 3, .sites = 1});
  input.rrsets.push_back(test::rrset_of(service, zone::rr_type::txt, 60, {"\"x\"", "\"y\""}));
  const auto table =
      answer_table::build({.zones = test::snapshot_of({zone::build(input, nullptr).zone}),
                           .metadata = nullptr,
                           .server_id = "ns1",
                           .complete = true},
                          nullptr);
  std::string text;
  answer(table.get(), lookup_request{.qname = test::name_of(service), .zone_id = {}},
         std::chrono::seconds(some_time_s), connector::http, text);
  const auto rows = boost::json::parse(text).at("result").as_array();
  ASSERT_EQ(rows.size(), 5U);
  for (const auto& one : rows) {
    EXPECT_EQ(one.at("scopeMask").as_int64(), 1);
  }
}

TEST(view, names_without_homes_say_nothing_of_scopes) {
  const auto table = table_of({.members = 6, .sites = 3});
  std::string text;
  answer(table.get(),
         lookup_request{.qname = test::name_of("n1.node.sip.example.com."),
                        .zone_id = {},
                        .client = ip_prefix::parse("10.1.0.1")},
         std::chrono::seconds(some_time_s), connector::http, text);
  EXPECT_THAT(text, Not(HasSubstr("scopeMask")));
}

TEST(view, a_transfer_holds_the_plain_set) {
  const auto transfer = [](const synthetic_zone& shape) {
    const auto table = table_of(shape);
    std::string text;
    reply made = answer(table.get(), list_request{test::name_of("sip.example.com.")},
                        std::chrono::seconds(some_time_s), connector::http, text);
    made.rest.append_to(text, 1'000'000);
    return text;
  };
  EXPECT_TRUE(transfer({.members = 20, .slice = 4, .sites = 3}) ==
              transfer({.members = 20, .slice = 4}));
}

TEST(view, a_slice_is_mostly_of_the_site_and_always_has_two_others) {
  struct expectation {
    std::uint16_t slice;
    std::size_t own, others;
  };
  const auto table = [](std::uint16_t slice) {
    return table_of({.members = 40, .slice = slice, .sites = 4});
  };
  for (const auto& [slice, own, others] : std::vector<expectation>{
           {1, 1, 0}, {2, 1, 1}, {3, 1, 2}, {4, 2, 2}, {8, 6, 2}, {20, 10, 10}}) {
    const seen got = look(*table(slice), "10.3.0.1/32");
    EXPECT_EQ(count_of(got, 10), own) << slice;
    EXPECT_EQ(count_of(got, 20), others) << slice;
  }
}

TEST(view, a_slice_turns_evenly_within_each_group) {
  constexpr unsigned members = 30;
  const auto table = table_of({.members = members, .slice = 8, .sites = 3});
  std::map<unsigned, unsigned> times;
  // Ten own members and twenty others: after 20 seconds both rings came round.
  for (std::uint64_t second = 0; second < 20; ++second) {
    const seen got = look(*table, "10.2.0.1/32", some_time_s + second);
    std::set<unsigned> distinct;
    for (const row& one : got.rows) {
      ++times[one.member];
      distinct.insert(one.member);
    }
    EXPECT_EQ(distinct.size(), 8U);
  }
  for (unsigned member = 0; member < members; ++member) {
    EXPECT_EQ(times[member], member % 3 + 1 == 2 ? 6 * 20 / 10 : 2 * 20 / 20) << member;
  }
}

TEST(slice, is_shared_so_that_no_place_stays_empty) {
  for (std::size_t size = 1; size < 12; ++size) {
    for (std::size_t own = 0; own < 15; ++own) {
      for (std::size_t others = 0; others < 15; ++others) {
        const slice_share share = share_slice(size, own, others);
        EXPECT_LE(share.own, own);
        EXPECT_LE(share.others, others);
        EXPECT_EQ(share.own + share.others, std::min(size, own + others));
        EXPECT_TRUE(own == 0 || share.own > 0);
        EXPECT_TRUE(others == 0 || size < 2 || share.others > 0);
      }
    }
  }
}

} // namespace
} // namespace thor::backend
