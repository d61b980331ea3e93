// Whatever members, managers and time do, a subscriber that follows the specification agrees with
// the event server at every heartbeat, and arrives at the status that is retained.
#include "tests/unit/broker/driver.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <optional>

namespace thor::broker {
namespace {

using rc::gen::inRange;
using wire::fact_state;
using wire::topic;

/// A consumer, by coordinator/wire/README.md sections 9 and 10.
class follower {
 public:
  explicit follower(model::unix_time wall)
      : wall_(wall) {}

  void take(const wire::server_message& m) {
    if (const auto* f = std::get_if<wire::fact>(&m))
      facts_.insert_or_assign(f->id, *f);
    else if (const auto* e = std::get_if<wire::event>(&m))
      take_event(*e);
    else if (const auto* h = std::get_if<wire::heartbeat>(&m))
      check(*h);
  }

  model::view view;
  int heartbeats = 0;

 private:
  void take_event(const wire::event& e) {
    if (e.about) {
      facts_.insert_or_assign(e.about->id, *e.about);
    } else if (e.what.about == topic::leave) {
      const auto l = wire::decode_leave(e.what.body).value();
      const auto known = facts_.find(l.id);
      if (known != facts_.end() && known->second.at < l.at)
        facts_.erase(known);
    } else if (e.what.about == topic::members) {
      const auto done = model::reduce(view, wire::decode_status(e.what.body).value(), wall_);
      RC_ASSERT(done.what == model::verdict::applied || done.what == model::verdict::current);
    }
  }

  void check(const wire::heartbeat& h) {
    std::uint64_t members = 0;
    std::uint64_t digest = 0;
    for (const auto& [id, f] : facts_) {
      if (f.state != fact_state::connected && f.state != fact_state::late)
        continue;
      ++members;
      digest ^= model::digest_of(id, f.at);
    }
    RC_ASSERT(members == h.members);
    RC_ASSERT(digest == h.digest);
    ++heartbeats;
  }

  model::unix_time wall_;
  std::map<model::node_id, wire::fact> facts_;
};

/// Some members and managers that do anything at all, right or wrong.
class world {
 public:
  driver d;

  void step() {
    switch (*inRange(0, 12)) {
    case 0:
    case 1:
      return connect();
    case 2:
    case 3:
      return announce();
    case 4:
      return with_session(
          [this](session_id s, const std::string&) { d.say(s, wire::renew{{version()}}); });
    case 5:
      return leave();
    case 6:
      return with_session([this](session_id s, const std::string&) { d.hang_up(s); });
    case 7:
      return d.advance(std::chrono::milliseconds(*inRange(0, 3000)));
    case 8:
      return with_session([this](session_id s, const std::string&) {
        d.perform(peer_barred{
            s, {*rc::gen::element(identity::errc::revoked, identity::errc::expired), ""}});
      });
    case 9:
    case 10:
      return tell_status();
    default:
      d.now += std::chrono::milliseconds(*inRange(0, 5000)); // a pause: nothing runs
    }
  }

 private:
  static std::string any_name() {
    return *rc::gen::element<std::string>("n1", "n2", "n3", "m1", "m2");
  }
  static model::version version() {
    return {*inRange<std::uint64_t>(1, 4), *inRange<std::uint64_t>(1, 6)};
  }

  void connect() {
    const auto name = any_name();
    const auto who = peer(name, {"sip_proxy", std::string(identity::role_manager)});
    sessions_.emplace_back(d.greet(who, *inRange<std::uint64_t>(0, 4)), name);
  }

  template <class Act>
  void with_session(Act act) {
    if (sessions_.empty())
      return;
    const auto& [number, name] = sessions_[*inRange<std::size_t>(0, sessions_.size())];
    act(number, name);
  }

  void announce() {
    with_session([this](session_id s, const std::string& name) {
      auto p = presence(name, version());
      p.site = *rc::gen::element<std::string>("", "ams1");
      d.announce(s, p);
    });
  }

  void leave() {
    with_session([this](session_id s, const std::string& name) {
      d.leave(s, {id(name), version(), *inRange<std::uint32_t>(0, 1000)});
    });
  }

  void tell_status() {
    with_session([this](session_id s, const std::string& name) {
      const model::position where{{*inRange<std::uint64_t>(1, 4), name},
                                  *inRange<std::uint64_t>(1, 6)};
      const auto sequence = d.machine.status().where() ? d.machine.status().where()->sequence : 0;
      model::status_event status = model::status_full{where, 1, {}};
      switch (*inRange(0, 3)) {
      case 0:
        break;
      case 1: {
        auto next = d.machine.status().where().value_or(where);
        next.sequence = sequence + *inRange<std::uint64_t>(0, 3);
        status = model::status_delta{next, 1, {{presence("n9", version()), {}}}, {}};
        break;
      }
      default:
        return;
      }
      d.tell_status(s, name, status);
    });
  }

  std::vector<std::pair<session_id, std::string>> sessions_;
};

RC_GTEST_PROP(stream, keeps_every_follower_in_step, ()) {
  world w;
  std::map<session_id, follower> followers;
  const auto follow = [&] {
    const auto s = w.d.listen({topic::presence, topic::leave, topic::members});
    followers.emplace(s, follower(w.d.wall));
  };
  follow();
  const auto steps = *inRange(1, 80);
  for (int i = 0; i < steps; ++i) {
    w.step();
    if (*inRange(0, 20) == 0)
      follow(); // in the middle: what is retained must bring it into step
  }
  w.d.advance(heartbeat_interval);
  for (auto& [s, f] : followers) {
    RC_ASSERT(!w.d.closed.contains(s));
    for (const auto& m : w.d.sent.at(s))
      f.take(m);
    RC_ASSERT(f.heartbeats > 0);
    RC_ASSERT(f.view.known == w.d.machine.status().where().has_value());
    if (f.view.known)
      RC_ASSERT(f.view.where == *w.d.machine.status().where());
  }
}

RC_GTEST_PROP(stream, says_nothing_to_a_session_after_its_close, ()) {
  world w;
  std::map<session_id, std::size_t> sent_at_close;
  for (int i = 0; i < 60; ++i) {
    w.step();
    for (const auto& [s, how] : w.d.closed)
      sent_at_close.try_emplace(s, w.d.sent[s].size());
  }
  w.d.advance(5s);
  for (const auto& [s, count] : sent_at_close)
    RC_ASSERT(w.d.sent[s].size() == count);
}

RC_GTEST_PROP(stream, forgets_everybody_in_the_end, ()) {
  world w;
  for (int i = 0; i < 60; ++i)
    w.step();
  for (session_id s = 1; s < 200; ++s)
    w.d.hang_up(s);
  w.d.advance(ended_kept + 2s);
  RC_ASSERT(w.d.machine.members().all().empty());
  RC_ASSERT(w.d.machine.sessions() == 0U);
  RC_ASSERT(w.d.machine.subscribers(topic::presence) == 0U);
}

RC_GTEST_PROP(frames, of_any_octets_do_no_harm, (std::vector<std::string> texts)) {
  driver d;
  const auto member = d.join("n1");
  for (const auto& text : texts) {
    const auto s = d.greet(peer("n2"), 5);
    d.say_text(s, text);
    RC_ASSERT(d.closed.contains(s));
  }
  RC_ASSERT(!d.closed.contains(member));
  RC_ASSERT(d.machine.members().live().members == 1U);
}

} // namespace
} // namespace thor::broker
