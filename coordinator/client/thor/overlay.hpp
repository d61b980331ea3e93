// libthor: a program's membership of a Thor overlay.
//
//   boost::asio::io_context io;
//   thor::options how;
//   how.software = "acme-gateway 1.2";
//   how.presence = thor::presence{.roles = {{"acme_gateway", {}}}};
//   thor::overlay net(io, how, {.on_joined = [](const thor::member& m) { ... }});
//   io.run();
//
// The certificate says who the program is, which roles it may take and where the overlay is. The
// overlay keeps a TLS connection to every event server, comes back by itself after each trouble,
// verifies everything it hears, renews what it announced, and reads its certificates again when the
// files change.
//
// One thread: all calls and all callbacks belong to the thread that runs the io_context, which must
// outlive the overlay. Callbacks never come from inside a call of yours, one at a time, and may
// call the overlay, but not destroy it. Destroying it drops the connections without a word, as a
// crash would; async_leave() leaves properly.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/io_context.hpp>

#include <thor/completion.hpp>
#include <thor/member.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace thor {

struct options {
  /// What this machine holds, all PEM. Any certificate of the overlay may listen.
  std::filesystem::path certificate = "/etc/thor/tls/node.crt";
  std::filesystem::path key = "/etc/thor/tls/node.key"; ///< at most 0640
  std::filesystem::path ca = "/etc/thor/tls/ca.crt";
  /// While this file is missing, no certificate counts as revoked; "" = never.
  std::filesystem::path crl = "/etc/thor/tls/ca.crl";

  /// "host:port" or "[v6]:port", port 8000 when left out; empty = `_eventserver._tcp.<domain>`.
  std::vector<std::string> event_servers = {};
  /// "address:port" of the DNS servers to ask for them; empty = the system's.
  std::vector<std::string> resolvers = {};

  /// What the program announces, from the start; nothing = it only listens, as any number of
  /// programs with one certificate may at once.
  std::optional<thor::presence> presence = {};
  /// Program and version, for people; at most 128 octets.
  std::string software = {};
  /// Where a program that announces keeps the number of its last start, a small file, created when
  /// missing. Empty = the clock, which serves as long as it does not go back.
  std::filesystem::path incarnation_file = {};
};

enum class severity : std::uint8_t { info, warning, error };

/// What the program wants to hear of; what is empty is not told. The order is promised: first
/// on_synced(), once. From then on for each change of the network all on_gone(), all on_changed(),
/// all on_joined(), each by ascending id, and then on_settled(); meanwhile members() shows the
/// network after the whole change. A lost connection is no change: the last members stay, and when
/// it is back only what differs is told. on_statistics() comes in the order in which each member
/// published.
struct callbacks {
  /// The members are known; members() has them all.
  std::function<void()> on_synced = {};
  /// `last`: as it was known.
  std::function<void(const member& last, departure why)> on_gone = {};
  std::function<void(const member& before, const member& now)> on_changed = {};
  std::function<void(const member& now)> on_joined = {};
  /// The whole change was told: the moment to act on it.
  std::function<void()> on_settled = {};
  /// What the member published of itself: text of a JSON object. Not told again when it comes from
  /// another event server, or is what was told before.
  std::function<void(const std::string& id, const std::string& json)> on_statistics = {};
  /// "192.0.2.1:8000"; a connection to an event server. The overlay works while one is up.
  std::function<void(const std::string& server)> on_server_up = {};
  std::function<void(const std::string& server, const std::string& why)> on_server_down = {};
  /// A newer process with this certificate announces itself: this one has stopped for good, so that
  /// the two do not take turns.
  std::function<void()> on_replaced = {};
  /// What is worth a line in a log. Empty = warnings and errors go to standard error.
  std::function<void(severity how, std::string_view line)> on_log = {};
};

class overlay {
 public:
  /// Reads the credentials and begins to connect; returns at once. Throws std::runtime_error when
  /// they cannot be used or an endpoint is none, std::invalid_argument when the presence is out of
  /// bounds or names a role that the certificate does not have. The text says what to do.
  overlay(boost::asio::io_context& io, options how, callbacks tell = {});
  ~overlay();
  overlay(const overlay&) = delete;
  overlay& operator=(const overlay&) = delete;

