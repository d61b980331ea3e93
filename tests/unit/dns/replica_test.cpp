// One name server's side of "one writer, many name servers", step by step.
#include "coordinator/dns/replica.hpp"
#include "tests/unit/dns/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::dns::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const model::writer_claim by_dns1{0, "dns1"};
const model::data_state old_data{7, 0xaaa};
const model::data_state new_data{8, 0xbbb};

/// What a machine asks for, in a word each.
struct in_words {
  std::string operator()(const replica::connect& e) const {
    return "connect " + std::to_string(e.to) + " " + e.address.text() + ":" +
           std::to_string(e.port);
  }
  std::string operator()(const replica::disconnect& e) const {
    return "disconnect " + std::to_string(e.from);
  }
  std::string operator()(const replica::ask& e) const {
    return "ask " + std::to_string(e.whom) + " " + model::to_text(e.what.of) + " has " +
           std::to_string(e.what.have.revision);
  }
  std::string operator()(const replica::answer& e) const {
    return "answer " + std::to_string(e.whom) + " " + model::to_text(e.what.of) + " has " +
           std::to_string(e.what.have.revision);
  }
  std::string operator()(const replica::send_copy& e) const {
    return "send_copy " + std::to_string(e.to);
  }
  std::string operator()(const replica::end_session& e) const {
    return "end_session " + std::to_string(e.which);
  }
  std::string operator()(const replica::read_copy&) const { return "read_copy"; }
  std::string operator()(const replica::take_copy& e) const {
    return "take_copy of " + std::to_string(e.what.parts.size()) + " parts, revision " +
           std::to_string(e.what.state.revision);
  }
  std::string operator()(const replica::become_follower& e) const {
    return "become_follower " + model::to_text(e.of);
  }
  std::string operator()(const replica::become_writer& e) const {
    return "become_writer " + model::to_text(e.as);
  }
  std::string operator()(const replica::tell_claim&) const { return "tell_claim"; }
  std::string operator()(const note& e) const {
    return (e.alarm ? "alarm " : "note ") + std::string(e.word);
  }
};

class one_replica : public testing::Test {
 protected:
  explicit one_replica(std::string_view self = "dns2", model::writer_claim claim = by_dns1,
                       bool copied = false)
      : machine(id(self), std::move(claim), copied, 1) {}

  /// What came of the calls since the last time, but for notes that are no alarms.
  std::vector<std::string> did() {
    std::vector<std::string> words;
    for (const auto& effect : std::exchange(out, {}))
      if (const auto word = std::visit(in_words{}, effect); !word.starts_with("note "))
        words.push_back(word);
    return words;
  }

  /// The text of the last note of that word.
  std::string text(std::string_view word) const {
    std::string found;
    for (const auto& effect : out)
      if (const auto* told = std::get_if<note>(&effect); told != nullptr && told->word == word)
        found = told->text;
    return found;
  }

  void advance(model::duration by) {
    const auto until = now + by;
    while (machine.next_deadline() <= until) {
      now = std::max(now, machine.next_deadline());
      machine.on_deadline(now, out);
    }
    now = until;
  }

  copy_peers peers(std::string_view who, model::writer_claim claim) {
    return {{id(who), {{ip("192.0.2.1"), ip("2001:db8::1")}, 8002, std::move(claim)}}};
  }

  void follow_dns1() {
    machine.on_data(now, old_data, out);
    machine.on_peers(now, peers("dns1", by_dns1), out);
    machine.on_connected(now, 1, id("dns1"), out);
    did();
  }

  void hear(wire::copy_message m, replica::link from = 1) {
    machine.on_message(now, from, std::move(m), out);
  }

  replica machine;
  replica::effects out;
  model::time_point now{1h};
};

using a_follower = one_replica;

TEST_F(a_follower, connects_as_soon_as_it_knows_where_the_writer_is) {
  machine.on_data(now, old_data, out);
  machine.on_peers(now, {}, out);
  EXPECT_THAT(did(), IsEmpty());
  EXPECT_THAT(machine.trouble(), HasSubstr("dns1"));
  machine.on_peers(now, peers("dns1", by_dns1), out);
  EXPECT_THAT(did(), ElementsAre("connect 1 192.0.2.1:8002"));
  machine.on_connected(now, 1, id("dns1"), out);
  EXPECT_THAT(did(), ElementsAre("ask 1 0 dns1 has 7"));
  EXPECT_FALSE(machine.in_step_since());
  hear(wire::copy_state{by_dns1, old_data});
  EXPECT_EQ(machine.in_step_since(), now);
}

