// A client on a stage: a real TLS and WebSocket server whose lines the test writes, the operator's
// CA, and an observer that takes notes.
#pragma once

#include "coordinator/client/client.hpp"
#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/endpoint.hpp"
#include "coordinator/runtime/metrics.hpp"
#include "coordinator/runtime/ws_server.hpp"
#include "coordinator/wire/codec.hpp"
#include "tests/unit/identity/workshop.hpp"

#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace thor::client {

namespace x509 = identity::x509;
using namespace std::chrono_literals;

/// What the observer saw, as words.
class notes final : public observer {
 public:
  void on_server_up(const std::string& server, const wire::welcome& hello) override {
    lines.push_back("up " + hello.server);
    last_server = server;
  }
  void on_server_down(const std::string&, const std::string& why) override {
    lines.push_back("down: " + why);
  }
  void on_message(const std::string&, const wire::server_message& message,
                  const identity::peer* author) override {
    if (const auto* event = std::get_if<wire::event>(&message)) {
      lines.push_back("event by " + author->id.text() + ": " + event->what.body);
    } else if (std::holds_alternative<wire::heartbeat>(message)) {
      ++heartbeats;
    }
  }
  void on_replaced(const std::string&) override { lines.emplace_back("replaced"); }

  [[nodiscard]] bool has(const std::string& start) const {
    return std::ranges::any_of(lines, [&](const auto& line) { return line.starts_with(start); });
  }

  std::vector<std::string> lines;
  std::string last_server;
  int heartbeats = 0;
};

/// An event server that does what it is told. Answers `hello` with `welcome` when `polite`.
class scripted_server final : public runtime::ws_server::observer {
 public:
  scripted_server(boost::asio::io_context& io, const x509::credentials& who)
      : server_(io, who, *this) {
    server_.listen({{boost::asio::ip::address_v4::loopback(), 0}});
  }

  void on_session(runtime::ws_server::session_id which, const identity::peer& who,
                  const model::ip_address&) override {
    session = which;
    peers.push_back(who);
  }
  void on_frame(runtime::ws_server::session_id which, std::string text) override {
    const auto message = wire::decode_client(text);
    ASSERT_TRUE(message.has_value()) << text;
    frames.push_back(text);
    messages.push_back(*message);
    if (polite && std::holds_alternative<wire::hello>(*message)) {
      say(which, wire::welcome{"es1", "0123456789abcdef", 9000, false, 100, 3000});
    }
  }
  void on_closed(runtime::ws_server::session_id, const runtime::ws_server::outcome& why) override {
    closes.emplace_back(why.word);
  }
  void on_refused(const model::ip_address&, const runtime::ws_server::outcome& why) override {
    refusals.emplace_back(why.word);
  }
  void on_waiting(bool) override {}
  void on_accept_error(const std::string& what) override { FAIL() << what; }

  [[nodiscard]] std::string where() const { return runtime::to_text(server_.listening().front()); }
  void say(runtime::ws_server::session_id to, const wire::server_message& what) {
    say_text(to, wire::encode(what));
  }
  void say(const wire::server_message& what) { say(session, what); }
  void say_text(runtime::ws_server::session_id to, std::string text) {
    server_.send(to, std::make_shared<const std::string>(std::move(text)), false);
  }
  void close(wire::close_code code) { server_.close(session, code, "as the script says"); }

  /// The messages of one kind that came, in order.
  template <class Message>
  [[nodiscard]] std::vector<Message> heard() const {
    std::vector<Message> out;
    for (const auto& message : messages) {
      if (const auto* one = std::get_if<Message>(&message)) {
        out.push_back(*one);
      }
    }
    return out;
  }

  bool polite = true;
  runtime::ws_server::session_id session = 0;
  std::vector<identity::peer> peers;
  std::vector<std::string> frames;
  std::vector<wire::client_message> messages;
  std::vector<std::string> closes;
  std::vector<std::string> refusals;

 private:
  runtime::ws_server server_;
};

class Stage : public testing::Test {
 protected:
  x509::credentials credentials_of(const std::string& id, std::set<std::string> roles) {
    return x509::load(
        x509::install(directory, id, x509::make_node(ca, id, std::move(roles)), {&ca}));
  }

  void open_server(std::optional<x509::credentials> its = std::nullopt) {
    server_credentials = its ? std::move(its) : credentials_of("es1", {"thor_eventserver"});
    server.emplace(io, *server_credentials);
  }

  /// A member of the overlay, connecting to the server.
  void start_client(std::vector<wire::topic> topics = {}) {
    if (!server) {
      open_server();
    }
    subject.emplace(io, how(std::move(topics)), *who, seen);
    subject->start();
  }

  options how(std::vector<wire::topic> topics) {
    return {.event_servers = {server->where()},
            .resolvers = {},
            .topics = std::move(topics),
            .software = "test 1",
            .incarnation_file = directory / "incarnation",
            .counters = &counters};
  }

  void connect(std::vector<wire::topic> topics = {}) {
    start_client(std::move(topics));
    until([&] { return seen.has("up"); });
  }

  /// Runs the loop until it is so; the limit is for a test that would hang.
  template <class Predicate>
  void until(Predicate so) {
    const auto limit = runtime::monotonic_now() + 60s;
    while (!so()) {
      io.restart();
      io.run_one_for(100ms);
      if (runtime::monotonic_now() > limit) {
        FAIL() << "did not happen; the observer saw: " << testing::PrintToString(seen.lines);
      }
    }
  }

  wire::signed_body sign(const x509::credentials& author, wire::topic about,
                         const std::string& body) {
    return {about, body, author.sign(wire::signed_octets(about, body)), author.certificate()};
  }

  x509::workbench directory;
  x509::authority ca = x509::make_ca();
  boost::asio::io_context io{1};
  runtime::metrics counters;
  notes seen;
  std::optional<x509::credentials> who = credentials_of("n1", {"sip_proxy"});
  std::optional<x509::credentials> server_credentials;
  std::optional<scripted_server> server;
  std::optional<client> subject;
};

inline model::node_id id_of(const std::string& text) {
  return model::node_id::parse(text).value();
}

inline model::presence presence_of(const std::string& id, const std::string& role = "sip_proxy") {
  return {id_of(id), {1, 1}, {model::ip_address::v4({192, 0, 2, 1})}, {{role, {}}}, "", "", {}};
}

} // namespace thor::client
