// The daemons of the overlay, without their sockets: the project's machines in the wiring that
// coordinator/client and coordinator/daemon give them. Frames travel encoded. In this world a
// certificate is the text "<id> <role> ..." and a signature always holds: who forges is not the
// business of this simulation.
#pragma once

#include "coordinator/agent/agent.hpp"
#include "coordinator/broker/broker.hpp"
#include "coordinator/dns/coordinator.hpp"
#include "coordinator/membership/manager.hpp"
#include "coordinator/wire/codec.hpp"
#include "tests/sim/world.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace thor::sim {

/// thor-eventserver.
class event_server final : public daemon {
 public:
  event_server(world& in, host& on);

  [[nodiscard]] model::time_point next_deadline() const override;
  void on_deadline() override;
  void on_accepted(connection_id which, host& peer) override;
  void on_frame(connection_id which, const broker::frame& text) override;
  void on_ended(connection_id which, std::uint16_t code, const std::string& why) override;

 private:
  void tell(const broker::input& in);
  void perform(const broker::effects& out);

  world& in_;
  host& on_;
  broker::broker machine_;
};

/// What libthor does for every program: an agent, and connections to all event servers.
class member : public daemon {
 public:
  [[nodiscard]] model::time_point next_deadline() const override;
  void on_deadline() override;
  void on_opened(connection_id which) override;
  void on_frame(connection_id which, const broker::frame& text) override;
  void on_ended(connection_id which, std::uint16_t code, const std::string& why) override;

  /// What it says of itself, if anything.
  [[nodiscard]] const std::optional<model::presence>& announced() const {
    return machine_.announced();
  }
  /// It was told to stop.
  [[nodiscard]] bool leaving() const { return leaving_; }
  /// Leaves, and ends when that is done.
  void stop(std::chrono::milliseconds hold);

 protected:
  struct settings {
    std::vector<wire::topic> topics{};
    bool announces = false;
  };
  member(world& in, host& on, const settings& how);

  virtual void on_up(const std::string& /*server*/, const wire::welcome& /*hello*/) {}
  virtual void on_down(const std::string& /*server*/) {}
  virtual void on_message(const std::string& /*server*/, const wire::server_message& /*m*/) {}
  void tell(const agent::input& in);
  void announce(std::map<std::string, model::role_offer> roles);
  /// "" = to every event server.
  void publish(const std::string& server, wire::topic about, const std::string& body);

  world& in_;
  host& on_;

 private:
  void perform(const std::vector<agent::effect>& out);
  void perform(const agent::open& e);
  void perform(const agent::send& e);
  void perform(const agent::publish& e);
  void perform(const agent::close& e);
  void perform(const agent::went_up& e);
  void perform(const agent::went_down& e);
  void perform(const agent::replaced& e);
  void perform(const agent::stopped& e);
  void perform(const auto& /*only for the log*/) {}
  void send(agent::connection at, const wire::client_message& what);
  [[nodiscard]] std::optional<std::string> server_of(agent::connection at) const;

  agent::agent machine_;
  std::map<agent::connection, connection_id> lines_;
  std::map<std::string, agent::connection> up_;
  bool leaving_ = false;
};

/// thor-node.
class node final : public member {
 public:
  node(world& in, host& on, std::vector<std::string> roles);
  void set_state(model::role_state state);

 private:
  std::vector<std::string> roles_;
};

/// thor-manager.
class manager final : public member {
 public:
  manager(world& in, host& on, model::partition_rule rule);
  [[nodiscard]] model::time_point next_deadline() const override;
  void on_deadline() override;

  [[nodiscard]] const membership::manager& machine() const { return machine_; }
  /// Everything that the event server retains has been heard since then; never when not.
  [[nodiscard]] model::time_point synced_since(const std::string& server) const;

 private:
  void on_up(const std::string& server, const wire::welcome& hello) override;
  void on_down(const std::string& server) override;
  void on_message(const std::string& server, const wire::server_message& m) override;
  void on_status(const std::string& server, const std::string& body);
  void on_statistics(const std::string& body);
  void hear(const std::string& server, membership::input what);
  void perform(const membership::effects& out);

  membership::manager machine_;
  std::map<std::string, model::time_point> synced_;
};

/// thor-dns.
class dns_server final : public member {
 public:
  dns_server(world& in, host& on, model::partition_policy policy);
  [[nodiscard]] model::time_point next_deadline() const override;
  void on_deadline() override;

  [[nodiscard]] const dns::coordinator& machine() const { return machine_; }

 private:
  void on_up(const std::string& server, const wire::welcome& hello) override;
  void on_down(const std::string& server) override;
  void on_message(const std::string& server, const wire::server_message& m) override;
  void hear(const membership::input& what);
  void perform(const std::vector<dns::effect>& out);
  void write_down();
  void report();

  dns::coordinator machine_;
  std::string figures_; ///< as last reported
};

} // namespace thor::sim