TEST_F(a_follower, asks_when_it_has_read_its_own_data) {
  machine.on_peers(now, peers("dns1", by_dns1), out);
  machine.on_connected(now, 1, id("dns1"), out);
  EXPECT_THAT(did(), ElementsAre("connect 1 192.0.2.1:8002"));
  machine.on_data(now, old_data, out);
  EXPECT_THAT(did(), ElementsAre("ask 1 0 dns1 has 7"));
}

TEST_F(a_follower, takes_a_copy_and_says_what_it_has_then) {
  follow_dns1();
  hear(wire::copy_rows{{"domains", "id", "[[1]]"}});
  hear(wire::copy_rows{{"records", "id", "[[1]]"}});
  hear(wire::copy_end{by_dns1, new_data, {}});
  EXPECT_THAT(did(), ElementsAre("take_copy of 2 parts, revision 8"));
  hear(wire::copy_state{by_dns1, new_data});
  EXPECT_FALSE(machine.in_step_since()) << "it is not written yet";
  machine.on_copy_taken(now, {copy_outcome::kind::taken, new_data, "", ""}, out);
  EXPECT_THAT(did(), ElementsAre("ask 1 0 dns1 has 8"));
  machine.on_data(now, new_data, out);
  hear(wire::copy_state{by_dns1, new_data});
  EXPECT_THAT(did(), IsEmpty());
  EXPECT_TRUE(machine.in_step_since());
}

TEST_F(a_follower, that_gets_another_copy_than_was_announced_alarms_and_asks_anew_later) {
  follow_dns1();
  hear(wire::copy_end{by_dns1, new_data, {}});
  did();
  machine.on_copy_taken(now, {copy_outcome::kind::differs, {}, "other digest", ""}, out);
  EXPECT_THAT(did(), ElementsAre("alarm operator_digest", "disconnect 1"));
  EXPECT_TRUE(machine.differs());
  advance(1s);
  EXPECT_THAT(did(), ElementsAre("connect 2 2001:db8::1:8002"));
  machine.on_connected(now, 2, id("dns1"), out);
  EXPECT_THAT(did(), ElementsAre("ask 2 0 dns1 has 7"));
  hear(wire::copy_end{by_dns1, new_data, {}}, 2);
  machine.on_copy_taken(now, {copy_outcome::kind::taken, new_data, "", ""}, out);
  EXPECT_FALSE(machine.differs());
}

TEST_F(a_follower, tells_where_edits_of_its_own_are_kept) {
  follow_dns1();
  hear(wire::copy_end{by_dns1, new_data, {}});
  machine.on_copy_taken(now, {copy_outcome::kind::taken, new_data, "", "/var/x.superseded-1"}, out);
  EXPECT_THAT(text("operator_superseded"), HasSubstr("/var/x.superseded-1"));
}

TEST_F(a_follower, notices_other_data_under_the_same_revision) {
  follow_dns1();
  hear(wire::copy_state{by_dns1, old_data});
  did();
  hear(wire::copy_state{by_dns1, {old_data.revision, 0xfff}});
  EXPECT_THAT(did(), ElementsAre("alarm operator_digest", "ask 1 0 dns1 has 7"));
  EXPECT_TRUE(machine.differs());
}

TEST_F(a_follower, that_was_written_to_alarms_and_asks_for_a_copy) {
  follow_dns1();
  hear(wire::copy_state{by_dns1, old_data});
  did();
  machine.on_data(now, {9, 0xccc}, out);
  EXPECT_THAT(text("operator_written"), HasSubstr("Write on dns1"));
  EXPECT_THAT(did(), ElementsAre("alarm operator_written", "ask 1 0 dns1 has 9"));
}

TEST_F(a_follower, gives_up_a_silent_writer_and_comes_back) {
  follow_dns1();
  hear(wire::copy_state{by_dns1, old_data});
  advance(2s);
  hear(wire::copy_state{by_dns1, old_data});
  advance(2s);
  EXPECT_TRUE(machine.in_step_since());
  did();
  advance(1s);
  EXPECT_THAT(did(), ElementsAre("disconnect 1"));
  EXPECT_FALSE(machine.in_step_since());
  advance(500ms);
  EXPECT_THAT(did(), ElementsAre("connect 2 2001:db8::1:8002"));
}