  // ---- who we are, from the certificate

  [[nodiscard]] const std::string& id() const;
  [[nodiscard]] const std::string& domain() const;
  /// Those it may take.
  [[nodiscard]] const std::set<std::string>& roles() const;

  // ---- the network

  /// on_synced() was told, or is about to be.
  [[nodiscard]] bool synced() const;
  /// Everybody who is online, by id; empty before synced().
  [[nodiscard]] const std::map<std::string, member>& members() const;
  /// The members responsible for a key among those that offer `role`: its home first, then those
  /// that take over when it goes, at most `count`. Upper and lower case ASCII are the same in a
  /// key. Every program of the overlay that knows the same members gets the same answer. Empty when
  /// nobody offers the role. The pointers hold until the next callback.
  [[nodiscard]] std::vector<const member*> lookup(std::string_view role, std::string_view key,
                                                  std::size_t count = 1,
                                                  placement what_for = placement::existing) const;
  /// The event servers that are connected.
  [[nodiscard]] std::vector<std::string> servers() const;

  // ---- what we say

  /// Announces `what` in place of what was announced before; nothing is sent when nothing changed.
  /// Throws as the constructor, and std::logic_error when the options had no presence.
  void announce(presence what);
  /// All our roles take no new work any more, or do again. announce() keeps to it.
  void drain();
  void undrain();
  [[nodiscard]] bool draining() const;
  /// Publishes figures of ours, the text of one JSON object, at most 16,000 octets; sent to event
  /// servers that connect later, too. Not more than one a second. Throws std::invalid_argument when
  /// it is not that, std::logic_error when the options had no presence.
  void publish_statistics(std::string_view json);

  // ---- waiting; `token` is any completion token for void(boost::system::error_code)

  /// Completes when synced(). Error: operation_aborted, when it is cancelled or the overlay goes.
  template <class Token>
  auto async_synced(Token&& token) {
    return wait_for(event::synced, std::forward<Token>(token));
  }
  /// Completes when the network shows us in what this process announced. Errors: as above, and
  /// connection_aborted when a newer process has replaced us.
  template <class Token>
  auto async_joined(Token&& token) {
    return wait_for(event::joined, std::forward<Token>(token));
  }
  /// Leaves and closes the connections; completes at most 2 s later, always without an error.
  /// `hold`, at most 600 s, asks the others to keep us that long, for a program that means to be
  /// back. To be called once; afterwards the overlay can only be destroyed.
  template <class Token>
  auto async_leave(std::chrono::milliseconds hold, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code)>(
        [this, hold](auto handler) { leave(hold, detail::keep(std::move(handler), executor())); },
        token);
  }
  template <class Token>
  auto async_leave(Token&& token) {
    return async_leave(std::chrono::milliseconds{0}, std::forward<Token>(token));
  }

 private:
  enum class event : std::uint8_t { synced, joined };
  class impl;

  /// Each waiter has a number, by which it is cancelled.
  template <class Token>
  auto wait_for(event what, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code)>(
        [this, what](auto handler) {
          const auto number = next_waiter();
          if (auto slot = boost::asio::get_associated_cancellation_slot(handler);
              slot.is_connected()) {
            slot.assign([self = std::weak_ptr(impl_), number](boost::asio::cancellation_type) {
              cancel(self, number);
            });
          }
          wait(what, number, detail::keep(std::move(handler), executor()));
        },
        token);
  }

  [[nodiscard]] boost::asio::io_context::executor_type executor() const;
  std::uint64_t next_waiter();
  void wait(event what, std::uint64_t number, detail::completion done);
  static void cancel(const std::weak_ptr<impl>& self, std::uint64_t number);
  void leave(std::chrono::milliseconds hold, detail::completion done);

  std::shared_ptr<impl> impl_;
};

} // namespace thor
