// A port that answers lines: a question a line, with CRLF or LF at its end, and one line of answer
// for each, with CRLF.
//
// Only addresses on the list may ask; of others a connection is closed without a word, logged and
// counted. One thread, that of the io_context, which must outlive it, as must the counters.
// Destroying it closes all connections.
#pragma once

#include "coordinator/model/address.hpp"
#include "coordinator/runtime/metrics.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thor::runtime {

struct text_limits {
  /// Of a question, without its line end. A longer one is told so, and its connection ends.
  std::size_t question_octets_max = 1024;
  /// At once. A further connection is told so, and ends.
  std::size_t connections_max = 64;
  /// Of one address, so that one machine does not keep the others out.
  std::size_t connections_per_address_max = 32;
  /// From the connection, or an answer, to the end of the next question.
  std::chrono::milliseconds idle_max{30'000};
  /// For an answer to be taken.
  std::chrono::milliseconds send_max{10'000};
};

/// `from` is this machine's loopback or in one of `networks`. Pure.
bool may_ask(const model::ip_address& from, const std::vector<model::ip_network>& networks);

class text_server {
 public:
  /// Answers a question, without line ends; called on the loop. An answer holds no line end.
  using answer = std::function<std::string(std::string_view question)>;

  /// Listens at `where`; throws std::runtime_error when it cannot. `allow`: who may ask, besides
  /// this machine's loopback.
  text_server(boost::asio::io_context& io, const boost::asio::ip::tcp::endpoint& where,
              std::vector<model::ip_network> allow, metrics& counters, answer reply,
              const text_limits& limits = {});
  ~text_server();
  text_server(const text_server&) = delete;
  text_server& operator=(const text_server&) = delete;

  /// From the next connection on.
  void allow(std::vector<model::ip_network> networks);

  /// With the port that the system chose, where it was to choose.
  [[nodiscard]] const boost::asio::ip::tcp::endpoint& listening() const;

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

} // namespace thor::runtime
