// Several name servers on a simulated network: who writes, who has which data, and that no edit is
// lost, whatever fails.
#include "coordinator/dns/replica.hpp"
#include "tests/unit/dns/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <set>

namespace thor::dns::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::IsEmpty;

using edits = std::set<std::string>;

/// What operator.sqlite3 and schema/store do, with a set of texts for rows.
struct database {
  edits rows;
  std::uint64_t revision = 0;
  model::writer_claim claim;
  bool follows = false;
  bool uncopied = true;
  bool copied = false;
  std::vector<model::takeover> takeovers;
  std::vector<edits> set_aside;

  [[nodiscard]] model::data_state state() const {
    std::uint64_t sum = 0;
    for (const auto& row : rows)
      sum ^= std::hash<std::string>{}(row);
    return {revision, sum};
  }

  void follow(const model::writer_claim& of) {
    uncopied = follows ? uncopied : revision > 0;
    follows = true;
    claim = of;
  }
  void lead(const model::writer_claim& as) {
    if (follows && as.term > claim.term)
      takeovers.push_back({as.term, as.writer, state().digest});
    follows = false;
    uncopied = true;
    claim = as;
  }

  copy_outcome take(const edits& theirs, const model::operator_copy& copy) {
    const auto ours = state().digest;
    const auto began_with = std::ranges::find(copy.takeovers, ours, &model::takeover::digest);
    if (uncopied && ours != copy.state.digest && began_with == copy.takeovers.end())
      set_aside.push_back(rows);
    rows = theirs;
    revision = copy.state.revision;
    takeovers = copy.takeovers;
    uncopied = false;
    copied = true;
    return {copy_outcome::kind::taken, state(), "", uncopied ? "file" : ""};
  }
};

class overlay;

/// A process of thor-dns; its database outlives it.
class name_server {
 public:
  name_server(overlay& in, std::string who, database& disk)
      : in_(in)
      , who_(std::move(who))
      , disk_(disk)
      , machine_(id(who_), start_claim(disk), disk.copied, 1) {
    settle();
  }

  void tick();
  void edit(const std::string& row) {
    if (disk_.follows)
      return;
    disk_.rows.insert(row);
    ++disk_.revision;
  }
  void promote();

  template <class Step>
  void feed(Step step) {
    replica::effects out;
    step(machine_, out);
    perform(out);
  }

  [[nodiscard]] const replica& machine() const { return machine_; }
  [[nodiscard]] const database& disk() const { return disk_; }
  [[nodiscard]] const std::string& who() const { return who_; }

 private:
  static model::writer_claim start_claim(const database& disk) {
    return claim_at_start(disk.claim, "a");
  }
  void settle() {
    if (machine_.writes())
      disk_.lead(machine_.claim());
    else
      disk_.follow(machine_.claim());
  }
  void perform(replica::effects& out);
  void act(replica::connect& e);
  void act(replica::disconnect& e);
  void act(replica::ask& e);
  void act(replica::answer& e);
  void act(replica::send_copy& e);
  void act(replica::end_session& e);
  void act(replica::read_copy& e);
  void act(replica::take_copy& e);
  void act(replica::become_follower& e);
  void act(replica::become_writer& e);
  void act(replica::tell_claim&) {} // seen by everybody at once
  void act(note&) {}
  /// Whose connection a session is.
  [[nodiscard]] std::pair<std::string, replica::link>
  followers_link(replica::session session) const;
  void say(replica::session session, const wire::copy_message& m);

  overlay& in_;
  std::string who_;
  database& disk_;
  replica machine_;
  model::operator_copy read_;
  edits read_rows_;
};

/// The network: one delay, no order between different pairs, connections that break silently.
class overlay {
 public:
  explicit overlay(std::uint32_t seed)
      : random(seed) {
    for (const auto* who : {"a", "b", "c"})
      start(who);
  }

  void start(const std::string& who) {
    alive[who] = std::make_unique<name_server>(*this, who, disks[who]);
    ++generation[who];
  }
  void crash(const std::string& who) { alive[who].reset(); }

