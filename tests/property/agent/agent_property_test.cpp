#include "tests/support/agent_bench.hpp"

#include <rapidcheck/gtest.h>

namespace thor::agent {
namespace {

/// Ends the connection under way and returns the wait until the next one is opened.
model::duration fail_once(bench& b, const std::string& server) {
  b.tell(closed{b.at(server), 0, "refused"});
  const auto began = b.now;
  const auto before = b.at(server);
  while (b.at(server) == before) {
    b.run_until(b.machine.next_deadline());
  }
  return b.now - began;
}

RC_GTEST_PROP(AgentBackoff, StaysWithinItsBounds, (std::uint32_t seed)) {
  const std::string server = "192.0.2.10:8000";
  bench b(settings_of({server}), seed);
  b.tell(start{});
  model::duration base = backoff_first;
  for (int i = 0; i < 20; ++i) {
    const auto wait = fail_once(b, server);
    RC_ASSERT(wait >= base / 2);
    RC_ASSERT(wait <= base * 3 / 2);
    base = std::min<model::duration>(base * 2, backoff_max);
  }
}

RC_GTEST_PROP(AgentBackoff, ManyClientsDoNotComeBackTogether, ()) {
  const std::string server = "192.0.2.10:8000";
  std::set<model::duration> waits;
  const auto first = *rc::gen::inRange<std::uint32_t>(0, 1U << 30);
  for (std::uint32_t i = 0; i < 100; ++i) {
    bench b(settings_of({server}), first + i);
    b.tell(start{});
    waits.insert(fail_once(b, server));
  }
  RC_ASSERT(waits.size() > 50U);
}

/// Whatever happens, in whatever order.
class chaos {
 public:
  explicit chaos(std::uint32_t seed)
      : b(settings_of({}), seed) {
    take(b.tell(start{}));
  }

  void step() {
    const auto at = some_connection();
    const auto peer = "es" + std::to_string(*rc::gen::inRange(0, 3));
    switch (*rc::gen::inRange(0, 10)) {
    case 0:
      return take(b.tell(resolved{*rc::gen::container<std::vector<std::string>>(
          rc::gen::element<std::string>("192.0.2.1:8000", "192.0.2.2:8000", "192.0.2.3:8000"))}));
    case 1:
      return take(b.tell(opened{at, id_of(peer), address_of("192.0.2.1")}));
    case 2:
      return take(b.tell(welcomed{at, {peer, "0123456789abcdef", 0, false, 1000, 3000}}));
    case 3:
      return take(b.tell(heard{at}));
    case 4:
      open_.erase(at);
      greeted_.erase(at);
      up_.erase(at);
      return take(b.tell(closed{at, *rc::gen::element<std::uint16_t>(0, 1001, 4002, 4003), "x"}));
    case 5:
      return announce_something();
    case 6:
      return take(b.tell(resolve_failed{}));
    case 7:
      return take(b.tell(renew_credentials{}));
    case 8:
      return take(b.tell(refused{at, {"unknown_version", ""}}));
    default:
      return take(b.run_for(std::chrono::milliseconds(*rc::gen::inRange(0, 4000))));
    }
  }

  bench b;

 private:
  /// Mostly one that is open; sometimes one that is no more.
  connection some_connection() {
    const auto back = *rc::gen::inRange<connection>(0, 5);
    return newest_ > back ? newest_ - back : 1;
  }

  void announce_something() {
    auto what = presence_of();
    what.site = *rc::gen::element<std::string>("", "ams", "lax");
    take(b.tell(announce{what}));
  }

  /// What must hold for every effect that leaves the machine.
  void take(const std::vector<effect>& out) {
    for (const auto& what : out) {
      if (const auto* e = std::get_if<open>(&what)) {
        RC_ASSERT(e->at > newest_);
        newest_ = e->at;
        open_.insert(e->at);
        RC_ASSERT(open_.size() <= 3U); // one a server
      } else if (const auto* c = std::get_if<close>(&what)) {
        RC_ASSERT(open_.erase(c->at) == 1U);
        greeted_.erase(c->at);
        up_.erase(c->at);
      } else if (const auto* s = std::get_if<send>(&what)) {
        const bool greets = std::holds_alternative<wire::hello>(s->what);
        RC_ASSERT(greeted_.contains(s->at) != greets); // the first frame, once
        greeted_.insert(s->at);
      } else if (const auto* up = std::get_if<went_up>(&what)) {
        RC_ASSERT(up_.insert(up->at).second);
        RC_ASSERT(servers_.insert(up->server).second);
      } else if (const auto* down = std::get_if<went_down>(&what)) {
        RC_ASSERT(servers_.erase(down->server) == 1U);
      } else if (const auto* p = std::get_if<publish>(&what)) {
        check_published(*p);
      }
    }
    RC_ASSERT(b.machine.next_deadline() > b.now - 1h);
  }

  void check_published(const publish& p) {
    for (const auto at : p.to) {
      RC_ASSERT(greeted_.contains(at));
    }
    const auto said = published(p);
    RC_ASSERT(said.at >= last_);
    RC_ASSERT(said.at > last_ || said.site == last_site_);
    last_ = said.at;
    last_site_ = said.site;
  }

  connection newest_ = 0;
  std::set<connection> open_;
  std::set<connection> greeted_; ///< `hello` was sent
  std::set<connection> up_;
  std::set<std::string> servers_;
  model::version last_;
  std::string last_site_;
};

RC_GTEST_PROP(AgentInvariants, HoldWhateverHappens, (std::uint32_t seed)) {
  chaos c(seed);
  const auto steps = *rc::gen::inRange(1, 200);
  for (int i = 0; i < steps; ++i) {
    c.step();
  }
}

} // namespace
} // namespace thor::agent
