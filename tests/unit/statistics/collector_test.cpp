#include "coordinator/statistics/collector.hpp"
#include "coordinator/wire/codec.hpp"

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

namespace thor::statistics {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr model::unix_time wall_start{1'700'000'000s};

class Collecting : public testing::Test {
 protected:
  std::vector<effect> due() {
    std::vector<effect> out;
    subject_.on_deadline(now_, out);
    return out;
  }
  /// What happens in that time, the last moment included.
  std::vector<effect> wait(model::duration how_long) {
    std::vector<effect> out;
    const auto end = now_ + how_long;
    while (subject_.next_deadline() <= end) {
      now_ = std::max(now_, subject_.next_deadline());
      subject_.on_deadline(now_, out);
    }
    now_ = end;
    return out;
  }
  std::expected<void, std::string> answer(std::size_t which, std::string_view text) {
    return subject_.on_answer(now_, wall(), which, text);
  }
  std::expected<void, std::string> hand_in(const std::string& name, std::string_view text) {
    return subject_.on_hand_in(now_, wall(), name, text);
  }
  model::unix_time wall() const {
    return wall_start +
           std::chrono::duration_cast<std::chrono::seconds>(now_ - model::time_point(1h));
  }
  wire::statistics said() const { return wire::decode_statistics(subject_.body()).value(); }

  model::time_point now_{1h};
  collector subject_{model::node_id::parse("n1").value(), 7};
};

TEST_F(Collecting, AsksEachSourceAtTheStartAndOnceAnInterval) {
  subject_.configure(now_, {{"sip_proxy", 10s}, {"load", 30s}});
  EXPECT_THAT(due(), ElementsAre(effect(ask{0}), effect(ask{1})));
  EXPECT_THAT(wait(1h), IsEmpty()) << "one question at a time";
  subject_.on_failure(now_, 0);
  EXPECT_THAT(due(), ElementsAre(effect(ask{0}))) << "the answer took longer than the interval";
  subject_.on_failure(now_, 0);
  EXPECT_THAT(wait(9999ms), IsEmpty());
  EXPECT_THAT(wait(1ms), ElementsAre(effect(ask{0})));
}

TEST_F(Collecting, PublishesWhatItGotWithWhichAndWhen) {
  subject_.configure(now_, {{"sip_proxy", 10s}});
  due();
  now_ += 2s;
  ASSERT_TRUE(answer(0, R"({"calls": 12})"));
  EXPECT_THAT(due(), ElementsAre(effect(publish{})));
  EXPECT_EQ(said().json, R"({"sip_proxy":{"calls":12}})");
  EXPECT_EQ(said().at, (model::version{7, 1}));
  EXPECT_THAT(said().taken, ElementsAre(testing::Pair("sip_proxy", wall_start + 2s)));
}

TEST_F(Collecting, PublishesNothingBeforeItHasSomething) {
  subject_.configure(now_, {{"sip_proxy", 10s}});
  EXPECT_THAT(due(), ElementsAre(effect(ask{0})));
  EXPECT_FALSE(answer(0, "no JSON"));
  EXPECT_THAT(due(), IsEmpty());
  EXPECT_EQ(subject_.body(), "");
}

TEST_F(Collecting, PublishesAtMostOnceASecond) {
  ASSERT_TRUE(hand_in("calls", R"({"n":1})"));
  EXPECT_THAT(due(), ElementsAre(effect(publish{})));
  std::size_t published = 0;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(hand_in("calls", R"({"n":)" + std::to_string(i) + "}"));
    published += wait(10ms).size();
  }
  EXPECT_EQ(published, 10U);
  wait(1s);
  EXPECT_THAT(said().json, HasSubstr(R"({"n":999})")) << "the last word is published";
  EXPECT_EQ(said().at.sequence, 11U);
}

TEST_F(Collecting, KeepsOldFiguresWhenTheNewOnesAreBadUntilTheyAreOld) {
  subject_.configure(now_, {{"sip_proxy", 200s}});
  due();
  ASSERT_TRUE(answer(0, R"({"calls":12})"));
  due();
  EXPECT_THAT(wait(200s), ElementsAre(effect(ask{0})));
  EXPECT_THAT(answer(0, "[1]").error(), HasSubstr("no figures"));
  EXPECT_EQ(said().json, R"({"sip_proxy":{"calls":12}})");
  wait(200s);
  subject_.on_failure(now_, 0);
  EXPECT_THAT(wait(199s), IsEmpty());
  EXPECT_THAT(wait(1s), Contains(effect(publish{})));
  EXPECT_EQ(said().json, "{}") << "600 s";
}

TEST_F(Collecting, PublishesFiguresThatDidNotChangeSoThatTheyDoNotGetOld) {
  subject_.configure(now_, {{"sip_proxy", 300s}});
  due();
  ASSERT_TRUE(answer(0, R"({"calls":12})"));
  due();
  wait(300s);
  ASSERT_TRUE(answer(0, R"({"calls":12})"));
  EXPECT_THAT(due(), ElementsAre(effect(publish{})));
  EXPECT_EQ(said().taken.at("sip_proxy"), wall_start + 300s);
}

TEST_F(Collecting, TakesFiguresFromProgramsOnTheMachine) {
  subject_.configure(now_, {{"sip_proxy", 10s}});
  due();
  EXPECT_TRUE(hand_in("billing", R"({"calls":{"a.example":1}})"));
  EXPECT_THAT(hand_in("sip_proxy", "{}").error(), HasSubstr("comes from a source"));
  EXPECT_THAT(hand_in("dns", "{}").error(), HasSubstr("no name for figures"));
  EXPECT_THAT(hand_in("Bad", "{}").error(), HasSubstr("no name for figures"));
  EXPECT_THAT(hand_in("billing", "").error(), HasSubstr("no figures"));
  due();
  EXPECT_EQ(said().json, R"({"billing":{"calls":{"a.example":1}}})");
  EXPECT_TRUE(hand_in("billing", "{}"));
  wait(1s);
  EXPECT_EQ(said().json, "{}") << "taken back";
}

TEST_F(Collecting, NeverSaysMoreThanAnEventServerTakes) {
  ASSERT_TRUE(hand_in("a", R"({"x":")" + std::string(10'000, 'x') + "\"}"));
  EXPECT_THAT(hand_in("b", R"({"x":")" + std::string(10'000, 'x') + "\"}").error(),
              HasSubstr("16384 octets at most"));
  ASSERT_TRUE(hand_in("b", R"({"x":")" + std::string(6'000, 'x') + "\"}"));
  due();
  EXPECT_LE(subject_.body().size(), wire::statistics_octets_max);
}