  void run(model::duration by) {
    const auto until = now + by;
    for (; now < until; now += 10ms) {
      while (!queue.empty() && queue.begin()->first <= now) {
        const auto next = std::move(queue.begin()->second);
        queue.erase(queue.begin());
        next();
      }
      for (const auto& [who, one] : alive)
        if (one)
          one->tick();
    }
  }

  void later(std::function<void()> what) {
    queue.emplace(now + 1ms + random() % 20 * 1ms, std::move(what));
  }
  /// Delivered if both live as they did when it was sent, and can reach each other then.
  void send(const std::string& from, const std::string& to,
            std::function<void(name_server&)> what) {
    if (to.empty())
      return; // the connection is over
    later([this, from, to, sent = std::pair(generation[from], generation[to]), what] {
      if (alive[from] && alive[to] && sent == std::pair(generation[from], generation[to]) &&
          reach(from, to))
        what(*alive[to]);
    });
  }
  [[nodiscard]] bool reach(const std::string& a, const std::string& b) const {
    return !cut.contains({a, b}) && !cut.contains({b, a});
  }

  copy_peers seen_by(const std::string& who) {
    copy_peers seen;
    for (const auto& [other, one] : alive)
      if (one && other != who && reach(who, other))
        seen.emplace(id(other), copy_peer{{address_of(other)}, 8002, one->machine().claim()});
    return seen;
  }
  static model::ip_address address_of(const std::string& who) {
    return ip("192.0.2." + std::to_string(who[0] - 'a' + 1));
  }
  std::string at_address(const model::ip_address& address) {
    for (const auto& [who, disk] : disks)
      if (address_of(who) == address)
        return who;
    return "";
  }

  model::time_point now{1h};
  std::minstd_rand random;
  std::map<std::string, database> disks{{"a", {}}, {"b", {}}, {"c", {}}};
  std::map<std::string, std::unique_ptr<name_server>> alive;
  std::map<std::string, int> generation;
  std::set<std::pair<std::string, std::string>> cut;
  std::multimap<model::time_point, std::function<void()>> queue;
  /// Which session at the writer a link of a follower leads to.
  std::map<std::pair<std::string, replica::link>, std::pair<std::string, replica::session>> links;
  replica::session last_session = 0;
};

void name_server::tick() {
  feed([&](auto& m, auto& out) { m.on_data(in_.now, disk_.state(), out); });
  feed([&](auto& m, auto& out) { m.on_peers(in_.now, in_.seen_by(who_), out); });
  if (machine_.next_deadline() <= in_.now)
    feed([&](auto& m, auto& out) { m.on_deadline(in_.now, out); });
}

void name_server::promote() {
  feed([&](auto& m, auto& out) { (void)m.promote(in_.now, out); });
}

void name_server::perform(replica::effects& out) {
  for (auto& one : std::exchange(out, {}))
    std::visit([this](auto& which) { act(which); }, one);
}

void name_server::act(replica::connect& e) {
  const auto writer = in_.at_address(e.address);
  const auto session = ++in_.last_session;
  in_.links[{who_, e.to}] = {writer, session};
  in_.send(who_, writer, [&in = in_, who = who_, link = e.to, session](name_server& to) {
    to.feed([&](auto& r, auto& o) { r.on_session(in.now, session, id(who), o); });
    in.send(to.who(), who, [&in, link, peer = to.who()](name_server& back) {
      back.feed([&](auto& r, auto& o) { r.on_connected(in.now, link, id(peer), o); });
    });
  });
}

void name_server::act(replica::disconnect& e) {
  const auto [writer, session] = in_.links[{who_, e.from}];
  in_.links.erase({who_, e.from});
  in_.send(who_, writer, [which = session](name_server& to) { to.machine_.on_session_end(which); });
}

void name_server::act(replica::ask& e) {
  const auto [writer, session] = in_.links[{who_, e.whom}];
  in_.send(who_, writer, [&in = in_, which = session, m = e.what](name_server& to) {
    to.feed([&](auto& r, auto& o) { r.on_request(in.now, which, m, o); });
  });
}

