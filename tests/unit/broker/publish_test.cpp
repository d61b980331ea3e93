// What each may publish.
#include "tests/unit/broker/driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using wire::topic;

/// One event server with a member n1 that has announced (5, 1), and a watcher of everything.
struct publishing : testing::Test {
  driver d{{.server = "es1",
            .instance = "0123456789abcdef",
            .address_ranges = {model::ip_network::parse("198.51.100.0/24").value()}}};
  session_id watcher = d.listen({topic::presence, topic::leave, topic::members, topic::statistics});
  session_id n1 = d.join("n1");

  void expect_refused(std::string_view reason) {
    EXPECT_THAT(d.refusals(n1), ElementsAre(reason));
    EXPECT_EQ(d.counted(counter::refused, reason), 1U);
    EXPECT_TRUE(d.noted(level::warn, "n1 at 192.0.2.1: refused " + std::string(reason)));
    EXPECT_THAT(d.got<wire::event>(watcher), SizeIs(1)) << "the presence from before";
    EXPECT_FALSE(d.closed.contains(n1));
    // It goes on as before.
    d.say(n1, wire::renew{{5, 1}});
    EXPECT_THAT(d.refusals(n1), SizeIs(1));
  }
};

TEST_F(publishing, presence_goes_to_subscribers_exactly_as_signed_with_its_fact) {
  const auto events = d.got<wire::event>(watcher);
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_EQ(events[0].what,
            driver::signed_by("n1", topic::presence, wire::encode_body(presence("n1", {5, 1}))));
  EXPECT_EQ(events[0].about, (wire::fact{id("n1"), {5, 1}, wire::fact_state::connected, 0}));
}

TEST_F(publishing, text_is_kept_octet_by_octet) {
  const std::string body =
      R"({ "roles" : {}, "id":"n1","incarnation":5,"sequence":2,"addresses":["192.0.2.1"],"later":"\u00e9" })";
  d.publish(n1, "n1", topic::presence, body);
  EXPECT_EQ(d.got<wire::event>(watcher).back().what.body, body);
}

TEST_F(publishing, needs_an_incarnation) {
  d.publish(watcher, "watcher", topic::presence, wire::encode_body(presence("watcher", {0, 1})));
  EXPECT_THAT(d.refusals(watcher), ElementsAre("not_announcing"));
  d.say(watcher, wire::renew{{0, 1}});
  EXPECT_THAT(d.refusals(watcher), SizeIs(2));
}

TEST_F(publishing, another_incarnation_than_greeted_is_refused) {
  d.announce(n1, presence("n1", {6, 1}));
  expect_refused("wrong_incarnation");
}

TEST_F(publishing, an_earlier_sequence_is_refused) {
  d.announce(n1, presence("n1", {5, 0}));
  expect_refused("stale_version");
}

TEST_F(publishing, something_else_in_the_same_version_is_refused) {
  auto p = presence("n1", {5, 1});
  p.site = "ams1";
  d.announce(n1, p);
  expect_refused("stale_version");
}

TEST_F(publishing, the_same_again_is_absorbed_like_a_renewal) {
  d.advance(1400ms);
  d.announce(n1, presence("n1", {5, 1}));
  d.advance(1400ms);
  EXPECT_THAT(d.refusals(n1), IsEmpty());
  EXPECT_THAT(d.got<wire::event>(watcher), SizeIs(1));
  EXPECT_THAT(d.states(watcher), IsEmpty());
}

TEST_F(publishing, the_same_under_a_new_certificate_is_forwarded) {
  d.certificates.emplace("n1, renewed", peer("n1"));
  d.publish(n1, "n1, renewed", topic::presence, wire::encode_body(presence("n1", {5, 1})));
  EXPECT_THAT(d.got<wire::event>(watcher), SizeIs(2));
  EXPECT_EQ(d.got<wire::event>(watcher).back().what.certificate, "n1, renewed");
}

TEST_F(publishing, another_id_than_the_certificates_is_refused) {
  d.publish(n1, "n1", topic::presence, wire::encode_body(presence("n2", {5, 2})));
  expect_refused("id_not_in_certificate");
}

TEST_F(publishing, what_another_signed_is_refused) {
  d.join("n2", 5, "192.0.2.2");
  d.sent.clear();
  d.publish(n1, "n2", topic::presence, wire::encode_body(presence("n2", {5, 2}, "192.0.2.2")));
  EXPECT_THAT(d.refusals(n1), ElementsAre("id_not_in_certificate"));
  EXPECT_THAT(d.got<wire::event>(watcher), IsEmpty());
}

TEST_F(publishing, a_role_that_is_no_ou_is_refused) {
  auto p = presence("n1", {5, 2});
  p.roles.emplace("media_relay", model::role_offer{});
  d.announce(n1, p);
  expect_refused("role_not_in_certificate");
}