TEST_F(Collecting, TakesNothingThatOthersCouldNotRead) {
  std::string deep = "1";
  for (std::size_t i = 0; i < 7; ++i)
    deep = R"({"a":)" + deep + "}";
  EXPECT_FALSE(hand_in("a", deep)) << "within a body it is nested too deep";
  EXPECT_FALSE(hand_in("a", R"({"x":1,"x":2})"));
}

TEST_F(Collecting, IsBoundedInNames) {
  for (std::size_t i = 0; i < names_max; ++i)
    ASSERT_TRUE(hand_in("n" + std::to_string(i), R"({"x":1})"));
  EXPECT_THAT(hand_in("one_more", R"({"x":1})").error(), HasSubstr("32 names already"));
  EXPECT_TRUE(hand_in("n0", R"({"x":2})"));
}

TEST_F(Collecting, FollowsANewConfiguration) {
  subject_.configure(now_, {{"sip_proxy", 10s}, {"load", 10s}});
  due();
  ASSERT_TRUE(answer(0, R"({"calls":1})"));
  ASSERT_TRUE(answer(1, R"({"average_1m":1})"));
  ASSERT_TRUE(hand_in("billing", R"({"x":1})"));
  due();
  now_ += 1s;
  subject_.configure(now_, {{"load", 20s}});
  EXPECT_THAT(due(), ElementsAre(effect(ask{0}), effect(publish{})));
  EXPECT_EQ(said().json, R"({"billing":{"x":1},"load":{"average_1m":1}})");
}

TEST_F(Collecting, DescribesWhatItHas) {
  ASSERT_TRUE(hand_in("billing", R"({"x":1})"));
  EXPECT_EQ(json::serialize(subject_.describe()),
            R"({"billing":{"taken":1700000000,"figures":{"x":1}}})");
}

} // namespace
} // namespace thor::statistics