TEST_F(a_follower, waits_longer_after_each_try_but_never_long) {
  follow_dns1();
  std::vector<model::duration> waits;
  for (replica::link link = 1; link < 40; ++link) {
    machine.on_disconnected(now, link, "refused", out);
    waits.push_back(machine.next_deadline() - now);
    advance(waits.back());
  }
  EXPECT_LE(waits.front(), 150ms);
  for (const auto wait : waits)
    EXPECT_LE(wait, 7500ms);
  EXPECT_GE(waits.back(), 2500ms);
}

TEST_F(a_follower, does_not_wait_for_handshakes_for_ever) {
  machine.on_data(now, old_data, out);
  machine.on_peers(now, peers("dns1", by_dns1), out);
  did();
  advance(copy_connect_timeout);
  EXPECT_THAT(did(), ElementsAre("disconnect 1"));
}

TEST_F(a_follower, does_not_take_another_name_server_for_the_writer) {
  machine.on_data(now, old_data, out);
  machine.on_peers(now, peers("dns1", by_dns1), out);
  did();
  machine.on_connected(now, 1, id("dns3"), out);
  EXPECT_THAT(did(), ElementsAre("disconnect 1"));
  EXPECT_THAT(machine.trouble(), HasSubstr("dns3"));
}

TEST_F(a_follower, of_one_that_does_not_write_says_so) {
  follow_dns1();
  hear(wire::copy_state{{0, "dns9"}, old_data});
  EXPECT_THAT(did(), ElementsAre("disconnect 1"));
  EXPECT_THAT(machine.trouble(), HasSubstr("dns1 says that dns9 writes"));
}

TEST_F(a_follower, takes_no_copy_beyond_the_bound) {
  follow_dns1();
  const std::string much(8U << 20, ' ');
  std::size_t taken = 0;
  while (machine.trouble().empty() && taken <= copy_octets_max) {
    hear(wire::copy_rows{{"records", "id", much}});
    taken += much.size();
  }
  EXPECT_THAT(did(), ElementsAre("disconnect 1"));
  EXPECT_LE(taken, copy_octets_max + much.size());
}

TEST_F(a_follower, alarms_once_when_it_is_out_of_step_for_a_minute) {
  follow_dns1();
  hear(wire::copy_state{by_dns1, old_data});
  advance(59s);
  std::ranges::for_each(did(), [](const auto& what) { EXPECT_FALSE(what.starts_with("alarm")); });
  advance(200s);
  EXPECT_EQ(std::ranges::count(did(), "alarm operator_out_of_step"), 1);
}

TEST_F(a_follower, follows_whoever_was_promoted_last) {
  follow_dns1();
  machine.on_peers(now, peers("dns3", {1, "dns3"}), out);
  EXPECT_THAT(did(), ElementsAre("become_follower 1 dns3", "tell_claim", "disconnect 1"));
  advance(0s);
  EXPECT_THAT(did(), ElementsAre("connect 2 192.0.2.1:8002"));
  machine.on_peers(now, peers("dns1", by_dns1), out);
  machine.on_peers(now, peers("dns4", {1, "dns2b"}), out);
  EXPECT_THAT(did(), IsEmpty()) << "neither outranks it";
  EXPECT_EQ(machine.claim(), (model::writer_claim{1, "dns3"}));
}

TEST_F(a_follower, hears_of_a_promotion_from_the_old_writer_itself) {
  follow_dns1();
  hear(wire::copy_state{{2, "dns3"}, old_data});
  EXPECT_THAT(did(), ElementsAre("become_follower 2 dns3", "tell_claim", "disconnect 1"));
}

TEST_F(a_follower, is_promoted_when_it_was_in_step_once) {
  follow_dns1();
  EXPECT_THAT(machine.promote(now, out).error(), HasSubstr("never had a copy"));
  hear(wire::copy_state{by_dns1, old_data});
  did();
  EXPECT_TRUE(machine.promote(now, out));
  EXPECT_FALSE(machine.promote(now, out)) << "under way";
  EXPECT_THAT(did(), ElementsAre("become_writer 1 dns2"));
  EXPECT_FALSE(machine.writes()) << "not before it is remembered";
  machine.on_writer(now, {1, "dns2"}, "", out);
  EXPECT_THAT(did(), ElementsAre("disconnect 1", "tell_claim"));
  EXPECT_TRUE(machine.writes());
  EXPECT_THAT(machine.promote(now, out).error(), HasSubstr("already"));
  EXPECT_EQ(machine.next_deadline(), model::never);
}

