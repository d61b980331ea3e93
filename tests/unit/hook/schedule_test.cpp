#include "coordinator/hook/document.hpp"
#include "coordinator/hook/schedule.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>

namespace thor::hook {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

model::node_id id(std::string_view text) {
  return model::node_id::parse(text).value();
}

model::presence proxy(std::string_view name, std::uint8_t octet = 1) {
  return {.id = id(name),
          .at = {1, 1},
          .addresses = {model::ip_address::v4({192, 0, 2, octet})},
          .roles = {{"sip_proxy", {}}},
          .site = {},
          .software = {},
          .attributes = {}};
}

std::vector<std::string> names(const std::vector<model::node_id>& ids) {
  std::vector<std::string> out;
  for (const auto& one : ids)
    out.push_back(one.text());
  return out;
}

std::vector<std::string> names(const std::vector<removed>& all) {
  std::vector<std::string> out;
  for (const auto& one : all)
    out.push_back(one.last.what.id.text());
  return out;
}

class Hook : public testing::Test {
 protected:
  void have(const model::presence& p) {
    view_.members.insert_or_assign(p.id, model::member{p, {}});
    ++view_.where.sequence;
  }
  void lose(std::string_view name, std::optional<model::withdrawal> why = std::nullopt) {
    subject_.on_gone(id(name), why);
    view_.members.erase(id(name));
    ++view_.where.sequence;
  }
  void tell() { subject_.on_status(now_, view_); }
  /// What is started within `how_long`, if anything.
  std::optional<run> wait(model::duration how_long) {
    const auto end = now_ + how_long;
    while (subject_.next_deadline() <= end) {
      now_ = std::max(now_, subject_.next_deadline());
      if (auto started = subject_.on_deadline(now_, view_))
        return started;
    }
    now_ = end;
    return std::nullopt;
  }
  void end(outcome how) { subject_.on_done(now_, how); }
  /// The first run, done.
  void begin() {
    tell();
    ASSERT_TRUE(wait(1s));
    end(outcome::taken);
  }

  model::view view_{.known = true, .where = {{7, "m1"}, 1}, .serial = 70, .members = {}};
  model::time_point now_{1h};
  schedule subject_{settings{}};
};

TEST_F(Hook, RunsAtTheStartWithTheWholePicture) {
  have(proxy("n1"));
  have(proxy("n2"));
  EXPECT_EQ(subject_.next_deadline(), model::never);
  tell();
  EXPECT_EQ(subject_.next_deadline(), now_ + debounce_default);
  const auto first = wait(1s);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->why, cause::start);
  EXPECT_EQ(first->number, 1U);
  EXPECT_EQ(first->serial, 70U);
  EXPECT_THAT(names(first->added), ElementsAre("n1", "n2"));
  EXPECT_EQ(first->members.size(), 2U);
}

TEST_F(Hook, RunsAtTheStartThoughNobodyIsThere) {
  tell();
  const auto first = wait(1s);
  ASSERT_TRUE(first);
  EXPECT_THAT(first->members, IsEmpty());
}

TEST_F(Hook, WithoutOnStartTellsOnlyWhatComes) {
  subject_ = schedule(settings{.roles = {}, .ignored_attributes = {}, .on_start = false});
  have(proxy("n1"));
  tell();
  EXPECT_FALSE(wait(1h));
  have(proxy("n2", 2));
  tell();
  const auto first = wait(1s);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->why, cause::change);
  EXPECT_THAT(names(first->added), ElementsAre("n2"));
}

TEST_F(Hook, TellsChangesThatComeTogetherInOneRun) {
  have(proxy("n1"));
  have(proxy("n2"));
  begin();
  have(proxy("n1", 9));
  tell();
  wait(100ms);
  lose("n2", model::withdrawal::silent);
  tell();
  wait(50ms);
  have(proxy("n3"));
  tell();
  const auto second = wait(50ms);
  ASSERT_TRUE(second) << "the first change waits no longer for the later ones";
  EXPECT_EQ(second->why, cause::change);
  EXPECT_THAT(names(second->added), ElementsAre("n3"));
  EXPECT_THAT(names(second->changed), ElementsAre("n1"));
  EXPECT_THAT(names(second->gone), ElementsAre("n2"));
  EXPECT_EQ(second->gone[0].why, model::withdrawal::silent);
}

TEST_F(Hook, DoesNotRunForWhatUndidItself) {
  have(proxy("n1"));
  begin();
  lose("n1");
  tell();
  have(proxy("n1"));
  tell();
  EXPECT_FALSE(wait(1h));
  EXPECT_FALSE(subject_.behind());
}

