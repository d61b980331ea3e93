// DNS look-ups that never block: c-ares over Asio's descriptors.
//
// Each look-up reads the system's resolver configuration anew (unless servers are given), so a
// machine whose network came up late, or moved, needs no restart. Look-ups under way, answers and
// time are bounded. One thread; destroying the resolver drops what is under way, whose callbacks
// are then never called.
#pragma once

#include "coordinator/runtime/endpoint.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace thor::runtime {

inline constexpr std::uint16_t dns_port = 53;
/// One try at one server; each server is tried twice.
inline constexpr std::chrono::milliseconds resolver_try{1000};
/// After this time a look-up has failed, whatever the servers are doing.
inline constexpr std::chrono::milliseconds resolver_deadline{6000};
inline constexpr std::size_t resolver_lookups_max = 64;
/// Endpoints in an answer; the rest is ignored.
inline constexpr std::size_t resolver_endpoints_max = 16;

class resolver {
 public:
  /// Endpoints by address, without duplicates, or a sentence that says what was asked and what
  /// failed.
  using result = std::expected<std::vector<boost::asio::ip::tcp::endpoint>, std::string>;
  using handler = std::function<void(result)>;

  /// `servers` as "address:port" (port 53 when left out), empty = the system's. Throws
  /// std::runtime_error when one is not such a text.
  resolver(boost::asio::io_context& io, const std::vector<std::string>& servers);
  ~resolver();
  resolver(const resolver&) = delete;
  resolver& operator=(const resolver&) = delete;

  /// The addresses of `where`; an address answers itself. The handler is never called from within.
  void find(endpoint where, handler done);
  /// `_eventserver._tcp.<domain>` SRV (RFC 2782), by priority, with the addresses of its targets.
  void find_event_servers(std::string domain, handler done);

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

} // namespace thor::runtime
