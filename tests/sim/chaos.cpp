#include "tests/sim/chaos.hpp"

#include "tests/sim/daemons.hpp"
#include "tests/sim/laws.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace thor::sim {

namespace {

constexpr auto clock_error_max = 20min;
constexpr auto extra_latency_max = 150ms;
constexpr auto hold = 10s;

host_set bit(const host& h) {
  return host_set{1} << h.index();
}

} // namespace

const std::vector<chaos::named_mischief>& chaos::all_mischiefs() {
  static const std::vector<named_mischief> all{
      {"stop_node", &chaos::stop_node},
      {"leave_node", &chaos::leave_node},
      {"restart_node_with_hold", &chaos::restart_node_with_hold},
      {"drain_node", &chaos::drain_node},
      {"pause_node", &chaos::pause_node},
      {"silence_role", &chaos::silence_role},
      {"stop_event_server", &chaos::stop_event_server},
      {"stop_all_event_servers", &chaos::stop_all_event_servers},
      {"pause_event_server", &chaos::pause_event_server},
      {"stop_manager", &chaos::stop_manager},
      {"pause_manager", &chaos::pause_manager},
      {"stop_dns", &chaos::stop_dns},
      {"pause_dns", &chaos::pause_dns},
      {"isolate", &chaos::isolate},
      {"split", &chaos::split},
      {"cut_pair", &chaos::cut_pair},
      {"reset_connection", &chaos::reset_connection},
      {"slow_down", &chaos::slow_down},
      {"replace_machine", &chaos::replace_machine},
  };
  return all;
}

chaos::chaos(world& in, dice chance)
    : in_(in)
    , chance_(chance) {
  const auto add = [&](kind what, std::string_view prefix, std::size_t count, const auto& boot) {
    for (std::size_t i = 1; i <= count; ++i) {
      auto& h = in_.add(what, fmt::format("{}{}", prefix, i), boot);
      h.clock_error = chance_.between(-clock_error_max, +clock_error_max);
    }
  };
  add(kind::event_server, "es", chance_.chance(0.6) ? 3 : chance_.between(1, 4),
      [&in](host& h) { return std::make_unique<event_server>(in, h); });
  const auto managers = chance_.chance(0.6) ? 3 : chance_.between(1, 3);
  if (chance_.chance(0.3))
    rule_ = {model::partition_policy::majority, managers};
  add(kind::manager, "m", managers,
      [&in, rule = rule_](host& h) { return std::make_unique<manager>(in, h, rule); });
  add(kind::dns, "dns", chance_.between(1, 3), [&in, policy = rule_.policy](host& h) {
    return std::make_unique<dns_server>(in, h, policy);
  });
  add(kind::node, "n", chance_.between(2, 12), [&in](host& h) {
    const bool relay = h.index() % 3 == 0;
    return std::make_unique<node>(in, h,
                                  std::vector<std::string>{relay ? "media_relay" : "sip_proxy"});
  });

  only_event_servers_ = chance_.chance(0.1);
  for (const auto& m : all_mischiefs())
    if (only_event_servers_ ? m.name == "stop_event_server" : chance_.chance(0.4))
      possible_.push_back(m);
  pace_ = chance_.any_scale(300ms, 10s);
}

std::string chaos::description() const {
  std::vector<std::string_view> names;
  for (const auto& m : possible_)
    names.push_back(m.name);
  const bool majority = rule_.policy == model::partition_policy::majority;
  return fmt::format("{} event servers, {} managers{}, {} thor-dns, {} nodes; every {} ms: {}",
                     in_.all(kind::event_server).size(), in_.all(kind::manager).size(),
                     majority ? " (majority)" : "", in_.all(kind::dns).size(),
                     in_.all(kind::node).size(), pace_.count() / 1000, fmt::join(names, " "));
}

void chaos::start_everything() {
  for (const auto& h : in_.hosts())
    start_later(*h, chance_.between(0ms, 3s));
}

void chaos::rage(model::duration time) {
  until_ = in_.now() + time;
  next();
}

