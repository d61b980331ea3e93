// Tells a PowerDNS beside us what changed, over its control socket: which names to forget, that
// zones came or went, and whose secondaries to notify.
//
// PowerDNS keeps answers of ours for up to its query-cache-ttl; a purge of the exact names makes a
// change visible at once, and purge_schedule repeats it. One pdns_control speaks to one control
// socket, one command at a time, and purges go before notifications; names that arrive meanwhile go
// together into the next. A command
// that fails is tried again: nothing is forgotten while PowerDNS runs. One that starts anew has an
// empty cache, and gets the notifications that it missed. Everything happens on the io_context's
// thread; destroying the object ends it.
#pragma once

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace thor::dns {

/// How long PowerDNS may take to answer a command.
inline constexpr std::chrono::milliseconds command_timeout{1'000};
/// Delays between attempts when PowerDNS does not answer, or refuses a purge.
inline constexpr std::chrono::milliseconds command_retry_min{50};
inline constexpr std::chrono::milliseconds command_retry_max{2'000};
/// When a notification or a rediscovery is tried again that PowerDNS refused. Purges do not wait.
inline constexpr std::chrono::seconds refused_retry{5};

class pdns_control {
 public:
  enum class command : std::uint8_t { rediscover, purge, notify };
  enum class result : std::uint8_t {
    agreed,
    absent, ///< no PowerDNS is there
    failed,
  };
  /// Told after each command; `why` says what failed.
  using outcome = std::function<void(command which, result what, const std::string& why)>;

  pdns_control(boost::asio::io_context& io, std::filesystem::path control_socket, outcome told);
  ~pdns_control();
  pdns_control(const pdns_control&) = delete;
  pdns_control& operator=(const pdns_control&) = delete;

  /// Absolute names, of the zone with this apex.
  void purge(const std::vector<std::string>& names, const std::string& apex);
  /// Of the apex, where nothing but the serial is another.
  void purge_serial(const std::string& apex);
  /// All that PowerDNS keeps, of every zone.
  void purge_all();
  /// PowerDNS is to ask which zones there are. Goes before the names that wait.
  void rediscover();

  /// Makes PowerDNS notify the zone's secondaries, as often as notify_schedule says.
  void notify(const std::string& apex);

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

} // namespace thor::dns
