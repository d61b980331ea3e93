#include "coordinator/model/follower.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::model {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr unix_time now{std::chrono::seconds{1'750'000'000}};
const epoch first{1'750'000'000, "m1"};
const epoch later{1'750'000'001, "m2"};

member make(std::string_view name, std::uint64_t sequence = 1) {
  return {{.id = *node_id::parse(name),
           .at = {100, sequence},
           .addresses = {*ip_address::parse("192.0.2.1")},
           .roles = {},
           .site = "",
           .software = "",
           .attributes = {}},
          now};
}

status_full full(std::uint64_t sequence, const std::vector<member>& all, epoch at = first) {
  status_full out{{std::move(at), sequence}, 7, {}};
  for (const auto& m : all)
    out.members.emplace(m.what.id, m);
  return out;
}

status_delta delta(std::uint64_t sequence, std::vector<member> upserts,
                   std::vector<removal> removals = {}) {
  return {{first, sequence}, 8, std::move(upserts), std::move(removals)};
}

removal gone(std::string_view name, withdrawal why = withdrawal::silent) {
  return {*node_id::parse(name), why};
}

class Follower : public testing::Test {
 protected:
  std::vector<status_note> hear(const status_event& event, const std::string& server = "es:1") {
    std::vector<status_note> out;
    last_ = follower_.on_status(server, event, now, out);
    return out;
  }
  std::vector<status_note> sync(const std::string& server = "es:1") {
    std::vector<status_note> out;
    follower_.on_synced(server, out);
    return out;
  }
  void begin(const std::vector<member>& all) {
    hear(full(1, all));
    ASSERT_THAT(sync(), ElementsAre(status_began{}));
  }

  follower follower_;
  verdict last_ = verdict::current;
};

TEST_F(Follower, BeginsWhenWhatIsRetainedIsComplete) {
  EXPECT_THAT(hear(full(1, {make("a")})), IsEmpty());
  EXPECT_THAT(hear(delta(2, {make("b")})), IsEmpty());
  EXPECT_FALSE(follower_.began());
  EXPECT_THAT(sync(), ElementsAre(status_began{}));
  EXPECT_EQ(2U, follower_.seen().members.size());
  EXPECT_THAT(sync("es:2"), IsEmpty()) << "once";
}

TEST_F(Follower, BeginsWithTheFirstManagerOfAnOverlay) {
  EXPECT_THAT(sync(), IsEmpty()) << "nothing is retained";
  EXPECT_THAT(hear(full(1, {})), ElementsAre(status_began{}));
}

TEST_F(Follower, DoesNotBeginByTheWordOfAServerThatIsNotInSync) {
  sync("es:1");
  follower_.on_server_down("es:1");
  EXPECT_THAT(hear(full(1, {make("a")}), "es:1"), IsEmpty());
  EXPECT_THAT(hear(full(1, {make("a")}), "es:2"), IsEmpty());
  EXPECT_THAT(sync("es:2"), ElementsAre(status_began{}));
}

TEST_F(Follower, TellsOfADeltaWhoWentWhoChangedAndWhoCame) {
  begin({make("b"), make("d"), make("f"), make("h")});
  const position then{first, 2};
  EXPECT_THAT(hear(delta(2, {make("f", 2), make("e"), make("b", 2), make("a")},
                         {gone("h", withdrawal::left), gone("d")})),
              ElementsAre(member_gone{make("d"), withdrawal::silent},
                          member_gone{make("h"), withdrawal::left},
                          member_changed{make("b"), make("b", 2)},
                          member_changed{make("f"), make("f", 2)}, member_joined{make("a")},
                          member_joined{make("e")}, status_settled{then}));
}

TEST_F(Follower, TellsOfAWholeStatusByWhatDiffers) {
  begin({make("a"), make("b"), make("c")});
  EXPECT_THAT(hear(full(1, {make("b"), make("c", 5), make("d")}, later)),
              ElementsAre(member_gone{make("a"), std::nullopt},
                          member_changed{make("c"), make("c", 5)}, member_joined{make("d")},
                          status_settled{{later, 1}}));
}

TEST_F(Follower, TellsThePositionWhenNoMemberChanged) {
  begin({make("a")});
  EXPECT_THAT(hear(full(1, {make("a")}, later)), ElementsAre(status_settled{{later, 1}}));
  EXPECT_THAT(hear(full(1, {make("a")}, later), "es:2"), IsEmpty()) << "the same from another";
}

TEST_F(Follower, AMemberThatIsReplacedByItselfHasNotChanged) {
  begin({make("a")});
  EXPECT_THAT(hear(delta(2, {make("a")}, {gone("a")})), ElementsAre(status_settled{{first, 2}}));
}

TEST_F(Follower, TellsNothingOfAGapAndKeepsWhatItHas) {
  begin({make("a")});
  EXPECT_THAT(hear(delta(3, {make("b")})), IsEmpty());
  EXPECT_EQ(verdict::gap, last_);
  EXPECT_EQ(1U, follower_.seen().members.size());
  follower_.on_server_down("es:1");
  EXPECT_THAT(hear(full(3, {make("a"), make("b")})),
              ElementsAre(member_joined{make("b")}, status_settled{{first, 3}}))
      << "the snapshot after it, told before that server is in sync";
}

TEST_F(Follower, RefusesAnEpochFarAhead) {
  begin({make("a")});
  EXPECT_THAT(hear(full(1, {}, {1'750'003'601, "m3"})), IsEmpty());
  EXPECT_EQ(verdict::far_future, last_);
}

} // namespace
} // namespace thor::model
