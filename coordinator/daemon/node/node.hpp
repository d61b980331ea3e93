// thor-node: this machine as a member. Announces the roles that are healthy, drains and undrains
// them on command, and leaves when told to stop.
//
// One thread, that of the service.
#pragma once

#include "coordinator/client/client.hpp"
#include "coordinator/client/network.hpp"
#include "coordinator/daemon/node/attribute_sources.hpp"
#include "coordinator/daemon/node/drain.hpp"
#include "coordinator/daemon/node/figures.hpp"
#include "coordinator/daemon/node/health_watch.hpp"
#include "coordinator/daemon/node/hooks.hpp"
#include "coordinator/daemon/node/settings.hpp"
#include "coordinator/daemon/node/text_port.hpp"
#include "coordinator/runtime/loop.hpp"
#include "coordinator/runtime/service.hpp"

namespace thor::node {

/// Nothing is announced before every check and source has had a result, but no longer than this: a
/// restart is to change nothing, and one that hangs is not to hold up the others.
inline constexpr std::chrono::milliseconds first_results_wait_max{1000};

class node final : private client::observer {
 public:
  /// `configured`, which fits the certificate, is read again when the service says that it changed.
  node(runtime::service& on, const settings& configured);

  /// Runs until the process is told to stop.
  void run();

 private:
  using answer = std::expected<boost::json::object, std::string>;

  void on_server_up(const std::string& server, const wire::welcome& hello) override;
  void on_server_down(const std::string& server, const std::string& why) override;
  void on_message(const std::string& server, const wire::server_message& message,
                  const identity::peer* author) override;
  void on_replaced(const std::string& server) override;

  void watch();
  void announce();
  void reconfigure();
  void follow_members();
  void follow_drain();
  answer drain(const std::vector<std::string>& arguments);
  answer undrain();
  void add_status(boost::json::object& into) const;

  runtime::service& on_;
  const settings& configured_;
  settings how_; ///< in force
  drain_state drain_;
  runtime::resolver names_;
  client::client client_;
  client::network network_;
  text_port text_port_;
  hooks hooks_;
  figures figures_;
  health_watch health_;
  attribute_sources sources_;
  prometheus::Gauge& draining_;
  bool replaced_ = false;
  bool waited_ = false; ///< for first results, long enough
  runtime::deadline_timer drain_end_;
  runtime::deadline_timer first_results_;
};

} // namespace thor::node
