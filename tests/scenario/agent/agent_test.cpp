#include "tests/support/agent_bench.hpp"

#include <gmock/gmock.h>

namespace thor::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr auto es1 = "192.0.2.10:8000";
constexpr auto es2 = "192.0.2.11:8000";

std::vector<std::string> opened_servers(const std::vector<effect>& effects) {
  std::vector<std::string> out;
  for (const auto& one : all<open>(effects)) {
    out.push_back(one.server);
  }
  return out;
}

// ---- connecting

TEST(AgentConnect, OpensEveryServerOfAFixedListAtOnce) {
  bench b(settings_of({es1, es2}));
  const auto out = b.tell(start{});
  EXPECT_THAT(opened_servers(out), ElementsAre(es1, es2));
  EXPECT_THAT(all<resolve>(out), IsEmpty());
}

TEST(AgentConnect, SaysHelloThenWaitsForWelcomeBeforeAnythingElse) {
  bench b(settings_of({es1}));
  b.tell(start{});
  const auto after_handshake = b.open_link(es1, "es1");
  ASSERT_THAT(after_handshake, SizeIs(1));
  EXPECT_EQ(sent<wire::hello>(after_handshake).at(0), (wire::hello{1000, "test 1"}));

  const auto after_welcome = b.welcome(es1, "es1");
  ASSERT_THAT(all<went_up>(after_welcome), SizeIs(1));
  EXPECT_EQ(all<went_up>(after_welcome)[0].server, es1);
  EXPECT_THAT(sent<wire::subscribe>(after_welcome).at(0).topics, ElementsAre(wire::topic::members));
}

TEST(AgentConnect, AClientThatSubscribesToNothingSendsNoSubscribe) {
  auto how = settings_of({es1});
  how.topics.clear();
  bench b(how);
  b.tell(start{});
  EXPECT_THAT(sent<wire::subscribe>(b.bring_up(es1, "es1")), IsEmpty());
}

TEST(AgentConnect, HandshakesThatTakeFiveSecondsAreGivenUp) {
  bench b(settings_of({es1}));
  b.tell(start{});
  const auto first = b.at(es1);
  EXPECT_THAT(b.run_for(4999ms), IsEmpty());
  const auto out = b.run_for(1ms);
  EXPECT_EQ(all<close>(out).at(0), (close{first, true}));
  EXPECT_THAT(all<went_down>(out), IsEmpty()) << "it never was up";
  EXPECT_THAT(all<failed>(out), SizeIs(1));
  EXPECT_THAT(opened_servers(b.run_for(150ms)), ElementsAre(es1));
}

TEST(AgentConnect, WithoutWelcomeItIsNotConnectedAndTriesAgain) {
  bench b(settings_of({es1}));
  b.tell(start{});
  const auto first = b.at(es1);
  b.open_link(es1, "es1");
  const auto out = b.run_for(5s);
  EXPECT_EQ(all<close>(out).at(0), (close{first, true}));
  EXPECT_THAT(opened_servers(b.run_for(150ms)), ElementsAre(es1));
  EXPECT_THAT(b.tell(welcomed{first, {}}), IsEmpty()) << "of a connection that was given up";
}

TEST(AgentConnect, AServerThatRefusesTheCertificateAfterTheHandshakeIsBackedOffFrom) {
  // TLS 1.3: the handshake succeeds here, and the refusal comes with the first read.
  bench b(settings_of({es1}));
  b.tell(start{});
  auto began = b.now;
  std::vector<model::duration> waits;
  for (int i = 0; i < 8; ++i) {
    b.open_link(es1, "es1");
    b.tell(closed{b.at(es1), 0, "tlsv13 alert certificate required"});
    began = b.now;
    while (b.run_until(b.machine.next_deadline()).empty()) {
    }
    waits.push_back(b.now - began);
  }
  EXPECT_LE(waits.front(), 150ms);
  EXPECT_GE(waits.back(), 2500ms) << "it has grown to its maximum, 5 s times 0.5 to 1.5";
}

