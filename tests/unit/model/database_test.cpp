#include "coordinator/model/database.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

presence make(std::string_view id, std::string_view address, const std::vector<database>& all) {
  presence p{*node_id::parse(id), {1, 1}, {*ip_address::parse(address)}, {}, {}, {}, {}};
  announce_databases(p, all);
  return p;
}

member_map members(const std::vector<presence>& all) {
  member_map out;
  for (const auto& p : all)
    out.emplace(p.id, member{p, {}});
  return out;
}

// ---- URIs

class GoodUri : public testing::TestWithParam<const char*> {};

TEST_P(GoodUri, IsAccepted) {
  EXPECT_TRUE(check_database_uri(GetParam())) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(
    Database, GoodUri,
    testing::Values("mysql://sipthor@db1.example.net/sipthor", "mysql://sipthor:/sipthor",
                    "mysql://sipthor:@db1/sipthor", "mysql://db1", "mysql:///sipthor",
                    "postgresql://u@[2001:db8::1]:5432/db?sslmode=require&password=",
                    "mongodb://a:27017,b:27017/db", "mysql+ssl://u%40home@192.0.2.1:3306/db"),
    [](const auto& info) { return std::to_string(info.index); });

class BadUri : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(BadUri, IsRefusedWithASentenceThatKeepsTheSecret) {
  const auto& [uri, why] = GetParam();
  const auto checked = check_database_uri(uri);
  ASSERT_FALSE(checked) << uri;
  EXPECT_THAT(checked.error().detail, HasSubstr(why));
  EXPECT_THAT(checked.error().detail, Not(HasSubstr("s3cret")));
}

INSTANTIATE_TEST_SUITE_P(
    Database, BadUri,
    testing::Values(std::pair{"mysql://sipthor:s3cret@db1/sipthor", "has a password"},
                    std::pair{"mysql://:s3cret@db1/sipthor", "has a password"},
                    std::pair{"mysql://u:s3@cret@db1/sipthor", "has a password"},
                    std::pair{"mysql://u:s3/cret@db1/sipthor", "port that is no number"},
                    std::pair{"mysql://u:3/s3cret@db1/sipthor", "write it as %40"},
                    std::pair{"postgresql://u@db1/db?password=s3cret", "has a password"},
                    std::pair{"postgresql://db1/db?user=u&PassWord=s3cret", "has a password"},
                    std::pair{"postgresql://db1/db?a=b;pwd=s3cret#x", "has a password"},
                    std::pair{"", "is no URI"}, std::pair{"sipthor", "is no URI"},
                    std::pair{"mysql:sipthor", "is no URI"}, std::pair{"1://host/", "is no URI"},
                    std::pair{"mysql://host/a b", "does not"},
                    std::pair{"mysql://host/\xc3\xa4", "does not"},
                    std::pair{"mysql://host/\x1b[2J", "does not"},
                    std::pair{"mysql://db1:port/db", "port that is no number"}),
    [](const auto& info) { return std::to_string(info.index); });

TEST(DatabaseUri, MayBeAsLongAsAnAttributeHolds) {
  const std::string prefix = "mysql://host/";
  const auto longest = prefix + std::string(database_uri_octets_max - prefix.size(), 'x');
  EXPECT_TRUE(check_database_uri(longest));
  EXPECT_FALSE(check_database_uri(longest + "x"));
  EXPECT_TRUE(validate(make("d1", "192.0.2.1", {{65535, longest}})));
}

// ---- announcing

TEST(AnnouncedDatabases, ArriveAsTheyWereSaid) {
  const auto p = make("d1", "192.0.2.1", {{50, "mysql://u@b/x"}, {10, "mysql://u@a/x"}});
  EXPECT_EQ("50 mysql://u@b/x", p.attributes.at("dburi.1"));
  EXPECT_EQ("10 mysql://u@a/x", p.attributes.at("dburi.2"));
  EXPECT_EQ(10, p.roles.at("thor_database").priority);
  EXPECT_EQ(role_state::active, p.roles.at("thor_database").state);
  EXPECT_THAT(announced_databases(p),
              ElementsAre(database{10, "mysql://u@a/x"}, database{50, "mysql://u@b/x"}));
}

TEST(AnnouncedDatabases, AreReplacedAndWithdrawn) {
  auto p = make("d1", "192.0.2.1", {{50, "mysql://u@b/x"}, {10, "mysql://u@a/x"}});
  p.attributes.emplace("rack", "B7");
  announce_databases(p, {{50, "mysql://u@b/x"}});
  EXPECT_THAT(announced_databases(p), ElementsAre(database{50, "mysql://u@b/x"}));
  announce_databases(p, {});
  EXPECT_THAT(announced_databases(p), IsEmpty());
  EXPECT_EQ(role_state::draining, p.roles.at("thor_database").state);
  EXPECT_THAT(p.attributes, ElementsAre(testing::Pair("rack", "B7")));
}

TEST(AnnouncedDatabases, AreLeftOutWhenMalformedOrWithPassword) {
  auto p = make("d1", "192.0.2.1", {{10, "mysql://u@a/x"}});
  p.attributes.emplace("dburi.2", "20 mysql://u:s3cret@a/x");
  p.attributes.emplace("dburi.3", "mysql://u@a/x");
  p.attributes.emplace("dburi.4", "70000 mysql://u@a/x");
  p.attributes.emplace("dburi.5", "20");
  p.attributes.emplace("dburi.6", "");
  EXPECT_THAT(announced_databases(p), ElementsAre(database{10, "mysql://u@a/x"}));
}

// ---- choosing

TEST(ChooseDatabase, TakesTheLowestPriority) {
  const auto all = members({make("d1", "192.0.2.1", {{50, "mysql://a"}}),
                            make("d2", "192.0.2.2", {{20, "mysql://b"}, {10, "mysql://c"}})});
  const auto chosen = choose_database(all);
  ASSERT_TRUE(chosen);
  EXPECT_EQ("mysql://c", chosen->uri);
  EXPECT_EQ("192.0.2.2", chosen->address.text());
  EXPECT_EQ("d2", chosen->id);
}

TEST(ChooseDatabase, ThenTheLowestAddressAsANumber) {
  const auto all = members({make("d1", "192.0.2.10", {{10, "mysql://a"}}),
                            make("d2", "192.0.2.9", {{10, "mysql://b"}}),
                            make("d3", "2001:db8::1", {{10, "mysql://c"}})});
  EXPECT_EQ("mysql://b", choose_database(all)->uri);
}

TEST(ChooseDatabase, PassesOverMembersThatDrainAndOtherRoles) {
  auto draining = make("d1", "192.0.2.1", {{10, "mysql://a"}});
  draining.roles.at("thor_database").state = role_state::draining;
  auto pretender = make("d2", "192.0.2.2", {{10, "mysql://b"}});
  pretender.roles.clear();
  EXPECT_EQ(std::nullopt, choose_database(members({draining, pretender})));
  EXPECT_EQ(
      "mysql://c",
      choose_database(members({draining, make("d3", "192.0.2.3", {{90, "mysql://c"}})}))->uri);
}

} // namespace
} // namespace thor::model
