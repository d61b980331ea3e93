// The metrics over HTTP, for Prometheus: GET /metrics and nothing else.
//
// Plain HTTP, one request a connection, answered on the loop's thread. Connections, the size of a
// request and the time a connection may take are bounded; who is too many or too slow is cut off
// and counted. It shows counters, never secrets, but to everybody who can reach it: a place for
// loopback or the monitoring network.
#pragma once

#include "coordinator/runtime/metrics.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace thor::runtime {

inline constexpr std::size_t metrics_connections_max = 16;
inline constexpr std::size_t metrics_request_octets_max = 8U << 10;
/// From the accept to the last octet of the answer.
inline constexpr std::chrono::seconds metrics_deadline{5};

class metrics_server {
 public:
  /// Begins to listen; throws std::runtime_error when it cannot. `text` makes the answer;
  /// `counters` count the requests.
  metrics_server(boost::asio::io_context& io, const boost::asio::ip::tcp::endpoint& where,
                 metrics& counters, std::function<std::string()> text);
  /// Stops to listen; `text` is not called any more.
  ~metrics_server();
  metrics_server(const metrics_server&) = delete;
  metrics_server& operator=(const metrics_server&) = delete;

  /// With the port that the system chose for port 0.
  [[nodiscard]] const boost::asio::ip::tcp::endpoint& listening() const;

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

} // namespace thor::runtime