TEST_F(a_follower, whose_promotion_is_not_remembered_stays_one) {
  follow_dns1();
  hear(wire::copy_state{by_dns1, old_data});
  did();
  EXPECT_TRUE(machine.promote(now, out));
  did();
  machine.on_writer(now, {1, "dns2"}, "no space", out);
  EXPECT_THAT(did(), ElementsAre("alarm operator_promotion"));
  EXPECT_FALSE(machine.writes());
}

TEST_F(a_follower, obeys_a_promotion_elsewhere_that_is_heard_of_during_its_own) {
  follow_dns1();
  hear(wire::copy_state{by_dns1, old_data});
  EXPECT_TRUE(machine.promote(now, out));
  machine.on_peers(now, peers("dns3", {1, "dns3"}), out);
  did();
  machine.on_writer(now, {1, "dns2"}, "", out);
  EXPECT_FALSE(machine.writes());
  EXPECT_EQ(machine.claim().writer, "dns3");
}

TEST_F(a_follower, that_others_take_for_the_writer_does_not_write_without_the_data) {
  follow_dns1();
  machine.on_peers(now, peers("dns3", {4, "dns2"}), out);
  machine.on_peers(now, peers("dns3", {4, "dns2"}), out);
  EXPECT_THAT(did(), ElementsAre("alarm operator_data_missing"));
  EXPECT_FALSE(machine.writes());
  hear(wire::copy_state{by_dns1, old_data});
  EXPECT_TRUE(machine.promote(now, out)) << "a person may decide so";
  EXPECT_THAT(did(), ElementsAre("become_writer 5 dns2"));
}

class a_writer : public one_replica {
 protected:
  a_writer()
      : one_replica("dns1", by_dns1) {
    machine.on_data(now, new_data, out);
    machine.on_session(now, 11, id("dns2"), out);
    machine.on_session(now, 12, id("dns3"), out);
    did();
  }

  void ask(replica::session from, const model::data_state& have,
           const model::writer_claim& of = by_dns1) {
    machine.on_request(now, from, {of, have}, out);
  }
};

TEST_F(a_writer, says_at_once_that_there_is_nothing_to_copy) {
  ask(11, new_data);
  EXPECT_THAT(did(), ElementsAre("answer 11 0 dns1 has 8"));
}

TEST_F(a_writer, reads_one_copy_for_all_who_need_it) {
  ask(11, old_data);
  EXPECT_THAT(did(), ElementsAre("read_copy"));
  ask(12, old_data);
  EXPECT_THAT(did(), IsEmpty());
  machine.on_copy_read(now, new_data, out);
  EXPECT_THAT(did(), ElementsAre("send_copy 11", "send_copy 12"));
}

TEST_F(a_writer, sends_the_next_copy_when_the_last_one_was_answered) {
  ask(11, old_data);
  machine.on_copy_read(now, new_data, out);
  did();
  machine.on_data(now, {9, 0xccc}, out);
  EXPECT_THAT(did(), IsEmpty()) << "one at a time";
  ask(11, new_data);
  EXPECT_THAT(did(), ElementsAre("read_copy"));
  machine.on_copy_read(now, model::data_state{10, 0xddd}, out);
  EXPECT_THAT(did(), ElementsAre("send_copy 11"));
  ask(11, {10, 0xddd});
  EXPECT_THAT(did(), ElementsAre("answer 11 0 dns1 has 10"));
}

TEST_F(a_writer, sends_a_change_to_those_in_step_at_once) {
  ask(11, new_data);
  ask(12, new_data);
  did();
  machine.on_data(now, {9, 0xccc}, out);
  EXPECT_THAT(did(), ElementsAre("read_copy"));
  machine.on_copy_read(now, model::data_state{9, 0xccc}, out);
  EXPECT_THAT(did(), ElementsAre("send_copy 11", "send_copy 12"));
}

TEST_F(a_writer, tells_its_state_every_second_and_tries_again_to_read) {
  ask(11, new_data);
  ask(12, old_data);
  machine.on_copy_read(now, std::nullopt, out);
  did();
  advance(1s);
  EXPECT_THAT(did(), ElementsAre("answer 11 0 dns1 has 8", "answer 12 0 dns1 has 8", "read_copy"));
  machine.on_session_end(11);
  machine.on_session_end(12);
  EXPECT_EQ(machine.next_deadline(), model::never);
}