void name_server::act(replica::answer& e) {
  say(e.whom, e.what);
}

/// The rows of a copy travel beside it.
void name_server::act(replica::send_copy& e) {
  const auto follower = followers_link(e.to).first;
  in_.send(who_, follower,
           [rows = read_rows_, m = wire::copy_end{machine_.claim(), read_.state, read_.takeovers},
            &in = in_, link = followers_link(e.to).second](name_server& to) {
             to.read_rows_ = rows;
             to.feed([&](auto& r, auto& o) { r.on_message(in.now, link, m, o); });
           });
}

void name_server::act(replica::end_session& e) {
  const auto [follower, link] = followers_link(e.which);
  in_.send(who_, follower, [&in = in_, which = link](name_server& to) {
    to.feed([&](auto& r, auto& o) { r.on_disconnected(in.now, which, "closed", o); });
  });
}

void name_server::act(replica::read_copy&) {
  read_ = {{}, disk_.state(), disk_.takeovers};
  read_rows_ = disk_.rows;
  feed([&](auto& r, auto& o) { r.on_copy_read(in_.now, read_.state, o); });
}

void name_server::act(replica::take_copy& e) {
  const auto outcome = disk_.take(read_rows_, e.what);
  feed([&](auto& r, auto& o) { r.on_copy_taken(in_.now, outcome, o); });
}

void name_server::act(replica::become_follower& e) {
  disk_.follow(e.of);
}

void name_server::act(replica::become_writer& e) {
  disk_.lead(e.as);
  feed([&](auto& r, auto& o) { r.on_writer(in_.now, e.as, "", o); });
}

std::pair<std::string, replica::link> name_server::followers_link(replica::session session) const {
  for (const auto& [link, end] : in_.links)
    if (end == std::pair(who_, session))
      return link;
  return {};
}

void name_server::say(replica::session session, const wire::copy_message& m) {
  const auto [follower, link] = followers_link(session);
  in_.send(who_, follower, [&in = in_, which = link, m](name_server& to) {
    to.feed([&](auto& r, auto& o) { r.on_message(in.now, which, m, o); });
  });
}

/// Everybody lives, follows the same one and has its data.
void expect_one_set_of_data(overlay& net) {
  const auto claim = net.alive["a"]->machine().claim();
  const auto& written = net.disks.at(claim.writer);
  for (const auto& [who, one] : net.alive) {
    EXPECT_EQ(one->machine().claim(), claim) << who;
    EXPECT_EQ(one->disk().claim, claim) << who;
    EXPECT_EQ(one->disk().follows, who != claim.writer) << who;
    EXPECT_EQ(one->disk().rows, written.rows) << who;
    EXPECT_EQ(one->disk().revision, written.revision) << who;
    EXPECT_EQ(one->machine().writes(), who == claim.writer);
    EXPECT_EQ(one->machine().in_step_since().has_value(), who != claim.writer) << who;
  }
}

void expect_no_edit_lost(overlay& net, const edits& made) {
  auto found = net.disks.at(net.alive["a"]->machine().claim().writer).rows;
  for (const auto& [who, disk] : net.disks)
    for (const auto& kept : disk.set_aside)
      found.insert(kept.begin(), kept.end());
  for (const auto& row : made)
    EXPECT_THAT(found, Contains(row));
}

TEST(name_servers, have_an_edit_within_a_second) {
  overlay net(1);
  net.run(2s);
  net.alive["a"]->edit("x");
  net.run(200ms);
  expect_one_set_of_data(net);
  EXPECT_THAT(net.disks["c"].rows, Contains("x"));
}

