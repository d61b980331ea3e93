// The text port of thor-node: the table [node.lookup], and the questions of text_port::answer()
// answered from the members that this node knows.
#pragma once

#include "coordinator/client/network.hpp"
#include "coordinator/runtime/config.hpp"
#include "coordinator/runtime/text_server.hpp"

#include <boost/json/object.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thor::node {

struct text_port_settings {
  /// Where it listens; nothing = nowhere.
  std::optional<boost::asio::ip::tcp::endpoint> listen;
  bool listen_configured = false;
  std::vector<model::ip_network> allow; ///< who may ask, besides this machine
};

/// `table` is [node.lookup]. What is wrong is recorded there.
text_port_settings read_text_port(runtime::section table);

/// One thread, that of `io`. The members and the counters must outlive it.
class text_port {
 public:
  text_port(boost::asio::io_context& io, const client::network& members,
            runtime::metrics& counters);

  /// Listens where `how` says. A place that was not configured may be taken: another node of this
  /// machine answers there. Throws std::runtime_error when a configured one is; then nothing
  /// changes.
  void follow(const text_port_settings& how);

  /// "127.0.0.1:9500", or "" where it does not listen.
  [[nodiscard]] std::string listening() const;

 private:
  void listen(const text_port_settings& how);

  boost::asio::io_context& io_;
  const client::network& members_;
  runtime::metrics& counters_;
  std::optional<boost::asio::ip::tcp::endpoint> where_; ///< as told
  std::unique_ptr<runtime::text_server> server_;
};

} // namespace thor::node
