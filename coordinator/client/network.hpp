// The members of the network, for a program that follows them.
//
// It is fed what a client hears (subscribed to Thor.Members), holds the view of all event servers
// as one, asks for a fresh snapshot where something was missed, and tells its observers. The order
// is that of model::follower: on_synced() once, and from then on for each change of the status
// on_gone(), on_changed(), on_joined(), each in ascending order of the id, and on_settled().
//
// One thread, that of the client, which must outlive it, as must the observers. A program that
// keeps a client and a network passes on three calls of client::observer.
#pragma once

#include "coordinator/client/client.hpp"
#include "coordinator/lookup/ring.hpp"
#include "coordinator/model/follower.hpp"
#include "coordinator/runtime/log.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thor::client {

/// Hears of members; each callback does nothing by default. Non-owning interface. While it is
/// called, the network's view() shows the status after the whole change.
class member_observer {
 public:
  /// The members are known; `all` holds them.
  virtual void on_synced(const model::view& /*all*/) {}
  /// `why` is missing when only a whole status showed it.
  virtual void on_gone(const model::member& /*last*/, std::optional<model::withdrawal> /*why*/) {}
  virtual void on_changed(const model::member& /*before*/, const model::member& /*now*/) {}
  virtual void on_joined(const model::member& /*now*/) {}
  /// The change is told; also when it changed no member, but the position or the serial.
  virtual void on_settled(const model::view& /*all*/) {}

 protected:
  ~member_observer() = default;
};

class network {
 public:
  /// `counters` may be nullptr. Without a `log` it is spdlog's default logger.
  network(client& link, runtime::metrics* counters, std::shared_ptr<spdlog::logger> log = nullptr);

  /// Adds an observer, before the client is started. They are called in the order in which they
  /// were added.
  void tell(member_observer& seen) { observers_.push_back(&seen); }

  /// From client::observer, all of them.
  void on_server_up(const std::string& server);
  void on_server_down(const std::string& server);
  void on_message(const std::string& server, const wire::server_message& message);

  /// A first status is known and complete.
  [[nodiscard]] bool synced() const { return follower_.began(); }
  /// `known` is false before any status. Never empty because of a lost connection: the last one
  /// stays.
  [[nodiscard]] const model::view& view() const { return follower_.seen(); }

  /// Of the members of the view; hold until it changes.
  [[nodiscard]] const thor::lookup::rings& rings() const;
  /// The members responsible for `key` among those that offer `role` in the view: its home first,
  /// at most `count`; empty when nobody offers it. They live until the view changes.
  [[nodiscard]] std::vector<const model::member*>
  lookup(std::string_view role, std::string_view key, std::size_t count = 1,
         thor::lookup::placement what_for = thor::lookup::placement::existing) const;

 private:
  void on_status(const std::string& server, const std::string& body);
  void perform(const std::vector<model::status_note>& notes);
  void count_refused(const std::string& reason);
  void log_often(const std::string& text);

  client& link_;
  runtime::metrics* counters_;
  model::follower follower_;
  mutable thor::lookup::rings rings_; ///< of the view, when `rings_are_of_view_`
  mutable bool rings_are_of_view_ = false;
  std::shared_ptr<spdlog::logger> log_;
  std::vector<member_observer*> observers_;
  runtime::log_limiter limiter_;
};

} // namespace thor::client