TEST(name_servers, keep_what_they_have_without_the_writer_and_go_on_after_a_partition) {
  overlay net(2);
  net.alive["a"]->edit("x");
  net.run(2s);
  net.cut = {{"a", "b"}, {"a", "c"}};
  net.alive["a"]->edit("y");
  net.run(20s);
  EXPECT_EQ(net.disks["b"].rows, edits{"x"});
  EXPECT_FALSE(net.alive["b"]->machine().in_step_since());
  net.cut.clear();
  net.run(10s);
  expect_one_set_of_data(net);
  EXPECT_EQ(net.disks["b"].rows, (edits{"x", "y"}));
  EXPECT_THAT(net.disks["a"].set_aside, IsEmpty());
}

TEST(name_servers, follow_a_promoted_one_and_the_old_writer_does_too) {
  overlay net(3);
  net.alive["a"]->edit("x");
  net.run(2s);
  net.crash("a");
  net.alive["b"]->promote();
  net.alive["b"]->edit("y");
  net.run(10s);
  EXPECT_EQ(net.disks["c"].rows, (edits{"x", "y"}));
  net.start("a");
  net.run(10s);
  expect_one_set_of_data(net);
  EXPECT_THAT(net.disks["a"].set_aside, IsEmpty()) << "nothing was lost";
}

TEST(name_servers, keep_the_last_edits_of_an_old_writer_aside) {
  overlay net(4);
  net.alive["a"]->edit("x");
  net.run(2s);
  net.cut = {{"a", "b"}, {"a", "c"}};
  net.run(5s);
  net.alive["a"]->edit("only here");
  net.alive["c"]->promote();
  net.run(5s);
  net.cut.clear();
  net.run(10s);
  expect_one_set_of_data(net);
  EXPECT_EQ(net.disks["a"].set_aside, (std::vector<edits>{{"x", "only here"}}));
}

TEST(name_servers, two_of_which_were_promoted_at_once_agree_on_one) {
  overlay net(5);
  net.alive["a"]->edit("x");
  net.run(2s);
  net.crash("a");
  net.cut = {{"b", "c"}};
  net.alive["b"]->promote();
  net.alive["c"]->promote();
  net.alive["b"]->edit("of b");
  net.alive["c"]->edit("of c");
  net.run(5s);
  net.cut.clear();
  net.start("a");
  net.run(10s);
  expect_one_set_of_data(net);
  EXPECT_EQ(net.alive["a"]->machine().claim(), (model::writer_claim{1, "c"}));
  EXPECT_EQ(net.disks["b"].set_aside, (std::vector<edits>{{"x", "of b"}}));
  EXPECT_THAT(net.disks["a"].set_aside, IsEmpty());
}

class anything_fails : public testing::TestWithParam<std::uint32_t> {};

TEST_P(anything_fails, and_the_data_come_together_again_without_losing_an_edit) {
  overlay net(GetParam());
  std::minstd_rand dice(GetParam());
  const std::vector<std::string> all{"a", "b", "c"};
  edits made;
  net.run(2s);
  for (int step = 0; step < 60; ++step) {
    const auto& who = all[dice() % all.size()];
    const auto& other = all[dice() % all.size()];
    switch (dice() % 8) {
    case 0:
      net.crash(who);
      break;
    case 1:
    case 2:
      if (!net.alive[who])
        net.start(who);
      break;
    case 3:
      net.cut.insert({who, other});
      break;
    case 4:
      net.cut.clear();
      break;
    case 5:
      if (net.alive[who] && dice() % 3 == 0)
        net.alive[who]->promote();
      break;
    default:
      if (net.alive[who]) {
        const auto row = who + std::to_string(step);
        net.alive[who]->edit(row);
        if (net.disks[who].rows.contains(row))
          made.insert(row);
      }
    }
    net.run(std::chrono::milliseconds(10 * (dice() % 300)));
  }
  net.cut.clear();
  for (const auto& who : all)
    if (!net.alive[who])
      net.start(who);
  net.run(30s);
  expect_one_set_of_data(net);
  expect_no_edit_lost(net, made);
}

INSTANTIATE_TEST_SUITE_P(seeds, anything_fails, testing::Range(1U, 41U));

} // namespace
} // namespace thor::dns::test
