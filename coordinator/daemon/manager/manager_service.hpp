// thor-manager at work: announces itself, carries what event servers say to the manager machine,
// and performs what it decides.
//
// Everything here runs on the io_context's thread.
#pragma once

#include "coordinator/client/client.hpp"
#include "coordinator/membership/manager.hpp"
#include "coordinator/runtime/log.hpp"
#include "coordinator/runtime/loop.hpp"
#include "coordinator/runtime/role_gauges.hpp"
#include "coordinator/runtime/service.hpp"
#include "coordinator/statistics/book.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>

namespace thor::manager {

/// The table [manager].
struct settings {
  std::uint16_t priority = 50; ///< of two managers that could take over the lower one does
};
settings read_settings(runtime::config& from);

class manager_service final : private client::observer {
 public:
  /// Reads what an earlier run kept in the state directory. Throws std::runtime_error with a
  /// sentence for the operator.
  manager_service(runtime::service& host, const settings& how);
  manager_service(const manager_service&) = delete;
  manager_service& operator=(const manager_service&) = delete;

  /// Until the host is told to stop.
  void run();

 private:
  void on_server_up(const std::string& server, const wire::welcome& hello) override;
  void on_server_down(const std::string& server, const std::string& why) override;
  void on_message(const std::string& server, const wire::server_message& message,
                  const identity::peer* author) override;
  void on_replaced(const std::string& server) override;

  void announce();
  void hear(const membership::input& what);
  void hear_status(const std::string& server, const std::string& body);
  void hear_statistics(const std::string& server, const std::string& body,
                       const identity::peer& author);
  void hear_zone_report(const std::string& server, const wire::statistics& said);
  void keep_figures(const wire::statistics& said);
  void hear_refusal(const std::string& server, const wire::refused& what);
  void hear_version(wire::topic about, const model::node_id& id, const model::version& at);
  void count_stale(wire::topic about);
  void malformed(const std::string& server, const std::string& why);
  void perform(const membership::effects& decided);
  void perform(const membership::publish& what);
  void perform(const membership::persist& what);
  void perform(const membership::transition& what);
  void tell(const membership::note& what);
  void describe(boost::json::object& into) const;
  void describe_election(boost::json::object& into) const;
  [[nodiscard]] boost::json::object describe_figures() const;
  void update_metrics();

  runtime::service& host_;
  settings how_;
  runtime::log_limiter limiter_;
  std::filesystem::path state_file_;
  membership::manager machine_;
  runtime::deadline_timer timer_;
  client::client client_;
  runtime::role_gauges roles_{host_.counters(), {}};
  statistics::book figures_; ///< of the members; no part of the machine's judgement
  runtime::deadline_timer figures_expire_;

  template <class What>
  struct dated {
    model::unix_time at;
    What what;
  };
  // The last ones, for `status`.
  std::deque<dated<std::string>> alarms_;
  std::deque<dated<membership::transition>> transitions_;
};

} // namespace thor::manager
