// Plays the edge around a broker on injected time: sessions by number, frames as messages, and what
// each session was sent, decoded.
#pragma once

#include "coordinator/broker/broker.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace thor::broker {

using namespace std::chrono_literals;

inline model::node_id id(std::string_view text) {
  return model::node_id::parse(text).value();
}

inline model::ip_address address(std::string_view text) {
  return model::ip_address::parse(text).value();
}

inline identity::peer peer(std::string_view name, std::set<std::string> roles = {"sip_proxy"},
                           std::vector<model::ip_address> addresses = {}) {
  return {.domain = "example.net",
          .id = id(name),
          .roles = std::move(roles),
          .addresses = std::move(addresses),
          .not_after = {}};
}

inline model::presence presence(std::string_view name, model::version at,
                                std::string_view where = "192.0.2.1") {
  return {.id = id(name),
          .at = at,
          .addresses = {address(where)},
          .roles = {{"sip_proxy", {}}},
          .site = {},
          .software = {},
          .attributes = {}};
}

class driver {
 public:
  model::time_point now{1h};
  model::unix_time wall{std::chrono::seconds(1'700'000'000)};
  /// What each certificate text stands for; a signature is good when it is "good".
  std::map<std::string, identity::peer> certificates;
  std::map<session_id, std::vector<wire::server_message>> sent;
  std::map<session_id, close> closed;
  std::vector<note> notes;
  std::vector<std::pair<counter, std::string>> counts;
  broker machine;

  explicit driver(options how = {.server = "es1",
                                 .instance = "0123456789abcdef",
                                 .address_ranges = {}})
      : machine(
            std::move(how),
            [this](std::string_view, std::string_view signature, std::string_view certificate,
                   model::unix_time) { return check(signature, certificate); },
            now) {}

  void perform(const input& in) {
    effects out;
    machine.on_event(now, in, out);
    take(out);
  }

  /// Runs every deadline up to now + d.
  void advance(model::duration d) {
    const auto end = now + d;
    while (machine.next_deadline() <= end) {
      now = std::max(now, machine.next_deadline());
      effects out;
      machine.on_deadline(now, out);
      take(out);
    }
    now = end;
  }

  session_id open(const identity::peer& who, std::string_view from = "192.0.2.1") {
    const auto number = ++last_session_;
    certificates.insert_or_assign(who.id.text(), who);
    perform(session_opened{number, who, address(from)});
    return number;
  }
  void say(session_id from, const wire::client_message& m) { say_text(from, wire::encode(m)); }
  void say_text(session_id from, std::string text) {
    perform(frame_received{from, std::move(text), wall});
  }
  void hang_up(session_id which) { perform(session_closed{which}); }

  session_id greet(const identity::peer& who, std::uint64_t incarnation,
                   std::string_view from = "192.0.2.1") {
    const auto number = open(who, from);
    say(number, wire::hello{.incarnation = incarnation, .software = ""});
    return number;
  }
  /// A member with one presence of version (incarnation, 1).
  session_id join(std::string_view name, std::uint64_t incarnation = 5,
                  std::string_view from = "192.0.2.1") {
    const auto number = greet(peer(name), incarnation, from);
    announce(number, presence(name, {incarnation, 1}, from));
    return number;
  }
  /// Listens to `topics`; what it got so far is cleared.
  session_id listen(std::vector<wire::topic> topics) {
    const auto number = greet(peer("watcher", {"thor_monitor"}), 0);
    say(number, wire::subscribe{std::move(topics)});
    return number;
  }

  static wire::signed_body signed_by(std::string_view author, wire::topic about, std::string body) {
    return {.about = about,
            .body = std::move(body),
            .signature = "good",
            .certificate = std::string(author)};
  }
  void publish(session_id from, std::string_view author, wire::topic about, std::string body) {
    say(from, wire::publish{signed_by(author, about, std::move(body))});
  }
  void announce(session_id from, const model::presence& p) {
    publish(from, p.id.text(), wire::topic::presence, wire::encode_body(p));
  }
  void leave(session_id from, const wire::leave& l) {
    publish(from, l.id.text(), wire::topic::leave, wire::encode_body(l));
  }
  void tell_status(session_id from, std::string_view author, const model::status_event& s) {
    publish(from, author, wire::topic::members, wire::encode_body(s));
  }

  /// All messages of one kind that a session was sent.
  template <class Message>
  std::vector<Message> got(session_id who) const {
    std::vector<Message> found;
    if (const auto of = sent.find(who); of != sent.end())
      for (const auto& m : of->second)
        if (const auto* one = std::get_if<Message>(&m))
          found.push_back(*one);
    return found;
  }
  std::vector<std::string> refusals(session_id who) const {
    std::vector<std::string> words;
    for (const auto& r : got<wire::refused>(who))
      words.push_back(r.reason);
    return words;
  }
  std::vector<wire::fact_state> states(session_id who) const {
    std::vector<wire::fact_state> found;
    for (const auto& f : got<wire::fact>(who))
      found.push_back(f.state);
    return found;
  }
  std::size_t counted(counter what, std::string_view label) const {
    return static_cast<std::size_t>(
        std::ranges::count(counts, std::pair(what, std::string(label))));
  }
  bool noted(level how, std::string_view part) const {
    return std::ranges::any_of(
        notes, [&](const note& n) { return n.how == how && n.text.contains(part); });
  }

 private:
  std::expected<identity::peer, identity::error> check(std::string_view signature,
                                                       std::string_view certificate) const {
    const auto known = certificates.find(std::string(certificate));
    if (known == certificates.end())
      return std::unexpected(identity::error{identity::errc::untrusted, "nobody"});
    if (signature != "good")
      return std::unexpected(identity::error{identity::errc::bad_signature, "forged"});
    return known->second;
  }

  void take(const effects& out) {
    for (const auto& e : out) {
      if (const auto* s = std::get_if<send>(&e))
        sent[s->to].push_back(wire::decode_server(*s->text).value());
      else if (const auto* c = std::get_if<close>(&e))
        closed.insert_or_assign(c->which, *c);
      else if (const auto* n = std::get_if<note>(&e))
        notes.push_back(*n);
      else if (const auto* k = std::get_if<count>(&e))
        counts.emplace_back(k->what, k->label);
    }
  }

  session_id last_session_ = 0;
};

} // namespace thor::broker
