// A judge on injected time, and the event servers that talk to it as real ones do: a heartbeat a
// second, a snapshot at the start, facts when they happen.
#pragma once

#include "coordinator/membership/membership.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace thor::membership::test {

using namespace std::chrono_literals;

inline model::node_id id(std::string_view text) {
  return *model::node_id::parse(text);
}

inline model::presence presence(std::string_view name, std::uint64_t incarnation = 1,
                                std::uint64_t sequence = 1, std::string_view role = "sip_proxy") {
  return {.id = id(name),
          .at = {incarnation, sequence},
          .addresses = {*model::ip_address::parse("192.0.2.1")},
          .roles = {{std::string(role), {}}},
          .site = "",
          .software = "",
          .attributes = {}};
}

inline std::uint64_t to_ms(model::duration d) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(d).count());
}

class world {
 public:
  model::time_point now{1h};
  membership judge;
  effects seen; ///< all effects so far

  // ---- event servers

  /// Comes up with a process of this age and tells that nobody is there.
  void connect(const std::string& server, model::duration age = 1h, bool admitting = false) {
    up(server, age, admitting);
    sync(server);
  }
  void up(const std::string& server, model::duration age = 1h, bool admitting = false) {
    links_[server] = {.started = now - age, .admitting = admitting, .next_beat = now + 1s};
    const auto instance = std::to_string(to_ms((now - age).time_since_epoch()));
    tell(server_up{server, {server, instance, to_ms(age), admitting, 1000, 3000}});
  }
  void sync(const std::string& server) { tell(server_synced{server}); }
  void down(const std::string& server) {
    links_.erase(server);
    tell(server_down{server});
  }
  /// The event server stops beating, the connection stays.
  void freeze(const std::string& server) { links_.at(server).next_beat = model::never; }
  void thaw(const std::string& server) { links_.at(server).next_beat = now; }
  void set_admitting(const std::string& server, bool admitting) {
    links_.at(server).admitting = admitting;
  }

  // ---- what they say

  void present(const std::string& server, const model::presence& p,
               wire::fact_state state = wire::fact_state::connected, model::duration age = 0ms) {
    tell(heard_presence{server, p, {p.id, p.at, state, to_ms(age)}});
  }
  void present(const std::vector<std::string>& servers, const model::presence& p) {
    for (const auto& s : servers)
      present(s, p);
  }
  void fact(const std::string& server, const model::presence& p, wire::fact_state state,
            model::duration age = 0ms) {
    tell(heard_fact{server, {p.id, p.at, state, to_ms(age)}});
  }
  void closed(const std::string& server, const model::presence& p, model::duration age = 0ms) {
    fact(server, p, wire::fact_state::closed, age);
  }
  void late(const std::string& server, const model::presence& p, model::duration age = 1500ms) {
    fact(server, p, wire::fact_state::late, age);
  }
  void heard(const std::string& server, const model::presence& p) {
    fact(server, p, wire::fact_state::connected);
  }
  void leave(const std::string& server, const model::presence& p, std::uint32_t hold_ms = 0) {
    tell(heard_leave{server, {p.id, {p.at.incarnation, p.at.sequence + 1}, hold_ms}});
  }
  void tell(const input& in) {
    const auto before = seen.size();
    judge.on_event(now, in, seen);
    follow(before);
  }

  // ---- time

  /// Lets time pass, with heartbeats and deadlines when they are due.
  void run(model::duration time) { run_until(now + time); }
  void run_until(model::time_point end) {
    while (true) {
      auto next = judge.next_deadline();
      for (const auto& [server, l] : links_)
        next = std::min(next, l.next_beat);
      if (next > end)
        break;
      now = std::max(now, next);
      beat_due_servers();
      if (judge.next_deadline() <= now) {
        const auto before = seen.size();
        judge.on_deadline(now, seen);
        follow(before);
      }
    }
    now = end;
  }
  /// This process does not run: nothing is read, nothing is due.
  void pause(model::duration time) { now += time; }

  // ---- what came of it

  [[nodiscard]] const std::set<std::string>& online() const { return online_; }
  [[nodiscard]] bool is_online(std::string_view name) const {
    return online_.contains(std::string(name));
  }
  /// The reason of the last withdrawal of this member and when it happened.
  struct departure {
    model::withdrawal reason;
    model::time_point at;
  };
  [[nodiscard]] const departure& last_departure(const std::string& name) const {
    return departures_.at(name);
  }
  [[nodiscard]] std::size_t departures() const { return departed_; }
  [[nodiscard]] std::size_t notes(std::string_view word) const {
    return static_cast<std::size_t>(std::ranges::count_if(seen, [&](const effect& e) {
      const auto* n = std::get_if<note>(&e);
      return n != nullptr && n->word == word;
    }));
  }
  template <class Effect>
  [[nodiscard]] std::vector<Effect> all() const {
    std::vector<Effect> out;
    for (const auto& e : seen)
      if (const auto* wanted = std::get_if<Effect>(&e))
        out.push_back(*wanted);
    return out;
  }

 private:
  struct link {
    model::time_point started;
    bool admitting = false;
    model::time_point next_beat;
  };

  void beat_due_servers() {
    for (auto& [server, l] : links_) {
      if (l.next_beat > now)
        continue;
      l.next_beat = now + 1s;
      const auto all = judge.servers();
      const auto s = std::ranges::find(all, server, &event_server::link);
      tell(server_heartbeat{
          server, {1, to_ms(now - l.started), l.admitting, s->live_members, s->live_digest}});
    }
  }
  void follow(std::size_t from) {
    for (auto i = from; i < seen.size(); ++i) {
      if (const auto* a = std::get_if<admitted>(&seen[i])) {
        online_.insert(a->what.id.text());
      } else if (const auto* w = std::get_if<withdrawn>(&seen[i])) {
        online_.erase(w->id.text());
        departures_.insert_or_assign(w->id.text(), departure{w->reason, now});
        ++departed_;
      }
    }
  }

  std::map<std::string, link> links_;
  std::set<std::string> online_;
  std::map<std::string, departure> departures_;
  std::size_t departed_ = 0;
};

} // namespace thor::membership::test
