// libthor: a program's membership of the overlay.
//
// A client keeps one TLS connection to every event server (a given list, or `_eventserver._tcp` of
// the certificate's domain, re-resolved periodically), announces this program when asked to,
// subscribes, and hands every verified message to its observer. The decisions are those of
// agent::agent; this class performs them.
//
// One thread: every call and every callback happens on the io_context's thread, callbacks never
// from inside a call of yours. The io_context, the credentials and the observer must outlive the
// client. Destroying it (not from within a callback) drops the connections without a word, as a
// crash would; stop() leaves properly.
//
// Identity is the certificate, of event servers too: two addresses whose certificates name the same
// id are two ways to one server, and only one of them is connected.
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
#include <optional>
#include <string>
#include <vector>

namespace spdlog {
class logger;
}
namespace thor::runtime {
class metrics;
}

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
  /// Without a file: the incarnation to announce with, for a program that keeps nothing. Unix time
  /// in milliseconds serves; 0 = it only listens.
  std::uint64_t incarnation = 0;
  /// Where connections and refusals are counted; nullptr = nowhere.
  runtime::metrics* counters = nullptr;
  /// Where it says what it does; nullptr = spdlog's default logger.
  std::shared_ptr<spdlog::logger> log = nullptr;
};

/// What a client tells, to whoever wants to know: each callback does nothing by default. Non-owning
/// interface; callbacks in the order in which things happened on each server, but for what may
/// wait.
class observer {
 public:
  /// Asked of each message that is not about Thor.Members: whether it may be passed over by those
  /// that are, unverified, for half a second at most. Messages that are not about Thor.Members keep
  /// their order among themselves.
  [[nodiscard]] virtual bool may_wait() const { return false; }
  /// The event server answered `welcome`. `server` names the link ("127.0.0.1:8000") in all later
  /// calls.
  virtual void on_server_up(const std::string& /*server*/, const wire::welcome& /*hello*/) {}
  virtual void on_server_down(const std::string& /*server*/, const std::string& /*why*/) {}
  /// A try to connect failed.
  virtual void on_server_failed(const std::string& /*server*/, const std::string& /*why*/) {}
  /// A verified message. Events whose signature or author does not hold never get here; they are
  /// logged and counted. `author` is who signed an event, nullptr for the other messages.
  virtual void on_message(const std::string& /*server*/, const wire::server_message& /*message*/,
                          const identity::peer* /*author*/) {}
  /// A newer incarnation of this id is at work elsewhere: the client has stopped for good.
  virtual void on_replaced(const std::string& /*server*/) {}

 protected:
  ~observer() = default;
};

class client {
 public:
  /// Takes a new incarnation when there is an incarnation_file. Throws std::runtime_error when that
  /// file cannot be read or written, or a server or resolver is no endpoint.
  client(boost::asio::io_context& io, options how, const identity::x509::credentials& who,
         observer& seen);
  ~client();
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  /// Starts connecting. Returns at once.
  void start();

  /// Announces `what`; a later call replaces it. Id, incarnation and sequence are filled in here,
  /// and without addresses the local address of a connection to an event server. Nothing is sent
  /// when nothing changed. Renewals are automatic. Throws std::invalid_argument when `what` is out
  /// of bounds, or this client only listens.
  void announce(model::presence what);

  /// Signs once and sends to every connected server; no queueing for the others.
  void publish(wire::topic about, std::string body);
  /// The same to one server.
  void publish_to(const std::string& server, wire::topic about, std::string body);

  /// Subscribes to these topics, too, from now on.
  void subscribe(std::vector<wire::topic> topics);

  /// Drops the connection to `server` and connects again, which brings a fresh snapshot.
  void resubscribe(const std::string& server);

  /// To be called when the credentials were loaded anew: event servers that they do not accept any
  /// more are cut off at once. When our own certificate is another one, the connections are renewed
  /// one after the other.
  void credentials_reloaded();

  /// Says Thor.Leave when something was announced (`hold` > 0: keep me that long, I mean to be
  /// back), closes the connections and calls `done`, at most 2 s later.
  void stop(std::chrono::milliseconds hold, std::function<void()> done);

  [[nodiscard]] std::vector<std::string> connected_servers() const;
  /// Our end of a connection, as announced where no address is configured; empty while there is
  /// none.
  [[nodiscard]] std::vector<model::ip_address> local_addresses() const;
  /// 0 for a client that only listens.
  [[nodiscard]] std::uint64_t incarnation() const;
  /// What is announced, in its version; nothing before the first announcement.
  [[nodiscard]] const std::optional<model::presence>& announced() const;

 private:
  class impl;
  template <class Action>
  void later(Action action);
  boost::asio::io_context& io_;
  std::shared_ptr<impl> impl_;
};

} // namespace thor::client
