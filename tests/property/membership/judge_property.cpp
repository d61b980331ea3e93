// Random histories of members, paths, event servers and the judge's own links, in steps of 50 ms:
// nobody is withdrawn whom a connected event server hears, and when the trouble is over exactly the
// living are members.
#include "coordinator/membership/membership.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <chrono>
#include <deque>
#include <optional>

namespace thor::membership {
namespace {

using namespace std::chrono_literals;
using wire::fact_state;

constexpr std::size_t members_count = 5;
constexpr auto step = 50ms;

std::uint64_t to_ms(model::duration d) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
}

enum class action : std::uint8_t {
  start_member,
  kill_member,
  freeze_member,
  thaw_member,
  member_leaves,
  cut_path,
  mend_path,
  restart_server,
  freeze_server,
  thaw_server,
  drop_link,
  pause_judge,
  wait,
  last = wait,
};

struct event {
  action what;
  std::size_t member;
  std::size_t server;
  std::chrono::milliseconds then_wait;
};

rc::Gen<event> any_event(std::size_t servers) {
  return rc::gen::construct<event>(
      rc::gen::cast<action>(rc::gen::inRange<std::uint8_t>(
          0, static_cast<std::uint8_t>(static_cast<std::uint8_t>(action::last) + 1))),
      rc::gen::inRange<std::size_t>(0, members_count), rc::gen::inRange<std::size_t>(0, servers),
      rc::gen::cast<std::chrono::milliseconds>(rc::gen::element(0, 100, 400, 1600, 3500, 12'000)));
}

std::ostream& operator<<(std::ostream& out, const event& e) {
  return out << '{' << static_cast<int>(e.what) << ", member " << e.member << ", server "
             << e.server << ", " << e.then_wait.count() << " ms}";
}

// What an event server knows of one member.
struct session {
  model::version at;
  fact_state state = fact_state::connected;
  model::time_point heard;   ///< the time that it was frozen itself does not count
  model::time_point renewed; ///< when it last read something of the member
  bool unread = false;       ///< a renewal waits
};

struct server {
  std::string name;
  model::time_point started;
  std::optional<model::time_point> frozen_at{};
  model::time_point admitting_until{};
  bool linked = false;
  model::time_point link_at; ///< when the judge connects again
  model::time_point beat_at;
  std::array<std::optional<session>, members_count> sessions;
  std::deque<input> sent; ///< not yet read by the judge
};

struct member {
  model::node_id id;
  bool running = false;
  bool frozen = false;
  model::version at;
  model::time_point renew_at;
  std::vector<bool> path_cut;
  std::vector<model::time_point> connect_at;
};

class simulation {
 public:
  explicit simulation(std::size_t servers)
      : servers_(servers) {
    for (std::size_t s = 0; s < servers; ++s)
      servers_[s] = {.name = "es" + std::to_string(s),
                     .started = now_,
                     .link_at = now_,
                     .beat_at = now_,
                     .sessions = {},
                     .sent = {}};
    for (std::size_t m = 0; m < members_count; ++m)
      members_.push_back({.id = *model::node_id::parse("n" + std::to_string(m)),
                          .at = {},
                          .renew_at = {},
                          .path_cut = std::vector<bool>(servers),
                          .connect_at = std::vector<model::time_point>(servers)});
  }

  void play(const event& e) {
    auto& m = members_[e.member];
    auto& s = servers_[e.server];
    switch (e.what) {
    case action::start_member:
      start(m);
      break;
    case action::kill_member:
      kill(e.member);
      break;
    case action::freeze_member:
      m.frozen = true;
      break;
    case action::thaw_member:
      m.frozen = false;
      break;
    case action::member_leaves:
      leave(e.member);
      break;
    case action::cut_path:
      m.path_cut[e.server] = true;
      break;
    case action::mend_path:
      m.path_cut[e.server] = false;
      break;
    case action::restart_server:
      restart(s);
      break;
    case action::freeze_server:
      freeze(s);
      break;
    case action::thaw_server:
      thaw(s);
      break;
    case action::drop_link:
      drop_link(s, 300ms);
      break;
    case action::pause_judge:
      judge_paused_until_ = now_ + 5s;
      break;
    case action::wait:
      break;
    }
    run(e.then_wait);
  }

  void heal() {
    for (auto& s : servers_)
      thaw(s);
    for (auto& m : members_)
      m.path_cut.assign(servers_.size(), false);
  }

  void run(model::duration time) {
    for (const auto end = now_ + time; now_ < end; now_ += step) {
      for (std::size_t m = 0; m < members_count; ++m)
        act(m);
      for (auto& s : servers_)
        act(s);
      if (now_ >= judge_paused_until_)
        judge();
    }
  }

  void expect_exactly_the_living() const {
    for (const auto& m : members_)
      RC_ASSERT(online_.contains(m.id) == (m.running && !m.frozen));
  }

 private:
  void start(member& m) {
    if (m.running)
      return;
    m.running = true;
    m.frozen = false;
    m.at = {m.at.incarnation + 1, 1};
    m.renew_at = now_ + 1s;
    m.connect_at.assign(servers_.size(), now_);
  }

  void kill(std::size_t which) {
    members_[which].running = false;
    for (auto& s : servers_)
      close(s, which);
  }

  void leave(std::size_t which) {
    auto& m = members_[which];
    if (!m.running || m.frozen)
      return;
    m.running = false;
    ++m.at.sequence;
    for (std::size_t s = 0; s < servers_.size(); ++s) {
      if (!servers_[s].sessions[which] || m.path_cut[s])
        continue;
      servers_[s].sessions[which].reset();
      say(servers_[s], heard_leave{servers_[s].name, {m.id, m.at, 0}});
    }
    kill(which);
  }

  static void admit(server& s, model::time_point now) { s.admitting_until = now + 3s; }

  void freeze(server& s) const {
    if (!s.frozen_at)
      s.frozen_at = now_;
  }

  // It reads what waits, and forgives the others the time that it did not run itself.
  void thaw(server& s) {
    if (!s.frozen_at)
      return;
    for (std::size_t m = 0; m < members_count; ++m) {
      auto& session = s.sessions[m];
      if (!session)
        continue;
      session->heard += now_ - *s.frozen_at;
      if (std::exchange(session->unread, false))
        renew(s, m);
    }
    s.frozen_at.reset();
    admit(s, now_);
  }

  void renew(server& s, std::size_t which) {
    auto& session = *s.sessions[which];
    session.heard = session.renewed = now_;
    if (std::exchange(session.state, fact_state::connected) == fact_state::late)
      say(s, heard_fact{s.name, {members_[which].id, session.at, fact_state::connected, 0}});
  }

  void restart(server& s) {
    drop_link(s, 500ms);
    s.sessions = {};
    s.started = now_;
    s.frozen_at.reset();
    admit(s, now_);
  }

  void drop_link(server& s, model::duration time) {
    if (std::exchange(s.linked, false)) {
      s.sent.clear();
      s.sent.push_back(server_down{s.name});
    }
    s.link_at = now_ + time;
  }

  // A member connects where it has no session, after a while, and renews every second.
  void act(std::size_t which) {
    auto& m = members_[which];
    if (!m.running || m.frozen)
      return;
    const bool renews = now_ >= m.renew_at;
    if (renews)
      m.renew_at = now_ + 1s;
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      auto& s = servers_[i];
      auto& session = s.sessions[which];
      if (m.path_cut[i])
        continue;
      if (s.frozen_at) {
        if (session && renews)
          session->unread = true;
      } else if (!session && now_ >= m.connect_at[i]) {
        session = {m.at, fact_state::connected, now_, now_};
        say(s, heard_presence{s.name, presence(m), {m.id, m.at, fact_state::connected, 0}});
        m.connect_at[i] = now_ + 7500ms; // should it break
      } else if (session && renews) {
        renew(s, which);
      }
    }
  }

  void act(server& s) {
    if (s.frozen_at)
      return;
    if (!s.linked && now_ >= s.link_at)
      welcome(s);
    for (std::size_t m = 0; m < members_count; ++m) {
      auto& session = s.sessions[m];
      if (!session)
        continue;
      const auto silence = now_ - session->heard;
      if (session->state == fact_state::connected && silence >= 1500ms) {
        session->state = fact_state::late;
        say(s, heard_fact{s.name, {members_[m].id, session->at, fact_state::late, to_ms(silence)}});
      } else if (silence >= 10s) {
        close(s, m);
      }
    }
    if (now_ < s.beat_at)
      return;
    s.beat_at = now_ + 1s;
    wire::heartbeat beat{.age_ms = to_ms(now_ - s.started), .admitting = now_ < s.admitting_until};
    for (std::size_t m = 0; m < members_count; ++m) {
      if (!s.sessions[m])
        continue;
      ++beat.members;
      beat.digest ^= model::digest_of(members_[m].id, s.sessions[m]->at);
    }
    say(s, server_heartbeat{s.name, beat});
  }

  void welcome(server& s) {
    s.linked = true;
    say(s, server_up{s.name,
                     {s.name, std::to_string(to_ms(s.started.time_since_epoch())),
                      to_ms(now_ - s.started), now_ < s.admitting_until, 1000, 3000}});
    for (std::size_t m = 0; m < members_count; ++m)
      if (const auto& session = s.sessions[m])
        say(s, heard_presence{
                   s.name,
                   presence(members_[m], session->at),
                   {members_[m].id, session->at, session->state, to_ms(now_ - session->heard)}});
    say(s, server_synced{s.name});
  }

  void close(server& s, std::size_t which) {
    auto& session = s.sessions[which];
    if (!session)
      return;
    say(s, heard_fact{s.name, {members_[which].id, session->at, fact_state::closed, 0}});
    session.reset();
  }

  void say(server& s, input what) {
    if (s.linked)
      s.sent.push_back(std::move(what));
  }

  void judge() {
    effects out;
    for (auto& s : servers_)
      for (const auto& in : std::exchange(s.sent, {}))
        judge_.on_event(now_, in, out);
    if (judge_.next_deadline() <= now_)
      judge_.on_deadline(now_, out);
    RC_ASSERT(judge_.next_deadline() > now_);
    for (const auto& e : out)
      check(e);
    RC_ASSERT(judge_.members() == online_.size());
  }

  void check(const effect& e) {
    if (const auto* a = std::get_if<admitted>(&e)) {
      RC_ASSERT(online_.emplace(a->what.id, a->what).second);
    } else if (const auto* c = std::get_if<changed>(&e)) {
      auto& before = online_.at(c->what.id);
      RC_ASSERT(before.at < c->what.at);
      before = c->what;
    } else if (const auto* w = std::get_if<withdrawn>(&e)) {
      RC_ASSERT(online_.erase(w->id) == 1U);
      if (w->reason != model::withdrawal::left)
        RC_ASSERT(!is_heard(w->id));
    } else if (const auto* r = std::get_if<resubscribe>(&e)) {
      RC_FAIL("the live sets differ at " + r->server);
    }
  }

  // A running event server that is connected to the judge hears the member, and the judge could
  // read of it.
  [[nodiscard]] bool is_heard(const model::node_id& id) const {
    for (std::size_t m = 0; m < members_count; ++m)
      for (const auto& s : servers_)
        if (members_[m].id == id && s.linked && !s.frozen_at && s.sessions[m] &&
            s.sessions[m]->at == members_[m].at && s.sessions[m]->renewed < now_ &&
            now_ - s.sessions[m]->renewed < lease)
          return true;
    return false;
  }

  static model::presence presence(const member& m) { return presence(m, m.at); }
  static model::presence presence(const member& m, const model::version& at) {
    return {.id = m.id,
            .at = at,
            .addresses = {},
            .roles = {{"sip_proxy", {}}},
            .site = "",
            .software = "",
            .attributes = {}};
  }

  model::time_point now_{1h};
  std::vector<server> servers_;
  std::vector<member> members_;
  model::time_point judge_paused_until_{};
  membership judge_;
  std::map<model::node_id, model::presence> online_;
};

RC_GTEST_PROP(judge, withdraws_nobody_who_is_heard_and_ends_with_exactly_the_living, ()) {
  const auto servers = *rc::gen::element<std::size_t>(1, 2, 3);
  constexpr int history_length = 600;
  const auto history =
      *rc::gen::resize(history_length, rc::gen::container<std::vector<event>>(any_event(servers)));
  simulation s(servers);
  for (const auto& e : history)
    s.play(e);
  s.heal();
  s.run(150s); // longer than every lease, hold, delay and wait
  s.expect_exactly_the_living();
}

} // namespace
} // namespace thor::membership