TEST_F(Hook, DoesNotRunForAProcessThatStartedAgainAndSaysTheSame) {
  have(proxy("n1"));
  begin();
  auto again = proxy("n1");
  again.at = {2, 1};
  have(again);
  tell();
  EXPECT_FALSE(wait(1h));
}

TEST_F(Hook, TellsWhatCameDuringARunInTheNextOne) {
  begin();
  have(proxy("n1"));
  tell();
  ASSERT_TRUE(wait(1s));
  have(proxy("n2"));
  tell();
  EXPECT_FALSE(wait(1h)) << "one at a time";
  end(outcome::taken);
  const auto next = wait(0s);
  ASSERT_TRUE(next);
  EXPECT_THAT(names(next->added), ElementsAre("n2"));
}

TEST_F(Hook, TellsEverythingAgainAfterAFailure) {
  have(proxy("n1"));
  begin();
  have(proxy("n2"));
  tell();
  ASSERT_TRUE(wait(1s));
  end(outcome::failed);
  EXPECT_TRUE(subject_.behind());
  EXPECT_EQ(subject_.next_deadline(), now_ + retry_first);
  const auto again = wait(retry_first);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->why, cause::retry);
  EXPECT_THAT(names(again->added), ElementsAre("n2"));
  end(outcome::taken);
  EXPECT_FALSE(wait(1h));
}

TEST_F(Hook, TriesAgainThoughTheChangeUndidItself) {
  begin();
  have(proxy("n1"));
  tell();
  ASSERT_TRUE(wait(1s));
  end(outcome::failed);
  lose("n1");
  tell();
  const auto again = wait(1h);
  ASSERT_TRUE(again) << "it may have been taken over in part";
  EXPECT_THAT(again->added, IsEmpty());
}

TEST_F(Hook, TriesAgainLessAndLessOften) {
  tell();
  std::vector<model::duration> waits;
  for (int i = 0; i < 9; ++i) {
    const auto before = now_;
    ASSERT_TRUE(wait(1h));
    waits.push_back(now_ - before);
    end(outcome::failed);
  }
  EXPECT_THAT(waits, ElementsAre(debounce_default, 1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s));
  EXPECT_EQ(subject_.failures(), 9U);
}

TEST_F(Hook, StartsOverWithTheWaitsAfterASuccess) {
  tell();
  for (const auto how : {outcome::failed, outcome::failed, outcome::taken}) {
    ASSERT_TRUE(wait(1h));
    end(how);
  }
  have(proxy("n1"));
  tell();
  ASSERT_TRUE(wait(1h));
  end(outcome::failed);
  EXPECT_EQ(subject_.next_deadline(), now_ + retry_first);
}

TEST_F(Hook, DoesNotWaitWithAChangeForTheNextTry) {
  begin();
  have(proxy("n1"));
  tell();
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(wait(1h));
    end(outcome::failed);
  }
  have(proxy("n2"));
  tell();
  const auto next = wait(debounce_default);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->why, cause::change);
  EXPECT_THAT(names(next->added), ElementsAre("n1", "n2"));
}

TEST_F(Hook, IsNotTriedAgainWhenThatIsNoUseButToldOfTheNextChange) {
  begin();
  have(proxy("n1"));
  tell();
  ASSERT_TRUE(wait(1s));
  end(outcome::refused);
  EXPECT_TRUE(subject_.behind());
  EXPECT_FALSE(wait(24h));
  have(proxy("n2"));
  tell();
  const auto next = wait(1s);
  ASSERT_TRUE(next);
  EXPECT_THAT(names(next->added), ElementsAre("n1", "n2"));
}

TEST_F(Hook, SeesTheMembersOfItsRolesOnly) {
  subject_ = schedule(settings{.roles = {"sip_proxy", "xcap_server"}, .ignored_attributes = {}});
  have(proxy("n1"));
  begin();
  auto relay = proxy("r1");
  relay.roles = {{"media_relay", {}}};
  have(relay);
  auto more = proxy("n1");
  more.roles["media_relay"] = {};
  have(more);
  tell();
  EXPECT_FALSE(wait(1h)) << "a role that it does not see";
  more.roles["sip_proxy"].state = model::role_state::draining;
  have(more);
  tell();
  const auto next = wait(1s);
  ASSERT_TRUE(next);
  EXPECT_THAT(names(next->changed), ElementsAre("n1"));
  EXPECT_EQ(next->members.size(), 1U);
  end(outcome::taken);
  more.roles = {{"media_relay", {}}};
  have(more);
  tell();
  const auto last = wait(1s);
  ASSERT_TRUE(last);
  EXPECT_THAT(names(last->gone), ElementsAre("n1"));
  EXPECT_FALSE(last->gone[0].why) << "it is still a member";
}

