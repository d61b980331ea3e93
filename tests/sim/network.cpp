#include "tests/sim/network.hpp"

#include "tests/sim/world.hpp"

#include <algorithm>
#include <utility>

namespace thor::sim {

namespace {

/// SYNs are repeated after 1, 2, 4, 8 s.
constexpr unsigned attempts_max = 4;
constexpr auto idle_check_interval = 1s;
/// Hosts with this many numbers between them are in one data centre.
constexpr std::size_t data_centres = 3;

host_set bit(const host& h) {
  return host_set{1} << h.index();
}

} // namespace

bool partition::blocks(const host& from, const host& to) const {
  const bool there = (a & bit(from)) != 0 && (b & bit(to)) != 0;
  const bool back = (b & bit(from)) != 0 && (a & bit(to)) != 0;
  return there || (back && !one_way);
}

// ---- ways

bool network::blocked(const host& from, const host& to) const {
  return std::ranges::any_of(partitions_, [&](const auto& p) { return p.second.blocks(from, to); });
}

model::duration network::delay(const host& a, const host& b) {
  const bool near = a.index() % data_centres == b.index() % data_centres;
  const model::duration base = near ? 200us : 10ms;
  return base + chance_.between(0us, base) + a.extra_latency + b.extra_latency;
}

partition_id network::cut(const partition& how) {
  partitions_.emplace(next_partition_, how);
  return next_partition_++;
}

void network::mend(partition_id which) {
  if (partitions_.erase(which) == 0)
    return;
  for (auto& [id, c] : connections_)
    for (const auto from : {side::client, side::server})
      if (!c.from(from).stalled.empty())
        in_.after(chance_.any_scale(1ms, retransmission_max),
                  [this, id, from] { retransmit(id, from); });
}

void network::mend_all() {
  while (!partitions_.empty())
    mend(partitions_.begin()->first);
}

// ---- a connection

network::connection* network::find(connection_id which) {
  const auto found = connections_.find(which);
  return found == connections_.end() ? nullptr : &found->second;
}

bool network::alive(const end_point& end) const {
  return end.open && end.at->powered() && end.at->runs() && end.at->run() == end.run;
}

connection_id network::open(host& client, host& server) {
  const auto id = next_connection_++;
  connections_.emplace(id, connection{.ends = {end_point{&client, client.run(), true},
                                               end_point{&server, server.run(), false}}});
  attempt(id, 0);
  return id;
}

void network::attempt(connection_id which, unsigned tries) {
  auto* c = find(which);
  if (c == nullptr || !alive(c->end(side::client)))
    return;
  auto& client = *c->end(side::client).at;
  auto& server = *c->end(side::server).at;
  if (!server.powered() || blocked(client, server) || blocked(server, client)) {
    if (tries < attempts_max)
      in_.after(std::chrono::seconds(1U << tries),
                [this, which, tries] { attempt(which, tries + 1); });
    return;
  }
  const auto round_trip = 2 * delay(client, server);
  if (!server.runs()) {
    in_.after(round_trip, [this, which] {
      if (auto* refused = find(which))
        tell_end(which, *refused, side::client, 0, "connection refused");
    });
    return;
  }
  c->end(side::server).run = server.run();
  transmit(which, side::client, {.what = signal::open}, 2 * round_trip);
}

void network::send(connection_id which, side from, broker::frame text) {
  const auto* c = find(which);
  if (c != nullptr && alive(c->end(from)))
    transmit(which, from, {.what = signal::frame, .text = std::move(text)});
}

void network::close(connection_id which, side from, std::uint16_t code, std::string why) {
  auto* c = find(which);
  if (c == nullptr || !c->end(from).open)
    return;
  c->end(from).open = false;
  transmit(which, from, {.what = signal::end, .code = code, .why = why});
  auto& self = *c->end(from).at;
  if (!blocked(self, *c->end(other(from)).at))
    in_.after(2 * delay(self, *c->end(other(from)).at), [&self, run = self.run(), which] {
      self.call(run, [which](daemon& d) { d.on_ended(which, 1000, "closed by us"); });
    });
}

void network::hang_up(host& whose, std::uint16_t code, bool silent) {
  for (auto& [id, c] : connections_)
    for (const auto s : {side::client, side::server}) {
      auto& end = c.end(s);
      if (end.at != &whose || !end.open)
        continue;
      end.open = false;
      if (!silent)
        transmit(id, s, {.what = signal::end, .code = code, .why = "the peer's process ended"});
    }
}

void network::reset(connection_id which) {
  auto* c = find(which);
  if (c == nullptr)
    return;
  for (const auto s : {side::client, side::server})
    if (c->end(s).open)
      tell_end(which, *c, s, 0, "connection reset");
}

std::vector<connection_id> network::connections_of(const host& whose) const {
  std::vector<connection_id> out;
  for (const auto& [id, c] : connections_)
    if (c.end(side::client).at == &whose && c.end(side::server).open)
      out.push_back(id);
  return out;
}

const host* network::server_of(connection_id which) const {
  const auto found = connections_.find(which);
  return found == connections_.end() ? nullptr : found->second.end(side::server).at;
}

// ---- streams

void network::transmit(connection_id which, side from, packet what, model::duration ahead) {
  auto* c = find(which);
  if (c == nullptr)
    return;
  auto& s = c->from(from);
  const auto late = ahead + delay(*c->end(side::client).at, *c->end(side::server).at);
  s.last_arrival = std::max(s.last_arrival, in_.now() + late);
  in_.at(s.last_arrival,
         [this, which, from, what = std::move(what)] { arrive(which, from, what); });
}

void network::arrive(connection_id which, side from, const packet& what) {
  auto* c = find(which);
  if (c == nullptr)
    return;
  if (!c->from(from).stalled.empty() || !may_pass(*c, from))
    c->from(from).stalled.push_back(what);
  else
    take(which, *c, from, what);
}

bool network::may_pass(connection& c, side from) {
  const auto& sender = *c.end(from).at;
  const auto& receiver = *c.end(other(from)).at;
  auto& s = c.from(from);
  if (blocked(sender, receiver))
    return false;
  if (!blocked(receiver, sender))
    s.unacknowledged = 0;
  else if (s.unacknowledged++ >= window_frames)
    return false;
  return true;
}

void network::retransmit(connection_id which, side from) {
  while (auto* c = find(which)) {
    auto& s = c->from(from);
    if (s.stalled.empty() || !may_pass(*c, from))
      return;
    const auto what = std::move(s.stalled.front());
    s.stalled.pop_front();
    s.flowing_since = in_.now();
    take(which, *c, from, what);
  }
}

void network::take(connection_id which, connection& c, side from, const packet& what) {
  auto& receiver = c.end(other(from));
  if (!receiver.at->powered())
    return;
  if (what.what == signal::end) {
    tell_end(which, c, other(from), what.code, what.why);
    return;
  }
  const bool opening =
      what.what == signal::open && receiver.at->runs() && receiver.at->run() == receiver.run;
  if (!opening && !alive(receiver)) {
    refuse(which, c, from);
    return;
  }
  if (from == side::client)
    c.heard_at = in_.now();
  receiver.open = true;
  switch (what.what) {
  case signal::open: {
    for (auto& s : c.streams)
      s.flowing_since = in_.now();
    auto& client = *c.end(side::client).at;
    receiver.at->call(receiver.run, [this, which, &client](daemon& d) {
      d.on_accepted(which, client);
      transmit(which, side::server, {.what = signal::accepted});
    });
    return;
  }
  case signal::accepted:
    return receiver.at->call(receiver.run, [which](daemon& d) { d.on_opened(which); });
  case signal::frame:
    return receiver.at->call(receiver.run,
                             [which, text = what.text](daemon& d) { d.on_frame(which, text); });
  case signal::end:
    return;
  }
}

/// The kernel of a host without that process answers with a reset.
void network::refuse(connection_id which, connection& c, side to) {
  auto& sender = c.end(to);
  c.end(other(to)).open = false;
  if (sender.open && !blocked(*c.end(other(to)).at, *sender.at))
    in_.after(delay(*c.end(other(to)).at, *sender.at), [this, which, to] {
      if (auto* again = find(which))
        tell_end(which, *again, to, 0, "connection reset");
    });
}

void network::tell_end(connection_id which, connection& c, side whom, std::uint16_t code,
                       const std::string& why) {
  auto& end = c.end(whom);
  if (!std::exchange(end.open, false))
    return;
  end.at->call(end.run, [which, code, why](daemon& d) { d.on_ended(which, code, why); });
}

// ---- the watch that event servers keep

void network::tick() {
  for (auto& [id, c] : connections_)
    look_at(id, c);
  std::erase_if(connections_, [](const auto& entry) {
    const auto& c = entry.second;
    return !c.end(side::client).open && !c.end(side::server).open &&
           c.from(side::client).stalled.empty() && c.from(side::server).stalled.empty();
  });
  in_.after(idle_check_interval, [this] { tick(); });
}

void network::look_at(connection_id which, connection& c) {
  const auto& client = c.end(side::client);
  const auto& server = c.end(side::server);
  if (!server.open)
    return;
  const bool answers = alive(client) && !client.at->paused() && !blocked(*client.at, *server.at) &&
                       !blocked(*server.at, *client.at);
  if (answers || server.at->paused())
    c.heard_at = in_.now();
  if (c.heard_at + session_idle >= in_.now())
    return;
  transmit(which, side::server, {.what = signal::end, .code = 0, .why = "idle"});
  tell_end(which, c, side::server, 0, "idle");
}

model::time_point network::flowing_since(const host& client, const host& server, side from) const {
  auto since = model::never;
  for (const auto& [id, c] : connections_)
    if (c.end(side::client).at == &client && c.end(side::server).at == &server &&
        alive(c.end(side::client)) && alive(c.end(side::server)) && c.from(from).stalled.empty() &&
        !blocked(from == side::client ? client : server, from == side::client ? server : client))
      since = std::min(since, c.from(from).flowing_since);
  return since;
}

} // namespace thor::sim
