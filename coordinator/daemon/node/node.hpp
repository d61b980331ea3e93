// thor-node: this machine as a member. Announces the roles, drains and undrains them on command,
// and leaves when told to stop.
//
// One thread, that of the service.
#pragma once

#include "coordinator/client/client.hpp"
#include "coordinator/client/network.hpp"
#include "coordinator/daemon/node/drain.hpp"
#include "coordinator/daemon/node/figures.hpp"
#include "coordinator/daemon/node/hooks.hpp"
#include "coordinator/daemon/node/settings.hpp"
#include "coordinator/daemon/node/text_port.hpp"
#include "coordinator/runtime/loop.hpp"
#include "coordinator/runtime/service.hpp"

namespace thor::node {

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

  void announce();
  void reconfigure();
  void follow_drain();
  answer drain(const std::vector<std::string>& arguments);
  answer undrain();
  void add_status(boost::json::object& into) const;

  runtime::service& on_;
  const settings& configured_;
  settings how_; ///< in force
  drain_state drain_;
  client::client client_;
  client::network network_; ///< the members, for everybody here
  text_port text_port_;
  hooks hooks_;
  figures figures_;
  prometheus::Gauge& draining_;
  bool replaced_ = false;
  runtime::deadline_timer drain_end_;
};

} // namespace thor::node
