// thor-manager at work: carries what event servers say to the manager machine, and performs what it
// decides.
//
// Everything here runs on the io_context's thread.
#pragma once

#include "coordinator/client/client.hpp"
#include "coordinator/membership/manager.hpp"
#include "coordinator/runtime/log.hpp"
#include "coordinator/runtime/loop.hpp"
#include "coordinator/runtime/role_gauges.hpp"
#include "coordinator/runtime/service.hpp"

#include <boost/json/object.hpp>

#include <deque>
#include <filesystem>
#include <string>

namespace thor::manager {

class manager_service final : private client::observer {
 public:
  /// Reads what an earlier run kept in the state directory. Throws std::runtime_error with a
  /// sentence for the operator, also when the certificate does not allow to be a manager.
  explicit manager_service(runtime::service& host);
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

  void hear(const membership::input& what);
  void hear_event(const std::string& server, const wire::event& what);
  void malformed(const std::string& server, const std::string& why);
  void perform(const membership::effects& decided);
  void perform(const membership::publish& what);
  void perform(const membership::persist& what);
  void tell(const membership::note& what);
  void describe(boost::json::object& into) const;
  void update_metrics();

  runtime::service& host_;
  runtime::log_limiter limiter_;
  std::filesystem::path state_file_;
  membership::manager machine_;
  runtime::deadline_timer timer_;
  client::client client_;
  runtime::role_gauges roles_{host_.counters(), {}};

  struct alarm {
    model::unix_time at;
    std::string text;
  };
  std::deque<alarm> alarms_; ///< the last ones, for `status`
  bool replaced_ = false;    ///< another process with this certificate is at work
};

} // namespace thor::manager