TEST_F(publishing, an_address_that_is_not_its_own_is_refused) {
  d.announce(n1, presence("n1", {5, 2}, "192.0.2.77"));
  expect_refused("address_not_in_certificate");
}

TEST_F(publishing, an_address_in_a_configured_range_is_accepted) {
  d.announce(n1, presence("n1", {5, 2}, "198.51.100.7"));
  EXPECT_THAT(d.refusals(n1), IsEmpty());
}

TEST_F(publishing, an_address_in_the_certificate_is_accepted_from_anywhere) {
  const auto n3 = d.greet(peer("n3", {"sip_proxy"}, {address("203.0.113.3")}), 5, "192.0.2.3");
  d.announce(n3, presence("n3", {5, 1}, "203.0.113.3"));
  EXPECT_THAT(d.refusals(n3), IsEmpty());
  d.announce(n3, presence("n3", {5, 2}, "192.0.2.3"));
  EXPECT_THAT(d.refusals(n3), ElementsAre("address_not_in_certificate"));
}

TEST_F(publishing, a_forged_signature_is_refused) {
  auto what = driver::signed_by("n1", topic::presence, wire::encode_body(presence("n1", {5, 2})));
  what.signature = "forged";
  d.say(n1, wire::publish{what});
  expect_refused("bad_signature");
}

TEST_F(publishing, a_certificate_of_another_ca_is_refused) {
  d.publish(n1, "stranger", topic::presence, wire::encode_body(presence("n1", {5, 2})));
  expect_refused("untrusted");
}

TEST_F(publishing, a_body_out_of_bounds_is_refused) {
  d.publish(n1, "n1", topic::presence, R"({"id":"N1"})");
  expect_refused("bad_body");
}

TEST_F(publishing, a_leave_for_another_is_refused) {
  d.publish(n1, "n1", topic::leave, wire::encode_body(wire::leave{id("n2"), {5, 2}, 0}));
  expect_refused("id_not_in_certificate");
}

TEST_F(publishing, a_leave_that_is_not_later_than_the_presence_is_refused) {
  d.leave(n1, {id("n1"), {5, 1}, 0});
  expect_refused("stale_version");
}

TEST_F(publishing, a_status_without_the_managers_ou_is_refused) {
  d.tell_status(n1, "n1", model::status_full{{{7, "n1"}, 1}, 1, {}});
  expect_refused("not_a_manager");
}

TEST_F(publishing, statistics_of_another_are_refused) {
  d.publish(n1, "n1", topic::statistics, wire::encode_body(wire::statistics{id("n2"), "{}"}));
  expect_refused("id_not_in_certificate");
}

TEST_F(publishing, statistics_are_bounded) {
  d.publish(n1, "n1", topic::statistics,
            wire::encode_body(wire::statistics{
                id("n1"), R"({"a":")" + std::string(wire::statistics_octets_max, 'x') + R"("})"}));
  expect_refused("bad_body");
}

TEST_F(publishing, statistics_come_after_a_presence) {
  const auto n2 = d.greet(peer("n2"), 5);
  d.publish(n2, "n2", topic::statistics, wire::encode_body(wire::statistics{id("n2"), "{}"}));
  EXPECT_THAT(d.refusals(n2), ElementsAre("no_presence"));
}

TEST_F(publishing, a_renewal_of_something_else_is_refused) {
  d.say(n1, wire::renew{{5, 2}});
  expect_refused("unknown_version");
}

TEST_F(publishing, details_are_short_enough_for_a_refusal) {
  auto p = presence("n1", {5, 2});
  for (int i = 0; i < 30; ++i)
    p.roles.emplace(std::string(60, 'r') + std::to_string(i), model::role_offer{});
  d.announce(n1, p);
  ASSERT_THAT(d.got<wire::refused>(n1), SizeIs(1));
  EXPECT_LE(d.got<wire::refused>(n1)[0].detail.size(), wire::text_octets_max);
}

TEST(members, are_bounded) {
  driver d;
  const auto join = [&](std::size_t i) {
    const auto name = "n" + std::to_string(i);
    const auto s = d.join(name);
    d.hang_up(s);
    return s;
  };
  for (std::size_t i = 0; i < members_max; ++i)
    join(i);
  const auto last = d.greet(peer("one-more"), 5);
  d.announce(last, presence("one-more", {5, 1}));
  EXPECT_THAT(d.refusals(last), ElementsAre("too_many_members"));
  EXPECT_EQ(d.closed.at(last).code, wire::close_code::overloaded);
  EXPECT_EQ(d.machine.members().all().size(), members_max);
  d.advance(ended_kept);
  EXPECT_EQ(d.machine.members().all().size(), 0U);
}

} // namespace
} // namespace thor::broker
