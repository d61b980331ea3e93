// The PowerDNS servers beside us, each with its control socket: told which names changed, which
// zones came or went, and whose secondaries to notify.
//
// The public zones are one matter, the internal ones another: each server serves either. What could
// not be told is counted and logged; a server that has not started yet is not missed, because it
// asks for everything anew. Everything happens on the io_context's thread.
#pragma once

#include "coordinator/daemon/dns/hosted_zones.hpp"
#include "coordinator/daemon/dns/pdns_control.hpp"
#include "coordinator/daemon/dns/served_zones.hpp"
#include "coordinator/model/time.hpp"
#include "coordinator/runtime/log.hpp"
#include "coordinator/runtime/metrics.hpp"

#include <boost/asio/io_context.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thor::dns {

class name_servers {
 public:
  /// The references must outlive it.
  name_servers(boost::asio::io_context& io, runtime::metrics& counters);
  ~name_servers();
  name_servers(const name_servers&) = delete;
  name_servers& operator=(const name_servers&) = delete;

  /// `internal`: it serves the internal zones, not the others.
  void add(const std::filesystem::path& control_socket, bool internal);

  /// The names of one zone that are answered otherwise now.
  void purge(const served_zones::changed_zone& changed);
  /// Metadata or keys of these zones are others now: PowerDNS keeps both for a minute.
  void forget(const std::vector<zone::name>& apexes,
              const std::function<bool(const zone::name&)>& is_internal);
  /// Hosted zones that came, went or changed.
  void tell(const hosted_zones::update& hosted);
  /// Zones came or went, or have other ids: PowerDNS asks anew which there are.
  void rediscover();
  /// Notifies the secondaries of a zone.
  void notify(const zone::name& apex, bool internal);

 private:
  struct name_server;

  void on_told(name_server& which, pdns_control::command command, pdns_control::result result,
               const std::string& why);
  void on_absent(name_server& which, const std::string& why);
  prometheus::Counter& commands(pdns_control::command which, const std::string& result);

  boost::asio::io_context& io_;
  runtime::metrics& counters_;
  runtime::log_limiter limiter_;
  std::vector<std::unique_ptr<name_server>> all_;
};

} // namespace thor::dns