TEST_F(Hook, PassesOverAttributesThatAreNoReason) {
  subject_ = schedule(settings{.roles = {}, .ignored_attributes = {"load"}});
  have(proxy("n1"));
  begin();
  auto busy = proxy("n1");
  busy.attributes["load"] = "7";
  have(busy);
  tell();
  EXPECT_FALSE(wait(1h));
  busy.attributes["rack"] = "B7";
  have(busy);
  tell();
  EXPECT_TRUE(wait(1s));
}

TEST_F(Hook, ForgetsAReasonWhenItWasTold) {
  have(proxy("n1"));
  begin();
  lose("n1", model::withdrawal::left);
  tell();
  EXPECT_EQ(wait(1s)->gone.at(0).why, model::withdrawal::left);
  end(outcome::taken);
  have(proxy("n1"));
  tell();
  wait(1s);
  end(outcome::taken);
  lose("n1");
  tell();
  EXPECT_EQ(wait(1s)->gone.at(0).why, std::nullopt);
}

TEST_F(Hook, ForgetsAReasonWhenTheMemberIsBack) {
  subject_ = schedule(settings{.roles = {"sip_proxy"}, .ignored_attributes = {}});
  have(proxy("n1"));
  begin();
  have(proxy("n2"));
  tell();
  wait(1s);
  lose("n1", model::withdrawal::left);
  have(proxy("n1", 9));
  tell();
  end(outcome::taken);
  wait(1s);
  end(outcome::taken);
  auto other = proxy("n1");
  other.roles = {{"media_relay", {}}};
  have(other);
  tell();
  EXPECT_EQ(wait(1s)->gone.at(0).why, std::nullopt) << "it gave up the role";
}

TEST_F(Hook, IsNotMovedByAnEndOfARunThatIsNotUnderWay) {
  begin();
  end(outcome::failed);
  EXPECT_EQ(subject_.failures(), 0U);
  EXPECT_FALSE(wait(1h));
}

// ---- what it reads

TEST_F(Hook, ReadsAnObjectWithMembersAsTheMonitorShowsThem) {
  auto first = proxy("n1");
  first.attributes = {{"rack", "B7\n"}};
  first.roles["sip_proxy"].ports = {{"sip.udp", 5070}};
  have(first);
  have(proxy("n2", 2));
  begin();
  lose("n2", model::withdrawal::closed);
  have(proxy("n3", 3));
  tell();
  const auto what = wait(1s);
  const auto text =
      document({"example.net", id("n1"), "kamailio"}, *what, model::unix_time(1700000000s));
  EXPECT_THAT(text, testing::EndsWith("}\n"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 1);
  const auto object = json::parse(text).as_object();
  EXPECT_EQ(object.at("domain"), "example.net");
  EXPECT_EQ(object.at("id"), "n1");
  EXPECT_EQ(object.at("hook"), "kamailio");
  EXPECT_EQ(object.at("cause"), "change");
  EXPECT_EQ(object.at("run"), 2);
  EXPECT_EQ(object.at("unix_time"), 1700000000);
  EXPECT_EQ(object.at("epoch"), (json::object{{"counter", 7}, {"manager", "m1"}}));
  EXPECT_EQ(object.at("serial"), 70);
  EXPECT_EQ(object.at("added"), json::array{"n3"});
  EXPECT_EQ(object.at("changed"), json::array{});
  const auto& gone = object.at("removed").as_array().at(0).as_object();
  EXPECT_EQ(gone.at("id"), "n2");
  EXPECT_EQ(gone.at("reason"), "closed");
  EXPECT_EQ(gone.at("addresses"), json::array{"192.0.2.2"});
  const auto& member = object.at("members").as_array().at(0).as_object();
  EXPECT_EQ(member.at("id"), "n1");
  EXPECT_EQ(member.at("myself"), true);
  EXPECT_EQ(member.at("attributes"), (json::object{{"rack", "B7\n"}}));
  EXPECT_EQ(member.at("roles"),
            json::parse(R"({"sip_proxy":{"state":"active","priority":10,"weight":100,)"
                        R"("ports":{"sip.udp":5070}}})"));
}

TEST_F(Hook, ReadsNoPassword) {
  auto database = proxy("db1");
  database.roles = {{"thor_database", {}}};
  database.attributes = {{"dburi.1", "10 mysql://thor:secret@192.0.2.1/thor"},
                         {"dburi.2", "20 mysql://thor@192.0.2.2/thor"}};
  have(database);
  tell();
  const auto text = document({"example.net", id("n1"), "x"}, *wait(1s), {});
  EXPECT_THAT(text, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(text, HasSubstr("mysql://thor@192.0.2.2/thor"));
}

} // namespace
} // namespace thor::hook
