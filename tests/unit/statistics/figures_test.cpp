#include "coordinator/statistics/figures.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

namespace thor::statistics {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

sections numbers(std::string_view text) {
  return numbers_of(json::parse(json::string_view(text.data(), text.size())).get_object());
}

TEST(Figures, AreNumbersByDomainOrAlone) {
  EXPECT_EQ(numbers(R"({"online_accounts":{"a.example":3,"b.example":4.5},"calls":7})"),
            (sections{{"online_accounts", {{"a.example", 3}, {"b.example", 4.5}}},
                      {"calls", {{"", 7}}}}));
}

TEST(Figures, PassOverWhatIsFreeForm) {
  EXPECT_EQ(
      numbers(R"({"version":"1.2","status":null,"up":true,"ports":[1,2],"deep":{"a":{"b":1}},)"
              R"("mixed":{"a.example":1,"note":"x"},"":{"":5}})"),
      (sections{{"mixed", {{"a.example", 1}}}}));
}

TEST(Figures, AreFinite) {
  EXPECT_THAT(numbers(R"({"a":1e999,"b":{"x":-1e999,"y":1e308}})"),
              ElementsAre(Pair("b", ElementsAre(Pair("y", 1e308)))));
}

TEST(Figures, AddUp) {
  EXPECT_EQ(sum_of({{"a.example", 3}, {"b.example", 4.5}}), 7.5);
  EXPECT_EQ(sum_of({}), 0);
}

TEST(Figures, AreWrittenAsPeopleWriteThem) {
  EXPECT_EQ(json::serialize(to_json(1520.0)), "1520");
  EXPECT_EQ(json::serialize(to_json(-3.0)), "-3");
  EXPECT_EQ(to_json(0.25), 0.25);
  EXPECT_EQ(json::serialize(to_json(1e308 * 10)), "null") << "a sum may overflow";
  EXPECT_EQ(json::serialize(to_json(by_domain{{"", 7}})), "7");
  EXPECT_EQ(json::serialize(to_json(by_domain{{"a.example", 7}})), R"({"a.example":7})");
}

TEST(Figures, AreShownAsPeopleWriteThem) {
  EXPECT_EQ(to_text(1520), "1520");
  EXPECT_EQ(to_text(-9007199254740991.0), "-9007199254740991");
  EXPECT_EQ(to_text(0.25), "0.25");
  EXPECT_EQ(to_text(1.0 / 3), "0.333333");
  EXPECT_EQ(to_text(-1.7976931348623157e308), "-1.79769e+308");
}

TEST(Figures, HaveNamesLikeRoles) {
  EXPECT_TRUE(is_name("sip_proxy"));
  EXPECT_TRUE(is_name("load"));
  EXPECT_FALSE(is_name("dns")) << "thor-dns speaks to managers under it";
  EXPECT_FALSE(is_name(""));
  EXPECT_FALSE(is_name("Load average"));
}

TEST(Figures, AreReadByName) {
  const auto all =
      named_figures(R"({"sip_proxy":{"calls":1},"dns":{"serial":7},"load":3,"Bad Name":{"a":1}})");
  EXPECT_THAT(all, ElementsAre(Pair("sip_proxy", testing::_)));
  for (const auto* wrong : {"", "[]", "{", R"({"a":{},"a":{}})"})
    EXPECT_THAT(named_figures(wrong), IsEmpty()) << wrong;
}

TEST(Figures, OfOneMemberAreBounded) {
  std::string many;
  for (std::size_t i = 0; i < names_max + 5; ++i)
    many += (i == 0 ? "{" : ",") + ("\"n" + std::to_string(i)) + "\":{}";
  EXPECT_EQ(named_figures(many + "}").size(), names_max);
  EXPECT_THAT(
      parse_figures(R"({"a":")" + std::string(wire::statistics_octets_max, 'x') + "\"}").error(),
      HasSubstr("more than 16384 octets"));
}

} // namespace
} // namespace thor::statistics
