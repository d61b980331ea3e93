// thor-dns at work: the overlay thread's side of it.
//
// Owns the coordinator machine, the client that feeds it, the server that answers PowerDNS, the
// control sockets and the disk thread, and performs what the machine asks for: build aside, check,
// swap, purge, notify, write down. One publication is the few straight lines of publish().
// Everything here runs on the io_context's thread.
//
// It is a member of the overlay, too: it announces itself and tells what it serves. When another
// process with its certificate takes that place it goes on as one that only listens.
#pragma once

#include "backend/serve/server.hpp"
#include "coordinator/client/client.hpp"
#include "coordinator/daemon/dns/disk.hpp"
#include "coordinator/daemon/dns/edits.hpp"
#include "coordinator/daemon/dns/name_servers.hpp"
#include "coordinator/daemon/dns/replica_service.hpp"
#include "coordinator/daemon/dns/served_zones.hpp"
#include "coordinator/daemon/dns/settings.hpp"
#include "coordinator/dns/coordinator.hpp"
#include "coordinator/runtime/log.hpp"
#include "coordinator/runtime/loop.hpp"
#include "coordinator/runtime/role_gauges.hpp"
#include "coordinator/runtime/service.hpp"
#include "coordinator/wire/codec.hpp"

#include <boost/json/object.hpp>

#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace thor::dns {

class dns_service final : private client::observer {
 public:
  /// Opens the databases, builds the first zones and listens: when this returns, PowerDNS is
  /// answered. Throws std::runtime_error with a sentence for the operator. `how` outlives this: a
  /// SIGHUP changes it.
  dns_service(runtime::service& host, const settings& how);
  dns_service(const dns_service&) = delete;
  dns_service& operator=(const dns_service&) = delete;

  /// Until the host is told to stop.
  void run();

 private:
  void on_server_up(const std::string& server, const wire::welcome& hello) override;
  void on_server_down(const std::string& server, const std::string& why) override;
  void on_message(const std::string& server, const wire::server_message& message,
                  const identity::peer* author) override;
  /// While a manager judges: our own judgement is not needed now.
  [[nodiscard]] bool may_wait() const override { return machine_.state() == feed_state::fresh; }
  void on_replaced(const std::string& server) override;

  void begin(hosted_zones hosted);
  void stop();
  void announce();
  void listen_only();
  void tell_figures();
  void hear(const membership::input& fact);
  void on_status(const std::string& server, const std::string& body);
  void malformed(const std::string& server, const wire::error& why);
  void reconfigure();
  void on_operator_data(operator_news news);
  std::vector<zone::rrset> accept(const operator_news& news, const zone_plan& plan);
  void tell_not_served(std::vector<std::string> rows);
  void announce_hosted(const hosted_zones::update& news);
  void perform(const std::vector<effect>& effects);
  void publish(const publish_zones& wanted);
  void show_zones(const publish_zones& wanted);
  void notify_secondaries(const zone::name& apex);
  void write_down(const std::string& cause);
  void tell_rejected(const std::vector<zone::rejection>& rejected);
  void describe_status(boost::json::object& into) const;
  [[nodiscard]] std::expected<boost::json::object, std::string>
  tell_serial(const std::vector<std::string>& arguments) const;
  [[nodiscard]] boost::json::object describe_judge() const;
  void update_metrics();
  /// Counts, and logs now and then.
  void alarm(const std::string& kind, const std::string& text);

  runtime::service& host_;
  const settings& configured_; ///< as read last
  settings how_;               ///< as in force
  runtime::log_limiter limiter_;
  disk disk_;
  replica_service replica_; ///< before whatever reads the operator's data: it says whose they are
  coordinator machine_;
  edits edits_; ///< before the servers, which submit to it
  backend::server server_;
  std::unique_ptr<backend::server> internal_server_;
  served_zones served_;
  name_servers name_servers_;
  runtime::deadline_timer timer_;
  std::unique_ptr<client::client> client_;
  std::string figures_;   ///< what was told last, body of Thor.Statistics
  bool replaced_ = false; ///< another process announces itself with our certificate
  runtime::role_gauges roles_;
  operator_news operator_;              ///< as read last
  std::vector<std::string> not_served_; ///< the operator's rows and why, for people; sorted
  std::vector<std::string> rejected_;   ///< the same, by the last publication
};

} // namespace thor::dns