// ---- topics

TEST(AgentSubscribe, LaterTopicsReachServersThatAreUpAndThoseThatComeLater) {
  auto how = settings_of({es1, es2});
  how.topics.clear();
  bench b(how);
  b.tell(start{});
  b.bring_up(es1, "es1");
  const auto now = b.tell(subscribe{{wire::topic::members}});
  ASSERT_THAT(sent<wire::subscribe>(now), SizeIs(1));
  EXPECT_EQ(all<send>(now)[0].at, b.at(es1));
  EXPECT_THAT(b.tell(subscribe{{wire::topic::members}}), IsEmpty()) << "subscribed already";

  const auto later = sent<wire::subscribe>(b.bring_up(es2, "es2"));
  ASSERT_THAT(later, SizeIs(1));
  EXPECT_THAT(later[0].topics, ElementsAre(wire::topic::members));
}

// ---- silence

TEST(AgentSilence, ThreeSecondsWithoutAnyFrameIsADeadLink) {
  bench b(settings_of({es1}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  const auto at = b.at(es1);
  EXPECT_THAT(all<went_down>(b.run_for(2999ms)), IsEmpty());
  const auto out = b.run_for(1ms);
  EXPECT_EQ(all<close>(out).at(0), (close{at, true}));
  EXPECT_EQ(all<went_down>(out).at(0).server, es1);
}

TEST(AgentSilence, HeartbeatsKeepTheLink) {
  bench b(settings_of({es1}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  EXPECT_THAT(all<went_down>(b.run_alive(60s, {es1})), IsEmpty());
}

TEST(AgentSilence, AProcessThatDidNotRunReadsBeforeItAccuses) {
  bench b(settings_of({es1}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  b.run_alive(10s, {es1});
  b.now += 30s; // SIGSTOP; heartbeats wait in the socket
  std::vector<effect> out;
  b.machine.on_deadline(b.now, out);
  EXPECT_THAT(all<went_down>(out), IsEmpty());
  b.tell(heard{b.at(es1)});
  EXPECT_THAT(all<went_down>(b.run_for(2999ms)), IsEmpty());
}

TEST(AgentSilence, AStableLinkThatEndsIsTriedAgainAtOnceAlmost) {
  bench b(settings_of({es1}));
  b.tell(start{});
  for (int i = 0; i < 5; ++i) { // failures before do not count once it was stable
    b.tell(closed{b.at(es1), 0, "refused"});
    b.run_until(b.machine.next_deadline());
  }
  b.bring_up(es1, "es1");
  b.run_alive(11s, {es1});
  b.tell(closed{b.at(es1), 1001, "going away"});
  EXPECT_THAT(opened_servers(b.run_for(150ms)), ElementsAre(es1));
}

TEST(AgentSilence, ALinkThatEndsSoonAfterItsWelcomeIsBackedOffFrom) {
  bench b(settings_of({es1}));
  b.tell(start{});
  for (int i = 0; i < 7; ++i) {
    b.bring_up(es1, "es1");
    b.tell(closed{b.at(es1), 4005, "overloaded"});
    b.run_until(b.machine.next_deadline());
  }
  b.bring_up(es1, "es1");
  b.tell(closed{b.at(es1), 4005, "overloaded"});
  EXPECT_THAT(opened_servers(b.run_for(2499ms)), IsEmpty());
}

// ---- announcing

TEST(AgentAnnounce, IsPublishedToEveryServerAndRenewedEverySecond) {
  bench b(settings_of({es1, es2}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  b.bring_up(es2, "es2");
  const auto out = b.tell(announce{presence_of()});
  ASSERT_THAT(all<publish>(out), SizeIs(1)) << "signed once for both";
  EXPECT_THAT(all<publish>(out)[0].to, ElementsAre(b.at(es1), b.at(es2)));
  const auto said = published(all<publish>(out)[0]);
  EXPECT_EQ(said.at, (model::version{1000, 1}));
  EXPECT_EQ(said.software, "test 1");

  const auto renewals = sent<wire::renew>(b.run_alive(10s, {es1, es2}));
  EXPECT_THAT(renewals, SizeIs(20));
  EXPECT_EQ(renewals.front().at, (model::version{1000, 1}));
}

TEST(AgentAnnounce, GoesRightBehindHelloAndOnce) {
  bench b(settings_of({es1}));
  b.tell(start{});
  EXPECT_THAT(b.tell(announce{presence_of()}), IsEmpty()) << "nobody is connected";
  const auto greeting = b.open_link(es1, "es1");
  ASSERT_THAT(greeting, SizeIs(2));
  EXPECT_THAT(sent<wire::hello>(greeting), SizeIs(1));
  EXPECT_EQ(published(std::get<publish>(greeting[1])).at, (model::version{1000, 1}));

  const auto out = b.welcome(es1, "es1");
  ASSERT_THAT(out, SizeIs(2));
  EXPECT_TRUE(std::holds_alternative<went_up>(out[0]));
  EXPECT_THAT(sent<wire::subscribe>(out), SizeIs(1));
}

TEST(AgentAnnounce, AChangeWhileWelcomeIsAwaitedDoesNotWait) {
  bench b(settings_of({es1}));
  b.tell(start{});
  b.tell(announce{presence_of()});
  b.open_link(es1, "es1");
  const auto out = all<publish>(b.tell(announce{presence_of({"192.0.2.9"})}));
  ASSERT_THAT(out, SizeIs(1));
  EXPECT_THAT(out[0].to, ElementsAre(b.at(es1)));
  EXPECT_EQ(published(out[0]).at, (model::version{1000, 2}));
  EXPECT_THAT(all<publish>(b.welcome(es1, "es1")), IsEmpty());
}

TEST(AgentAnnounce, AChangeHasTheNextSequenceAndNoChangeIsSilent) {
  bench b(settings_of({es1}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  b.tell(announce{presence_of()});
  EXPECT_THAT(b.tell(announce{presence_of()}), IsEmpty());

  auto draining = presence_of();
  draining.roles.at("sip_proxy").state = model::role_state::draining;
  const auto out = b.tell(announce{draining});
  const auto said = published(all<publish>(out).at(0));
  EXPECT_EQ(said.at, (model::version{1000, 2}));
  EXPECT_EQ(said.roles.at("sip_proxy").state, model::role_state::draining);

  const auto back = published(all<publish>(b.tell(announce{presence_of()})).at(0));
  EXPECT_EQ(back.at, (model::version{1000, 3}));
}

TEST(AgentAnnounce, AReconnectedServerGetsThePresenceInTheVersionItHas) {
  bench b(settings_of({es1, es2}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  b.bring_up(es2, "es2");
  b.tell(announce{presence_of()});
  b.tell(closed{b.at(es2), 1001, "going away"});
  b.run_until(b.machine.next_deadline());
  const auto out = b.bring_up(es2, "es2");
  ASSERT_THAT(all<publish>(out), SizeIs(1));
  EXPECT_THAT(all<publish>(out)[0].to, ElementsAre(b.at(es2))) << "the other server has it";
  EXPECT_EQ(published(all<publish>(out)[0]).at, (model::version{1000, 1}));
}

TEST(AgentAnnounce, WhatAServerDoesNotHoldIsPublishedAgain) {
  bench b(settings_of({es1}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  b.tell(announce{presence_of()});
  const auto out = b.tell(refused{b.at(es1), {"unknown_version", "n1 1000 1"}});
  EXPECT_EQ(published(all<publish>(out).at(0)).at, (model::version{1000, 1}));
}

TEST(AgentAnnounce, OtherRefusalsAreForPeople) {
  bench b(settings_of({es1}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  const auto out = b.tell(refused{b.at(es1), {"role_not_in_certificate", "no OU sip_proxy"}});
  ASSERT_THAT(out, SizeIs(1));
  EXPECT_EQ(std::get<not_accepted>(out[0]).what.detail, "no OU sip_proxy");
}

TEST(AgentAnnounce, WithoutAddressesTheLocalOneOfAConnectionIsTaken) {
  bench b(settings_of({es1, es2}));
  b.tell(start{});
  EXPECT_THAT(b.tell(announce{presence_of({})}), IsEmpty());
  const auto out = b.bring_up(es1, "es1", "192.0.2.77");
  EXPECT_THAT(published(all<publish>(out).at(0)).addresses, ElementsAre(address_of("192.0.2.77")));

  const auto second = all<publish>(b.bring_up(es2, "es2", "198.51.100.77"));
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_THAT(published(second[0]).addresses, ElementsAre(address_of("192.0.2.77")))
      << "the address in use stays while a connection has it";
  EXPECT_EQ(published(second[0]).at, (model::version{1000, 1}));
}

TEST(AgentAnnounce, ARenumberedMachineAnnouncesItsNewAddress) {
  bench b(settings_of({es1}));
  b.tell(start{});
  b.tell(announce{presence_of({})});
  b.bring_up(es1, "es1", "192.0.2.77");
  b.tell(closed{b.at(es1), 0, "reset"});
  b.run_until(b.machine.next_deadline());
  const auto out = b.bring_up(es1, "es1", "192.0.2.78");
  const auto said = published(all<publish>(out).at(0));
  EXPECT_THAT(said.addresses, ElementsAre(address_of("192.0.2.78")));
  EXPECT_EQ(said.at, (model::version{1000, 2}));
}

// ---- several servers

TEST(AgentServers, TwoWaysToOneEventServerAreOneConnection) {
  bench b(settings_of({es1, "[2001:db8::10]:8000"}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  const auto second = b.at("[2001:db8::10]:8000");
  const auto out = b.open_link("[2001:db8::10]:8000", "es1");
  EXPECT_THAT(sent<wire::hello>(out), IsEmpty()) << "a hello would throw the first one out";
  EXPECT_EQ(all<close>(out).at(0), (close{second, true}));
  EXPECT_EQ(all<parked>(out).at(0).id, "es1");
  EXPECT_THAT(all<open>(b.run_alive(120s, {es1})), IsEmpty());

  b.tell(closed{b.at(es1), 0, "reset"});
  EXPECT_THAT(opened_servers(b.run_for(150ms)),
              testing::UnorderedElementsAre(es1, "[2001:db8::10]:8000"))
      << "the other way is tried, too";
}

TEST(AgentServers, OneThatIsAwayDoesNotDisturbTheOthers) {
  bench b(settings_of({es1, es2}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  b.tell(announce{presence_of()});
  for (int i = 0; i < 20; ++i) {
    b.tell(closed{b.at(es2), 0, "refused"});
    EXPECT_THAT(all<went_down>(b.run_alive(10s, {es1})), IsEmpty());
  }
}

// ---- look-ups

TEST(AgentResolve, FindsServersAtTheStartAndEveryMinute) {
  bench b(settings_of({}));
  EXPECT_THAT(b.tell(start{}), ElementsAre(effect(resolve{})));
  EXPECT_THAT(opened_servers(b.tell(resolved{{es1}})), ElementsAre(es1));
  b.bring_up(es1, "es1");
  EXPECT_THAT(all<resolve>(b.run_alive(59s, {es1})), IsEmpty());
  EXPECT_THAT(all<resolve>(b.run_alive(1s, {es1})), SizeIs(1));
  EXPECT_THAT(opened_servers(b.tell(resolved{{es1, es2}})), ElementsAre(es2));
}

TEST(AgentResolve, LooksAgainAtOnceWhenAllAreDown) {
  bench b(settings_of({}));
  b.tell(start{});
  b.tell(resolved{{es1, es2}});
  b.bring_up(es1, "es1");
  b.bring_up(es2, "es2");
  EXPECT_THAT(all<resolve>(b.tell(closed{b.at(es1), 0, "reset"})), IsEmpty());
  EXPECT_THAT(all<resolve>(b.tell(closed{b.at(es2), 0, "reset"})), SizeIs(1));
}

TEST(AgentResolve, TriesAgainWithABackoffWhenItFails) {
  bench b(settings_of({}));
  b.tell(start{});
  std::size_t lookups = 0;
  for (const auto end = b.now + 60s; b.now < end;) {
    b.tell(resolve_failed{});
    lookups += all<resolve>(b.run_until(b.machine.next_deadline())).size();
  }
  EXPECT_GE(lookups, 60U / 8);
  EXPECT_LE(lookups, 40U);
}

TEST(AgentResolve, AServerThatIsNoLongerListedIsGivenUpWhenItsConnectionEnds) {
  bench b(settings_of({}));
  b.tell(start{});
  b.tell(resolved{{es1}});
  b.bring_up(es1, "es1");
  EXPECT_THAT(all<went_down>(b.tell(resolved{{es2}})), IsEmpty());
  b.bring_up(es2, "es2");
  b.tell(closed{b.at(es1), 1001, "going away"});
  EXPECT_THAT(opened_servers(b.run_alive(120s, {es2})), IsEmpty());
}

TEST(AgentResolve, AnEmptyAnswerChangesNothing) {
  bench b(settings_of({}));
  b.tell(start{});
  b.tell(resolved{{es1}});
  b.bring_up(es1, "es1");
  EXPECT_THAT(b.tell(resolved{{}}), IsEmpty());
  b.tell(closed{b.at(es1), 0, "reset"});
  EXPECT_THAT(opened_servers(b.run_for(150ms)), ElementsAre(es1));
}

TEST(AgentResolve, MoreThanSixteenServersAreNotConnectedTo) {
  bench b(settings_of({}));
  b.tell(start{});
  std::vector<std::string> many;
  for (int i = 0; i < 40; ++i) {
    many.push_back("192.0.2." + std::to_string(i) + ":8000");
  }
  EXPECT_THAT(all<open>(b.tell(resolved{many})), SizeIs(servers_max));
}

// ---- replaced

TEST(AgentReplaced, NeverComesBackByItself) {
  bench b(settings_of({es1, es2}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  b.bring_up(es2, "es2");
  b.tell(announce{presence_of()});
  const auto other = b.at(es2);
  const auto out = b.tell(closed{b.at(es1), 4000, "replaced"});
  EXPECT_THAT(all<close>(out), testing::Contains(close{other, true}));
  EXPECT_THAT(all<replaced>(out), SizeIs(1));
  EXPECT_THAT(all<publish>(out), IsEmpty()) << "the leave would be the newer one's";
  EXPECT_EQ(b.machine.next_deadline(), model::never);
  EXPECT_THAT(b.tell(announce{presence_of({"192.0.2.9"})}), IsEmpty());
  EXPECT_THAT(b.tell(stop{}), ElementsAre(effect(stopped{})));
}

TEST(AgentReplaced, CodeOfAConnectionThatWasGivenUpMeansNothing) {
  bench b(settings_of({es1}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  const auto old = b.at(es1);
  b.run_for(3s); // silent: a new connection takes its place, which the server tells the old one
  EXPECT_THAT(b.tell(closed{old, 4000, "replaced"}), IsEmpty());
  b.run_for(150ms);
  EXPECT_NE(b.at(es1), old);
}

// ---- renewed credentials, fresh snapshots

TEST(AgentRenew, ConnectionsAreRenewedOneAfterTheOther) {
  bench b(settings_of({es1, es2}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  b.bring_up(es2, "es2");
  const auto out = b.tell(renew_credentials{});
  ASSERT_THAT(all<went_down>(out), SizeIs(1));
  EXPECT_EQ(all<went_down>(out)[0].server, es1);
  EXPECT_THAT(opened_servers(b.run_for(0ms)), ElementsAre(es1)) << "without any wait";

  b.open_link(es1, "es1");
  const auto next = b.welcome(es1, "es1");
  EXPECT_EQ(all<went_down>(next).at(0).server, es2);
  b.run_for(0ms);
  const auto last = b.bring_up(es2, "es2");
  EXPECT_THAT(all<went_down>(last), IsEmpty()) << "each once";
}

TEST(AgentRenew, OneThatDoesNotComeBackDoesNotHoldUpTheOthers) {
  bench b(settings_of({es1, es2}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  b.bring_up(es2, "es2");
  b.tell(renew_credentials{});
  b.run_for(0ms);
  const auto out = b.tell(closed{b.at(es1), 0, "refused"});
  EXPECT_EQ(all<went_down>(out).at(0).server, es2);
}

TEST(AgentRenew, ResubscribingConnectsAnewAtOnceButNotInALoop) {
  bench b(settings_of({es1}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  b.run_alive(11s, {es1});
  EXPECT_THAT(all<went_down>(b.tell(resubscribe{es1})), SizeIs(1));
  EXPECT_THAT(opened_servers(b.run_for(0ms)), ElementsAre(es1));
  b.bring_up(es1, "es1");
  b.tell(resubscribe{es1});
  EXPECT_THAT(opened_servers(b.run_for(49ms)), IsEmpty());
  EXPECT_THAT(opened_servers(b.run_for(101ms)), ElementsAre(es1));
}

// ---- leaving

TEST(AgentStop, SaysLeaveToEveryServerAndEndsWhenItWasSent) {
  bench b(settings_of({es1, es2}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  b.bring_up(es2, "es2");
  b.tell(announce{presence_of()});
  const auto out = b.tell(stop{10s});
  const auto said = all<publish>(out).at(0);
  EXPECT_EQ(said.about, wire::topic::leave);
  EXPECT_THAT(said.to, ElementsAre(b.at(es1), b.at(es2)));
  const auto leaving = wire::decode_leave(said.body).value();
  EXPECT_EQ(leaving, (wire::leave{id_of("n1"), {1000, 2}, 10'000}));
  EXPECT_THAT(all<close>(out), ElementsAre(close{b.at(es1), false}, close{b.at(es2), false}));

  EXPECT_THAT(b.tell(closed{b.at(es1), 1000, ""}), IsEmpty());
  EXPECT_THAT(b.tell(closed{b.at(es2), 1000, ""}), ElementsAre(effect(stopped{})));
  EXPECT_EQ(b.machine.next_deadline(), model::never);
}

TEST(AgentStop, WaitsTwoSecondsAtMost) {
  bench b(settings_of({es1}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  b.tell(announce{presence_of()});
  b.tell(stop{});
  EXPECT_THAT(b.run_for(1999ms), IsEmpty());
  EXPECT_THAT(b.run_for(1ms), ElementsAre(effect(close{b.at(es1), true}), effect(stopped{})));
}

TEST(AgentStop, WithoutAConnectionItEndsAtOnce) {
  bench b(settings_of({es1}));
  b.tell(start{});
  const auto out = b.tell(stop{});
  EXPECT_EQ(all<close>(out).at(0), (close{b.at(es1), true})) << "one that was opening";
  EXPECT_THAT(all<stopped>(out), SizeIs(1));
}

TEST(AgentStop, WhoAnnouncedNothingLeavesWithoutAWord) {
  bench b(settings_of({es1}));
  b.tell(start{});
  b.bring_up(es1, "es1");
  EXPECT_THAT(all<publish>(b.tell(stop{})), IsEmpty());
}

} // namespace
} // namespace thor::agent
