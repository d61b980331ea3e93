#include "coordinator/lookup/key.hpp"
#include "coordinator/lookup/ring.hpp"
#include "coordinator/lookup/score.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace thor::lookup {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(key_hash, sees_no_case_of_ascii_and_nothing_else) {
  EXPECT_EQ(key_hash("Alice@Example.COM"), key_hash("alice@example.com"));
  EXPECT_NE(key_hash("jos\xc3\x89"), key_hash("jos\xc3\xa9"));
  EXPECT_NE(key_hash("alice"), key_hash("alice "));
  EXPECT_NE(key_hash("[@`{"), key_hash("{`@["));
  EXPECT_EQ(key_hash(std::string(100, 'A') + "b"), key_hash(std::string(100, 'a') + "B"));
}

TEST(hash_label, is_read_in_either_case) {
  EXPECT_EQ(hash_label(0x0123'4567'89ab'cdef), "k-0123456789abcdef");
  EXPECT_EQ(hash_label(0), "k-0000000000000000");
  EXPECT_EQ(parse_hash_label("K-0123456789ABCDEF"), 0x0123'4567'89ab'cdef);
}

TEST(hash_label, is_nothing_but_k_and_sixteen_digits) {
  for (const std::string_view text :
       {"", "k-", "k-0123456789abcde", "k-0123456789abcdef0", "k-0123456789abcdeg",
        "k_0123456789abcdef", "x-0123456789abcdef", "k-0x23456789abcdef", "k--123456789abcdef"})
    EXPECT_FALSE(parse_hash_label(text)) << text;
}

TEST(hash_of_label, takes_a_hash_for_itself_and_all_else_for_a_key) {
  EXPECT_EQ(hash_of_label("K-00000000000000FF"), 0xff);
  EXPECT_EQ(hash_of_label("k-00000000000000f"), key_hash("k-00000000000000f"));
}

TEST(distance, never_grows_with_the_draw) {
  std::set<std::uint64_t> draws{0, std::numeric_limits<std::uint64_t>::max()};
  for (unsigned bit = 1; bit < 64; ++bit)
    for (std::uint64_t step = 0; step < 1024; ++step) {
      const std::uint64_t power = std::uint64_t{1} << bit;
      const std::uint64_t d = power + (bit < 10 ? step & (power - 1) : step << (bit - 10));
      draws.insert({d - 1, d, d + 1});
    }
  std::uint64_t last = distance(0);
  for (const std::uint64_t d : draws) {
    EXPECT_LE(distance(d), last) << d;
    last = distance(d);
  }
  EXPECT_GT(last, 0);
}

TEST(ring, without_nodes_has_no_home) {
  EXPECT_EQ(ring().home(1), nullptr);
  EXPECT_THAT(ring().order(1, 3), IsEmpty());
}

TEST(ring, gives_what_there_is_and_no_more_than_asked) {
  const ring r({{"a"}, {"b"}, {"c"}});
  EXPECT_EQ(r.order(7, 0).size(), 0);
  EXPECT_EQ(r.order(7, 2).size(), 2);
  EXPECT_EQ(r.order(7, 9).size(), 3);
  EXPECT_EQ(r.home(7)->id, r.order(7, 3).front());
}

TEST(ring, a_draining_node_keeps_its_keys_and_gets_no_new_ones) {
  const ring before({{"a"}, {"b"}, {"c"}});
  const ring r({{"a"}, {"b", 100, true}, {"c"}});
  for (std::uint64_t key = 0; key < 100; ++key) {
    EXPECT_EQ(r.order(key, 3), before.order(key, 3));
    EXPECT_EQ(r.order(key, 3, placement::fresh).back(), "b");
  }
}

TEST(ring, without_weight_comes_after_weight_and_draining_after_all_where_keys_are_new) {
  const ring r({{"zero", 0}, {"active"}, {"draining", 100, true}, {"both", 0, true}});
  for (std::uint64_t key = 0; key < 100; ++key) {
    EXPECT_THAT(r.order(key, 4, placement::fresh),
                ElementsAre("active", "zero", "draining", "both"));
    const auto existing = r.order(key, 4);
    EXPECT_TRUE(existing[2] == "zero" || existing[2] == "both");
    EXPECT_TRUE(existing[3] == "zero" || existing[3] == "both");
  }
}

model::member_map members() {
  model::member_map out;
  const auto add = [&](std::string_view id, std::map<std::string, model::role_offer> roles) {
    const auto name = *model::node_id::parse(id);
    out.emplace(name, model::member{{name, {1, 1}, {}, std::move(roles), {}, {}, {}}, {}});
  };
  const model::role_offer active;
  const model::role_offer draining{model::role_state::draining, {}, 10, 50};
  add("n1", {{"sip_proxy", active}, {"thor_database", active}});
  add("n2", {{"sip_proxy", draining}, {"media_relay", active}});
  return out;
}

TEST(ring, of_members_has_those_that_offer_the_role) {
  const ring r(members(), "sip_proxy");
  EXPECT_THAT(r.nodes(), ElementsAre(node{"n1", 100, false}, node{"n2", 50, true}));
  EXPECT_TRUE(ring(members(), "xcap_server").empty());
  EXPECT_TRUE(ring(members(), "thor_database").empty());
}

TEST(rings, are_those_of_each_role) {
  const rings all(members());
  EXPECT_THAT(all.of("sip_proxy").nodes(),
              ElementsAre(node{"n1", 100, false}, node{"n2", 50, true}));
  EXPECT_THAT(all.of("media_relay").nodes(), ElementsAre(node{"n2"}));
  EXPECT_TRUE(all.of("xcap_server").empty());
  EXPECT_TRUE(all.of("thor_database").empty());
  EXPECT_EQ(all.all().size(), 2);
}

} // namespace
} // namespace thor::lookup