void chaos::next() {
  if (possible_.empty())
    return;
  in_.after(chance_.between(0ms, 2 * pace_), [this] {
    if (in_.now() >= until_ || healed_)
      return;
    (this->*possible_[chance_.below(possible_.size())].what)();
    next();
  });
}

void chaos::heal() {
  in_.tell("---- heals");
  healed_ = true;
  in_.net().mend_all();
  for (const auto& h : in_.hosts()) {
    h->extra_latency = {};
    if (h->paused())
      h->resume();
    const auto* m = h->as<member>();
    if (m != nullptr && m->leaving())
      h->end();
    if (!h->runs() && (h->what() != kind::node || chance_.chance(0.6)))
      h->start();
  }
}

// ---- tools

host* chaos::any(kind what, bool running) {
  auto hosts = in_.all(what);
  std::erase_if(hosts, [&](const host* h) {
    const auto* m = h->as<member>();
    return h->runs() != running || h->paused() || (m != nullptr && m->leaving());
  });
  return hosts.empty() ? nullptr : hosts[chance_.below(hosts.size())];
}

void chaos::start_later(host& h, model::duration delay) {
  in_.after(delay, [this, &h] {
    if (!h.runs() && !healed_)
      h.start();
  });
}

void chaos::bring_down(host& h) {
  constexpr std::uint16_t going_away = 1001;
  switch (chance_.below(3)) {
  case 0:
    return h.lose_power();
  case 1:
    return h.end(h.what() == kind::event_server ? going_away : std::uint16_t{0});
  default:
    return h.end();
  }
}

void chaos::bring_down_for_a_while(host& h) {
  bring_down(h);
  start_later(h, chance_.any_scale(50ms, 40s));
}

void chaos::pause_for_a_while(host& h, model::duration longest) {
  h.pause();
  in_.after(chance_.any_scale(100ms, longest), [&h, run = h.run()] {
    if (h.run() == run)
      h.resume();
  });
}

/// A member that cannot talk to an event server as it should may be taken for gone.
bool chaos::disturbs(const partition& p, const host& who) const {
  return std::ranges::any_of(in_.all(kind::event_server), [&](const host* server) {
    return p.blocks(who, *server) || p.blocks(*server, who);
  });
}

void chaos::cut_for_a_while(host_set a, host_set b) {
  const partition p{a, b, chance_.chance(0.4)};
  std::vector<host*> disturbed;
  std::vector<std::string_view> left;
  std::vector<std::string_view> right;
  for (const auto& h : in_.hosts()) {
    if ((a & bit(*h)) != 0)
      left.emplace_back(h->name());
    if ((b & bit(*h)) != 0)
      right.emplace_back(h->name());
    if (h->what() != kind::event_server && disturbs(p, *h))
      disturbed.push_back(h.get());
  }
  in_.tell("---- cuts {} {} {}", fmt::join(left, " "), p.one_way ? "->" : "<->",
           fmt::join(right, " "));
  in_.law().on_cut();
  for (auto* h : disturbed)
    h->trouble_begins();
  const auto which = in_.net().cut(p);
  in_.after(chance_.any_scale(100ms, 40s), [this, which, disturbed] {
    in_.tell("---- mends a cut");
    in_.net().mend(which);
    for (auto* h : disturbed)
      h->trouble_ends();
  });
}

// ---- nodes

void chaos::stop_node() {
  if (auto* h = any(kind::node)) {
    bring_down(*h);
    if (chance_.chance(0.8))
      start_later(*h, chance_.any_scale(50ms, 40s));
  }
}

void chaos::leave_node() {
  if (auto* h = any(kind::node)) {
    h->call(h->run(), [](daemon& d) { dynamic_cast<member&>(d).stop(0ms); });
    if (chance_.chance(0.7))
      start_later(*h, chance_.any_scale(100ms, 40s));
  } else if (auto* absent = any(kind::node, false)) {
    absent->start();
  }
}

