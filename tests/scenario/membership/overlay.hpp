// A whole overlay but its sockets, on injected time: real brokers, real agents, real managers
// and consumers that fold the status with model::reduce(). Frames travel encoded and arrive a
// millisecond later; a frozen process reads them when it thaws; a killed one closes its
// connections; one that stays silent for idle_max is disconnected, as the edge does with pings.
#pragma once

#include "coordinator/agent/agent.hpp"
#include "coordinator/broker/broker.hpp"
#include "coordinator/membership/manager.hpp"
#include "coordinator/wire/codec.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace thor::membership::test {

using namespace std::chrono_literals;

inline constexpr auto latency = 1ms;
inline constexpr auto idle_max = 10s;

/// Something with an inbox that can stop running for a while.
class process {
 public:
  virtual ~process() = default;
  [[nodiscard]] virtual model::time_point next_deadline() const = 0;
  virtual void on_deadline() = 0;

  bool frozen = false;
  std::deque<std::pair<model::time_point, std::function<void()>>> inbox;
};

class overlay;

/// The edge around one broker.
class event_server_process : public process {
 public:
  event_server_process(overlay& world, std::string name);
  [[nodiscard]] model::time_point next_deadline() const override;
  void on_deadline() override;

  void start();
  void kill();
  [[nodiscard]] bool running() const { return machine_.has_value(); }

  void tell(const broker::input& in);

 private:
  void perform(const broker::effects& out);

  overlay& world_;
  std::string name_;
  std::optional<broker::broker> machine_;
};

/// The edge around one agent: what client::client is.
class member_process : public process {
 public:
  member_process(overlay& world, std::string name, std::set<std::string> roles,
                 std::vector<wire::topic> topics, bool announces);
  ~member_process() override { hang_up(); }
  [[nodiscard]] model::time_point next_deadline() const override;
  void on_deadline() override;

  void tell(const agent::input& in);
  /// As a crash would.
  void hang_up();
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] identity::peer identity() const;

 protected:
  virtual void on_up(const std::string& /*server*/, const wire::welcome& /*hello*/) {}
  virtual void on_down(const std::string& /*server*/) {}
  virtual void on_message(const std::string& /*server*/, const wire::server_message& /*m*/) {}
  void publish_status(const std::string& server, const std::string& body);

  overlay& world_;

 private:
  friend class overlay;
  friend class event_server_process;
  void perform(const std::vector<agent::effect>& effects);
  void hear(agent::connection at, const std::string& frame);
  void send(agent::connection at, const wire::client_message& what);
  [[nodiscard]] const std::string* server_of(agent::connection at) const;

  std::string name_;
  std::set<std::string> roles_;
  agent::agent machine_;
  std::map<agent::connection, broker::session_id> sessions_;
  std::map<std::string, agent::connection> up_;
};

class node_process final : public member_process {
 public:
  node_process(overlay& world, std::string name, const std::string& role);
  void announce(model::role_state state);

 private:
  std::string role_;
};

class manager_process final : public member_process {
 public:
  manager_process(overlay& world, const manager_options& how, persist& disk);
  [[nodiscard]] model::time_point next_deadline() const override;
  void on_deadline() override;

  effects told; ///< notes, transitions, admissions and withdrawals
  [[nodiscard]] const manager& machine() const { return machine_; }

 private:
  void on_up(const std::string& server, const wire::welcome& hello) override;
  void on_down(const std::string& server) override;
  void on_message(const std::string& server, const wire::server_message& m) override;
  void hear(const input& in);
  void perform(const effects& out);

  persist& disk_;
  manager machine_;
};

class consumer_process final : public member_process {
 public:
  consumer_process(overlay& world, std::string name);

  model::view view;
  std::vector<std::uint32_t> serials; ///< each once, in the order of their coming
  std::vector<model::epoch> epochs;   ///< the same
  model::time_point applied_at{};     ///< when the view last changed
  std::size_t gaps = 0;
  std::size_t emptied = 0; ///< how often a network became an empty one

 private:
  void on_message(const std::string& server, const wire::server_message& m) override;
};

class overlay {
 public:
  explicit overlay(std::size_t event_servers);

  model::time_point now{1h};
  [[nodiscard]] model::unix_time wall() const {
    return model::unix_time{std::chrono::seconds{1'750'000'000}} +
           std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  }

  event_server_process& server(const std::string& name) { return *servers_.at(name); }
  [[nodiscard]] std::vector<std::string> server_names() const;
  node_process& start_node(const std::string& name, const std::string& role = "sip_proxy");
  void kill_node(const std::string& name) { nodes_.erase(name); }
  void leave(const std::string& name, std::chrono::milliseconds hold = 0ms);
  node_process& node(const std::string& name) { return *nodes_.at(name); }
  /// Also again, with the same disk.
  manager_process& start_manager(const std::string& name = "m1", model::partition_rule rule = {},
                                 std::uint16_t priority = 50);
  void kill_manager(const std::string& name = "m1") { managers_.erase(name); }
  manager_process& the_manager(const std::string& name = "m1") { return *managers_.at(name); }
  /// Who publishes, by its own account.
  [[nodiscard]] std::vector<std::string> active_managers() const;
  /// From now on this process and this event server cannot reach each other; what is under way
  /// arrives. Each end notices as it would notice a cable that was pulled.
  void cut(const std::string& member, const std::string& server) { cuts_.emplace(member, server); }
  void heal() { cuts_.clear(); }
  consumer_process& start_consumer(const std::string& name);
  /// Another kind of member takes part, in place of the one of its name.
  void start_member(std::unique_ptr<member_process> member);

  void run(model::duration time);
  /// Runs until the predicate holds, in steps of a millisecond; returns the time it took, or the
  /// limit.
  model::duration run_until(const std::function<bool()>& done, model::duration limit = 60s);

 private:
  friend class event_server_process;
  friend class member_process;
  struct session {
    std::string server;
    member_process* member;
    agent::connection at;
    identity::peer who;
    model::time_point heard;
  };

  [[nodiscard]] bool is_cut(const session& s) const {
    return cuts_.contains({s.member->name(), s.server});
  }
  void post(process& to, std::function<void()> what) {
    to.inbox.emplace_back(now + latency, std::move(what));
  }
  void connect(member_process& from, agent::connection at, const std::string& server);
  void close_session(broker::session_id which, std::uint16_t code, const std::string& why);
  void close_idle_sessions();
  std::vector<process*> processes();

  broker::session_id next_session_ = 1;
  std::uint64_t next_incarnation_ = 1;
  std::map<broker::session_id, session> sessions_;
  std::map<std::string, std::unique_ptr<event_server_process>> servers_;
  std::map<std::string, persist> manager_disks_;
  std::set<std::pair<std::string, std::string>> cuts_; ///< member, event server
  // Processes that hang up when they end come last.
  std::map<std::string, std::unique_ptr<node_process>> nodes_;
  std::map<std::string, std::unique_ptr<consumer_process>> consumers_;
  std::map<std::string, std::unique_ptr<manager_process>> managers_;
  std::map<std::string, std::unique_ptr<member_process>> others_;
};

} // namespace thor::membership::test