TEST_F(a_writer, keeps_the_newer_connection_of_a_follower) {
  machine.on_session(now, 13, id("dns2"), out);
  EXPECT_THAT(did(), ElementsAre("end_session 11"));
  ask(13, old_data);
  EXPECT_THAT(did(), ElementsAre("read_copy"));
}

TEST_F(a_writer, has_a_bound_for_followers) {
  for (replica::session n = 0; n < followers_max; ++n)
    machine.on_session(now, 100 + n, id("f" + std::to_string(n)), out);
  EXPECT_EQ(did().size(), 2U);
  EXPECT_EQ(machine.followers().size(), followers_max);
}

TEST_F(a_writer, that_hears_of_a_promotion_follows) {
  ask(12, new_data);
  did();
  machine.on_peers(now, peers("dns2", {1, "dns2"}), out);
  EXPECT_THAT(did(), ElementsAre("become_follower 1 dns2", "tell_claim", "end_session 11",
                                 "end_session 12"));
  advance(0s);
  EXPECT_THAT(did(), ElementsAre("connect 1 192.0.2.1:8002"));
}

TEST_F(a_writer, hears_of_a_promotion_from_a_follower) {
  ask(12, new_data, {1, "dns2"});
  EXPECT_THAT(did(), ElementsAre("answer 12 0 dns1 has 8", "become_follower 1 dns2", "tell_claim",
                                 "end_session 11", "end_session 12"));
}

TEST_F(a_writer, sends_nothing_to_one_that_follows_somebody_else) {
  ask(12, old_data, {0, "dns9"});
  EXPECT_THAT(did(), ElementsAre("answer 12 0 dns1 has 8"));
  advance(1s);
  EXPECT_THAT(did(), IsEmpty());
}

TEST_F(a_writer, complains_of_another_one_by_configuration) {
  machine.on_peers(now, peers("dns3", {0, "dns3"}), out);
  machine.on_peers(now, peers("dns3", {0, "dns3"}), out);
  EXPECT_THAT(did(), ElementsAre("alarm operator_two_writers"));
  EXPECT_TRUE(machine.writes());
}

TEST_F(a_follower, that_is_taken_for_a_writer_names_the_true_one) {
  machine.on_data(now, old_data, out);
  machine.on_session(now, 11, id("dns3"), out);
  machine.on_request(now, 11, {{0, "dns2"}, new_data}, out);
  EXPECT_THAT(did(), ElementsAre("answer 11 0 dns1 has 7", "end_session 11"));
}

TEST(peers_among_members, are_the_other_name_servers_that_tell_who_writes) {
  auto dns1 = member("dns1", {"192.0.2.1"}, {"thor_dnsmanager"});
  dns1.what.attributes["operator.writer"] = "3 dns1";
  dns1.what.roles["thor_dnsmanager"].ports["operator.tcp"] = 8002;
  auto dns2 = dns1;
  dns2.what.id = id("dns2");
  auto quiet = member("dns3", {"192.0.2.3"}, {"thor_dnsmanager"});
  auto odd = member("dns4", {"192.0.2.4"}, {"thor_dnsmanager"});
  odd.what.attributes["operator.writer"] = "dns1";
  auto other = member("gw1", {"192.0.2.5"}, {"sip_proxy"});
  other.what.attributes["operator.writer"] = "9 gw1";
  auto closed = dns1;
  closed.what.id = id("dns5");
  closed.what.roles["thor_dnsmanager"].ports.clear();
  EXPECT_EQ(peers_among(members({dns1, dns2, quiet, odd, other, closed}), id("dns2")),
            (copy_peers{{id("dns1"), {{ip("192.0.2.1")}, 8002, {3, "dns1"}}},
                        {id("dns5"), {{ip("192.0.2.1")}, 0, {3, "dns1"}}}}));
}

TEST(claim, at_the_start_is_that_of_the_last_promotion_or_the_configuration) {
  EXPECT_EQ(claim_at_start({0, ""}, "dns1"), by_dns1);
  EXPECT_EQ(claim_at_start({0, "dns2"}, "dns1"), by_dns1);
  EXPECT_EQ(claim_at_start({1, "dns2"}, "dns1"), (model::writer_claim{1, "dns2"}));
}

} // namespace
} // namespace thor::dns::test