void chaos::restart_node_with_hold() {
  if (auto* h = any(kind::node)) {
    h->call(h->run(), [](daemon& d) { dynamic_cast<member&>(d).stop(hold); });
    start_later(*h, chance_.any_scale(300ms, 15s));
  }
}

void chaos::drain_node() {
  if (auto* h = any(kind::node)) {
    const auto state =
        chance_.chance(0.5) ? model::role_state::draining : model::role_state::active;
    h->call(h->run(), [state](daemon& d) { dynamic_cast<node&>(d).set_state(state); });
  }
}

void chaos::pause_node() {
  if (auto* h = any(kind::node))
    pause_for_a_while(*h, 20s);
}

void chaos::silence_role() {
  const auto time = chance_.any_scale(2s, 20s);
  for (auto* h : in_.all(kind::node))
    if (h->runs() && !h->paused() && chance_.chance(0.8)) {
      h->pause();
      in_.after(time, [h, run = h->run()] {
        if (h->run() == run)
          h->resume();
      });
    }
}

// ---- the overlay's own

void chaos::stop_event_server() {
  auto* h = any(kind::event_server);
  // Alone means that the others run.
  const bool alone = std::ranges::all_of(in_.all(kind::event_server), &host::runs);
  if (h != nullptr && (alone || !only_event_servers_))
    bring_down_for_a_while(*h);
}

void chaos::stop_all_event_servers() {
  for (auto* h : in_.all(kind::event_server))
    if (h->runs() && !h->paused())
      bring_down_for_a_while(*h);
}

void chaos::pause_event_server() {
  if (auto* h = any(kind::event_server))
    pause_for_a_while(*h, 20s);
}

void chaos::stop_manager() {
  if (auto* h = any(kind::manager))
    bring_down_for_a_while(*h);
}

void chaos::pause_manager() {
  if (auto* h = any(kind::manager))
    pause_for_a_while(*h, 20s);
}

void chaos::stop_dns() {
  if (auto* h = any(kind::dns))
    bring_down_for_a_while(*h);
}

void chaos::pause_dns() {
  if (auto* h = any(kind::dns))
    pause_for_a_while(*h, 20s);
}

/// Another machine takes the place of one: same name, empty disk. Not of a manager: when nobody
/// reachable remembers either, it cannot tell an overlay from a new one.
void chaos::replace_machine() {
  if (auto* h = any(chance_.chance(0.5) ? kind::dns : kind::node)) {
    in_.tell("{}: its disk is lost", h->name());
    bring_down(*h);
    h->kept = {};
    start_later(*h, chance_.any_scale(1s, 40s));
  }
}

// ---- the network

void chaos::isolate() {
  const auto& hosts = in_.hosts();
  const auto& alone = *hosts[chance_.below(hosts.size())];
  cut_for_a_while(bit(alone), ~bit(alone));
}

void chaos::split() {
  const auto half = chance_.next();
  cut_for_a_while(half, ~half);
}

void chaos::cut_pair() {
  const auto servers = in_.all(kind::event_server);
  const auto& one = *in_.hosts()[chance_.below(in_.hosts().size())];
  const auto& server = *servers[chance_.below(servers.size())];
  if (&one != &server)
    cut_for_a_while(bit(one), bit(server));
}

void chaos::reset_connection() {
  const auto& hosts = in_.hosts();
  auto& h = *hosts[chance_.below(hosts.size())];
  const auto lines = in_.net().connections_of(h);
  if (lines.empty())
    return;
  in_.tell("---- resets a connection of {}", h.name());
  h.troubled_for_a_moment();
  in_.net().reset(lines[chance_.below(lines.size())]);
}

void chaos::slow_down() {
  const auto& hosts = in_.hosts();
  auto& h = *hosts[chance_.below(hosts.size())];
  h.extra_latency = chance_.between(0ms, extra_latency_max);
  in_.after(chance_.any_scale(1s, 40s), [&h] { h.extra_latency = {}; });
}

} // namespace thor::sim
