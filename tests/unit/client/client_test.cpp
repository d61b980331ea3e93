#include "coordinator/client/author.hpp"
#include "tests/unit/client/stage.hpp"

namespace thor::client {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

// ---- connecting

TEST_F(Stage, SaysHelloThenSubscribesAfterTheWelcome) {
  server.reset();
  open_server();
  server->polite = false;
  start_client({wire::topic::members, wire::topic::presence});
  until([&] { return !server->messages.empty(); });
  EXPECT_EQ(server->heard<wire::hello>().at(0), (wire::hello{subject->incarnation(), "test 1"}));
  EXPECT_THAT(seen.lines, IsEmpty()) << "not connected before the welcome";

  server->say(wire::welcome{"es1", "0123456789abcdef", 0, true, 1000, 3000});
  until([&] { return server->messages.size() > 1; });
  EXPECT_THAT(server->heard<wire::subscribe>().at(0).topics,
              ElementsAre(wire::topic::members, wire::topic::presence));
  EXPECT_THAT(seen.lines, ElementsAre("up es1"));
  EXPECT_THAT(subject->connected_servers(), ElementsAre(server->where()));
}

TEST_F(Stage, ALookedUpNameIsAsGoodAsAnAddress) {
  open_server();
  auto options = how({});
  options.event_servers = {"localhost:" +
                           std::to_string(runtime::parse_endpoint(server->where())->port)};
  subject.emplace(io, options, *who, seen);
  subject->start();
  until([&] { return seen.has("up"); });
  EXPECT_THAT(subject->connected_servers(), ElementsAre(server->where()));
}

TEST_F(Stage, AServerWithoutTheRoleOfOneIsNotAccepted) {
  open_server(credentials_of("n9", {"sip_proxy"}));
  start_client();
  until([&] { return server->closes.size() + server->refusals.size() >= 2; });
  EXPECT_THAT(server->messages, IsEmpty()) << "not even a hello";
  EXPECT_THAT(seen.lines, IsEmpty());
  EXPECT_THAT(counters.text(), HasSubstr("thor_client_connection_failures_total"));
}

TEST_F(Stage, AServerOfAnotherOperatorIsNotAccepted) {
  const auto other = x509::make_ca();
  open_server(x509::load(x509::install(
      directory, "es9", x509::make_node(other, "es9", {"thor_eventserver"}), {&other, &ca})));
  start_client();
  until([&] { return !server->refusals.empty(); });
  EXPECT_THAT(server->peers, IsEmpty());
}

TEST_F(Stage, AServerThatGoesAwayIsConnectedAgain) {
  connect();
  server->close(wire::close_code::going_away);
  until([&] { return server->peers.size() == 2 && seen.lines.size() == 3; });
  EXPECT_THAT(seen.lines, ElementsAre("up es1", StartsWith("down: closed with 1001"), "up es1"));
}

TEST_F(Stage, AReplacedClientStaysAway) {
  connect();
  server->close(wire::close_code::replaced);
  until([&] { return seen.has("replaced"); });
  EXPECT_THAT(subject->connected_servers(), IsEmpty());
  bool done = false;
  subject->stop(0ms, [&] { done = true; });
  until([&] { return done; });
  EXPECT_THAT(server->peers, SizeIs(1));
}

TEST_F(Stage, CanBeDroppedAtAnyMoment) {
  for (const std::size_t steps : {0U, 1U, 2U, 3U, 5U, 8U, 12U, 20U, 40U}) {
    start_client({wire::topic::presence});
    subject->announce(presence_of("n1"));
    for (std::size_t i = 0; i < steps; ++i) {
      io.restart();
      io.run_one_for(10ms);
    }
    subject.reset();
    io.restart();
    io.poll();
  }
}

// ---- what it says

TEST_F(Stage, APresenceIsSignedByItsCertificate) {
  connect();
  subject->announce(presence_of("whoever"));
  until([&] { return !server->heard<wire::publish>().empty(); });
  const auto said = server->heard<wire::publish>().at(0).what;
  const auto author = accept_author(said, *server_credentials, runtime::unix_now());
  ASSERT_TRUE(author.has_value()) << author.error().detail;
  EXPECT_EQ(author->id.text(), "n1");
  const auto body = wire::decode_presence(said.body).value();
  EXPECT_EQ(body.id.text(), "n1") << "the certificate says who we are";
  EXPECT_EQ(body.at, (model::version{subject->incarnation(), 1}));
  EXPECT_EQ(subject->announced()->at, body.at);

  until([&] { return server->heard<wire::renew>().size() >= 2; });
  EXPECT_EQ(server->heard<wire::renew>().at(0).at, body.at);
}

TEST_F(Stage, AfterAReconnectionTheSameSignedFrameIsSent) {
  connect();
  subject->announce(presence_of("n1"));
  until([&] { return !server->heard<wire::publish>().empty(); });
  server->close(wire::close_code::going_away);
  until([&] { return server->heard<wire::publish>().size() == 2; });
  EXPECT_EQ(server->heard<wire::publish>()[0], server->heard<wire::publish>()[1]);
}

TEST_F(Stage, PublishesToAllOrToOne) {
  connect();
  subject->publish(wire::topic::statistics, R"({"id":"n1","statistics":{}})");
  subject->publish_to(seen.last_server, wire::topic::statistics,
                      R"({"id":"n1","statistics":{"a":1}})");
  subject->publish_to("192.0.2.1:1", wire::topic::statistics, "to nobody");
  until([&] { return server->heard<wire::publish>().size() == 2; });
  EXPECT_THAT(server->heard<wire::publish>()[1].what.body, HasSubstr("\"a\":1"));
}

TEST_F(Stage, LeavesWithAWordAndIsDone) {
  connect();
  subject->announce(presence_of("n1"));
  bool done = false;
  subject->stop(10s, [&] { done = true; });
  until([&] { return done; });
  const auto said = server->heard<wire::publish>();
  ASSERT_THAT(said, SizeIs(2));
  EXPECT_EQ(said[1].what.about, wire::topic::leave);
  EXPECT_EQ(wire::decode_leave(said[1].what.body).value(),
            (wire::leave{id_of("n1"), {subject->incarnation(), 2}, 10'000}));
  until([&] { return !server->closes.empty(); });
  EXPECT_THAT(server->peers, SizeIs(1)) << "and does not come back";
}

TEST_F(Stage, MoreThanTheQueueHoldsEndsTheConnection) {
  connect();
  for (std::size_t i = 0; i < 1100; ++i) {
    subject->publish(wire::topic::statistics, R"({"id":"n1","statistics":{}})");
  }
  until([&] { return seen.has("down"); });
  EXPECT_THAT(seen.lines, Contains(HasSubstr("the queue is full")));
}

TEST_F(Stage, RefusesToAnnounceWhatNobodyWouldAccept) {
  open_server();
  start_client();
  auto too_many = presence_of("n1");
  for (std::uint8_t i = 0; i <= model::addresses_max; ++i) {
    too_many.addresses.push_back(model::ip_address::v4({192, 0, 2, i}));
  }
  EXPECT_THROW(subject->announce(too_many), std::invalid_argument);

  auto listening = how({});
  listening.incarnation_file.clear();
  client listener(io, listening, *who, seen);
  EXPECT_EQ(listener.incarnation(), 0U);
  EXPECT_THROW(listener.announce(presence_of("n1")), std::invalid_argument);
}

TEST_F(Stage, NewCredentialsAreShownOnANewConnection) {
  connect();
  subject->announce(presence_of("n1"));
  until([&] { return !server->heard<wire::publish>().empty(); });
  x509::install(directory, "n1", x509::make_node(ca, "n1", {"sip_proxy", "media_relay"}), {&ca});
  ASSERT_EQ(who->reload_if_changed(), true);
  subject->credentials_reloaded();
  until([&] { return server->heard<wire::publish>().size() == 2; });
  EXPECT_NE(server->peers.at(0).serial, server->peers.at(1).serial);
  EXPECT_EQ(server->heard<wire::publish>()[1].what.certificate, who->certificate());
}

TEST_F(Stage, AnotherRevocationListLeavesGoodConnectionsAlone) {
  connect();
  subject->announce(presence_of("n1"));
  const auto list = ca.next_list(ca.first_list(x509::around_now()).get(), {who->self().serial},
                                 x509::revocation_reason::key_compromise, x509::around_now());
  directory.write("n1.crl", x509::to_pem(list.get()));
  ASSERT_EQ(who->reload_if_changed(), true);
  subject->credentials_reloaded();
  until([&] { return server->heard<wire::renew>().size() >= 3; });
  EXPECT_EQ(server->peers.size(), 1U);
  EXPECT_FALSE(seen.has("down"));
}

TEST_F(Stage, TheSuccessorOfACertificateThatEndsSoonIsLookedForOnce) {
  const x509::period ends_soon{x509::around_now().from, x509::now() + 30min};
  open_server(x509::load(x509::install(
      directory, "es1", x509::make_node(ca, "es1", {"thor_eventserver"}, ends_soon), {&ca})));
  connect();
  const auto beat = [&] {
    const auto before = seen.heartbeats;
    server->say(wire::heartbeat{1, 1, false, 0, 0});
    until([&] { return seen.heartbeats > before; });
  };
  beat();
  until([&] { return server->peers.size() == 2 && server->heard<wire::hello>().size() == 2; });
  beat();
  beat();
  EXPECT_EQ(server->peers.size(), 2U);
  EXPECT_THAT(seen.lines,
              ElementsAre("up es1", "down: renewed credentials are in force", "up es1"));
}

TEST_F(Stage, AnEventServerThatIsRevokedIsLeftWhileConnected) {
  connect();
  const auto list =
      ca.next_list(ca.first_list(x509::around_now()).get(), {server_credentials->self().serial},
                   x509::revocation_reason::key_compromise, x509::around_now());
  directory.write("n1.crl", x509::to_pem(list.get()));
  ASSERT_EQ(who->reload_if_changed(), true);
  subject->credentials_reloaded();
  until([&] { return seen.has("down"); });
  EXPECT_THAT(seen.lines, Contains(HasSubstr("is not accepted any more")));
}

// ---- what it hears

class Hearing : public Stage {
 protected:
  void SetUp() override { connect({wire::topic::presence, wire::topic::members}); }

  void say_event(wire::signed_body what) {
    wire::event event{std::move(what), {}};
    if (event.what.about == wire::topic::presence) {
      event.about = wire::fact{id_of("n2"), {1, 1}, wire::fact_state::connected, 0};
    }
    server->say(event);
  }

  /// What the observer saw when everything said so far was heard.
  std::vector<std::string> heard() {
    server->say(wire::heartbeat{1, 1, false, 0, 0});
    until([&] { return seen.heartbeats > 0; });
    return seen.lines;
  }

  std::string refused(const std::string& reason) {
    return "thor_client_refused_events_total{reason=\"" + reason + "\"} 1";
  }

  const std::string presence_ = wire::encode_body(presence_of("n2"));
};

TEST_F(Hearing, AnEventComesWithItsAuthor) {
  const auto author = credentials_of("n2", {"sip_proxy"});
  say_event(sign(author, wire::topic::presence, presence_));
  EXPECT_THAT(heard(), Contains("event by n2: " + presence_));
}

TEST_F(Hearing, AChangedBodyIsDropped) {
  auto what = sign(credentials_of("n2", {"sip_proxy"}), wire::topic::presence, presence_);
  what.body = wire::encode_body(presence_of("n2", "media_relay"));
  say_event(what);
  EXPECT_THAT(heard(), ElementsAre("up es1"));
  EXPECT_THAT(counters.text(), HasSubstr(refused("bad_signature")));
}

TEST_F(Hearing, ABodySignedForAnotherTopicIsDropped) {
  const auto author = credentials_of("m1", {"thor_manager"});
  auto what = sign(author, wire::topic::statistics, R"({"kind":"full"})");
  what.about = wire::topic::members;
  say_event(what);
  EXPECT_THAT(heard(), ElementsAre("up es1"));
}

TEST_F(Hearing, AnAuthorSpeaksForItselfOnly) {
  const auto author = credentials_of("n3", {"sip_proxy"});
  say_event(sign(author, wire::topic::presence, presence_));
  say_event(
      sign(author, wire::topic::leave, wire::encode_body(wire::leave{id_of("n2"), {1, 2}, 0})));
  say_event(sign(author, wire::topic::statistics,
                 wire::encode_body(wire::statistics{id_of("n2"), "{}"})));
  EXPECT_THAT(heard(), ElementsAre("up es1"));
  EXPECT_THAT(counters.text(),
              HasSubstr("thor_client_refused_events_total{reason=\"id_not_in_certificate\"} 3"));
}

TEST_F(Hearing, ARoleThatTheCertificateDoesNotCarryIsDropped) {
  say_event(sign(credentials_of("n2", {"media_relay"}), wire::topic::presence, presence_));
  EXPECT_THAT(heard(), ElementsAre("up es1"));
  EXPECT_THAT(counters.text(), HasSubstr(refused("role_not_in_certificate")));
}

TEST_F(Hearing, OnlyAManagerSpeaksOfTheNetwork) {
  const auto status = wire::encode_body(model::status_beat{{{1, "m1"}, 1}, 1, 0});
  say_event(sign(credentials_of("n2", {"sip_proxy"}), wire::topic::members, status));
  say_event(sign(credentials_of("m1", {"thor_manager"}), wire::topic::members, status));
  EXPECT_THAT(heard(), ElementsAre("up es1", "event by m1: " + status));
  EXPECT_THAT(counters.text(), HasSubstr(refused("not_a_manager")));
}

TEST_F(Hearing, AnAuthorOfAnotherOperatorIsDropped) {
  const auto other = x509::make_ca();
  const auto stranger = x509::load(
      x509::install(directory, "n2", x509::make_node(other, "n2", {"sip_proxy"}), {&other}));
  say_event(sign(stranger, wire::topic::presence, presence_));
  EXPECT_THAT(heard(), ElementsAre("up es1"));
  EXPECT_THAT(counters.text(), HasSubstr(refused("untrusted")));
}

TEST_F(Hearing, FramesThatCannotBeReadDoNotEndTheConnection) {
  server->say_text(server->session, "not json");
  server->say_text(server->session, R"({"type":"weather","sun":true})");
  server->say_text(server->session, R"({"type":"fact","id":5})");
  EXPECT_THAT(heard(), ElementsAre("up es1"));
  EXPECT_THAT(counters.text(), HasSubstr("thor_client_malformed_frames_total 2"))
      << "an unknown type is a newer server's business";
}

TEST_F(Hearing, ResubscribingBringsANewConnection) {
  subject->resubscribe(seen.last_server);
  until([&] { return server->heard<wire::subscribe>().size() == 2; });
  EXPECT_THAT(server->peers, SizeIs(2));
}

} // namespace
} // namespace thor::client
