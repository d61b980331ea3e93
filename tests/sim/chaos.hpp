// What goes wrong in one history: a population, and a set of mischiefs that this history knows.
// Each seed draws its own set (swarm testing): faults that hide each other when all of them happen
// get histories of their own.
#pragma once

#include "tests/sim/dice.hpp"
#include "tests/sim/world.hpp"

#include <string>
#include <vector>

namespace thor::sim {

class chaos {
 public:
  /// Fills the world with hosts, none of them started.
  chaos(world& in, dice chance);

  void start_everything();
  /// From now on, for `time`.
  void rage(model::duration time);
  /// Everything runs and is connected again; a node that was away may stay so.
  void heal();

  /// Nothing happens but to event servers, one at a time.
  [[nodiscard]] bool only_event_servers() const { return only_event_servers_; }
  [[nodiscard]] std::string description() const;

 private:
  using mischief = void (chaos::*)();
  struct named_mischief {
    std::string_view name;
    mischief what;
  };
  static const std::vector<named_mischief>& all_mischiefs();
  void next();

  // ---- the mischiefs

  void stop_node();
  void leave_node();
  void restart_node_with_hold();
  void drain_node();
  void pause_node();
  void silence_role();
  void stop_event_server();
  void stop_all_event_servers();
  void pause_event_server();
  void stop_manager();
  void pause_manager();
  void stop_dns();
  void pause_dns();
  void isolate();
  void split();
  void cut_pair();
  void reset_connection();
  void slow_down();
  void replace_machine();

  // ---- tools

  host* any(kind what, bool running = true);
  void bring_down(host& h);
  void bring_down_for_a_while(host& h);
  void pause_for_a_while(host& h, model::duration longest);
  void start_later(host& h, model::duration delay);
  void cut_for_a_while(host_set a, host_set b);
  [[nodiscard]] bool disturbs(const partition& p, const host& who) const;

  world& in_;
  dice chance_;
  std::vector<named_mischief> possible_;
  bool only_event_servers_ = false;
  model::partition_rule rule_{};
  model::duration pace_{}; ///< between two mischiefs, on average
  model::time_point until_{};
  bool healed_ = false;
};

} // namespace thor::sim
