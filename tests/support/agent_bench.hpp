// An agent on injected time, and its effects taken apart for assertions.
#pragma once

#include "coordinator/agent/agent.hpp"
#include "coordinator/wire/codec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace thor::agent {

using namespace std::chrono_literals;

inline model::node_id id_of(const std::string& text) {
  return model::node_id::parse(text).value();
}

inline model::ip_address address_of(const std::string& text) {
  return model::ip_address::parse(text).value();
}

inline model::presence presence_of(std::vector<std::string> addresses = {"192.0.2.1"}) {
  model::presence out{id_of("n1"), {}, {}, {{"sip_proxy", {}}}, "", "", {}};
  for (const auto& address : addresses) {
    out.addresses.push_back(address_of(address));
  }
  return out;
}

inline settings settings_of(std::vector<std::string> servers) {
  return {id_of("n1"), 1000, "test 1", {wire::topic::members}, std::move(servers)};
}

class bench {
 public:
  explicit bench(settings how, std::uint32_t seed = 1)
      : machine(std::move(how), seed) {}

  /// One input; returns its effects.
  std::vector<effect> tell(const input& what) {
    std::vector<effect> out;
    machine.on_event(now, what, out);
    note_connections(out);
    return out;
  }

  /// Moves time to `until`, calling the machine at each of its deadlines; returns all effects.
  std::vector<effect> run_until(model::time_point until) {
    std::vector<effect> all;
    while (machine.next_deadline() <= until) {
      now = std::max(now, machine.next_deadline());
      std::vector<effect> out;
      machine.on_deadline(now, out);
      note_connections(out);
      all.insert(all.end(), out.begin(), out.end());
    }
    now = until;
    return all;
  }
  std::vector<effect> run_for(model::duration time) { return run_until(now + time); }

  /// The latest connection to `server`.
  [[nodiscard]] connection at(const std::string& server) const { return connections.at(server); }

  std::vector<effect> open_link(const std::string& server, const std::string& peer,
                                const std::string& local = "192.0.2.1") {
    return tell(opened{at(server), id_of(peer), address_of(local)});
  }
  std::vector<effect> welcome(const std::string& server, const std::string& peer) {
    return tell(welcomed{at(server), {peer, "0123456789abcdef", 9000, false, 1000, 3000}});
  }
  /// From opening to up.
  std::vector<effect> bring_up(const std::string& server, const std::string& peer,
                               const std::string& local = "192.0.2.1") {
    auto out = open_link(server, peer, local);
    const auto after = welcome(server, peer);
    out.insert(out.end(), after.begin(), after.end());
    return out;
  }

  /// Like run_for, with a heartbeat on every given server each second.
  std::vector<effect> run_alive(model::duration time, const std::vector<std::string>& servers) {
    std::vector<effect> all;
    for (const auto end = now + time; now < end;) {
      const auto out = run_until(std::min(end, now + 1s));
      all.insert(all.end(), out.begin(), out.end());
      for (const auto& server : servers) {
        tell(heard{at(server)});
      }
    }
    return all;
  }

  agent machine;
  model::time_point now{1h};
  std::map<std::string, connection> connections;

 private:
  void note_connections(const std::vector<effect>& effects) {
    for (const auto& what : effects) {
      if (const auto* opening = std::get_if<open>(&what)) {
        connections[opening->server] = opening->at;
      }
    }
  }
};

/// The effects of one kind, in order.
template <class Kind>
std::vector<Kind> all(const std::vector<effect>& effects) {
  std::vector<Kind> out;
  for (const auto& what : effects) {
    if (const auto* one = std::get_if<Kind>(&what)) {
      out.push_back(*one);
    }
  }
  return out;
}

/// The client messages of one kind that were sent.
template <class Message>
std::vector<Message> sent(const std::vector<effect>& effects) {
  std::vector<Message> out;
  for (const auto& one : all<send>(effects)) {
    if (const auto* message = std::get_if<Message>(&one.what)) {
      out.push_back(*message);
    }
  }
  return out;
}

inline model::presence published(const publish& what) {
  return wire::decode_presence(what.body).value();
}

} // namespace thor::agent
