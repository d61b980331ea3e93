// libthor: a program's membership of the overlay.
//
// A client keeps one TLS connection to every event server (a given list, or `_eventserver._tcp` of
// the certificate's domain, re-resolved periodically), announces this program when asked to,
// subscribes, and hands every verified message to its observer. The decisions are those of
// agent::agent; this class performs them.
//
// One thread: every call and every callback happens on the io_context's thread, callbacks never
// from inside a call of yours. The io_context, the credentials and the observer must outlive the
// client. Destroying it drops the connections without a word (as a crash would); stop() leaves
// properly.
#pragma once

#include "coordinator/identity/peer.hpp"
#include "coordinator/identity/x509/credentials.hpp"
#include "coordinator/wire/message.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace thor::client {

struct options {
  /// "host:port" or "[v6]:port"; empty = find them by DNS.
  std::vector<std::string> event_servers;
  /// "address:port" of the DNS servers to ask; empty = the system's.
  std::vector<std::string> resolvers;
  /// Topics to subscribe to on every event server.
  std::vector<wire::topic> topics;
  /// Program name and version, for people.
  std::string software;
  /// Where the incarnation is kept, one small file a program; created when missing. Empty for a
  /// program that only listens.
  std::filesystem::path incarnation_file;
};

/// What a client tells. Non-owning interface; callbacks in the order in which things happened on
/// each server.
class observer {
 public:
  /// The event server answered `welcome`. `server` names the link ("127.0.0.1:8000") in all later
  /// calls.
  virtual void on_server_up(const std::string& server, const wire::welcome& hello) = 0;
  virtual void on_server_down(const std::string& server, const std::string& why) = 0;
  /// A verified message. Events whose signature or author does not hold never get here; they are
  /// logged and counted. `author` is who signed an event, nullptr for the other messages.
  virtual void on_message(const std::string& server, const wire::server_message& message,
                          const identity::peer* author) = 0;
  /// A newer incarnation of this id is at work elsewhere: the client has stopped for good.
  virtual void on_replaced(const std::string& server) = 0;

 protected:
  ~observer() = default;
};

class client {
 public:
  client(boost::asio::io_context& io, options how, const identity::x509::credentials& who,
         observer& seen);
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// Starts connecting. Returns at once.
  void start();

  /// Announces `what`; a later call replaces it. Id, incarnation and sequence are filled in here.
  /// Nothing is sent when nothing changed. Renewals are automatic.
  void announce(model::presence what);

  /// Signs once and sends to every connected server; no queueing for the others.
  void publish(wire::topic about, std::string body);
  /// The same to one server.
  void publish_to(const std::string& server, wire::topic about, std::string body);

  /// Drops the connection to `server` and connects again, which brings a fresh snapshot.
  void resubscribe(const std::string& server);

  /// Says Thor.Leave when something was announced (`hold` > 0: keep me that long, I mean to be
  /// back), closes the connections and calls `done`, at most 2 s later.
  void stop(std::chrono::milliseconds hold, std::function<void()> done);

  [[nodiscard]] std::vector<std::string> connected_servers() const;
  [[nodiscard]] std::uint64_t incarnation() const;

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace thor::client
