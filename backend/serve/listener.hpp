// Accepts connections and deals them out to the serving loops in turn.
//
// One acceptor for all loops, and not one each with SO_REUSEPORT: the kernel would deal by a hash,
// and of PowerDNS's few connections, which live for days, one loop could get most; and a Unix
// socket has no such option.
#pragma once

#include "backend/serve/serving_loop.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace thor::backend {

/// Runs on the first loop. The loops must outlive it.
class listener {
 public:
  explicit listener(std::vector<serving_loop*> loops);
  /// Removes the Unix socket's path, if it is still ours.
  ~listener();
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  // Before the loops are started. Both throw std::runtime_error.

  /// Listens at "127.0.0.1:8053" or "[::1]:0".
  void listen_http(const std::string& address);
  /// Listens at `path`, mode 0660, for our own user, root and `users`.
  void listen_unix(const std::string& path, std::vector<uid_t> users, std::optional<gid_t> group);

  [[nodiscard]] const std::vector<std::string>& endpoints() const { return endpoints_; }

  /// On the first loop's thread.
  void close();

 private:
  awaitable<void> accept_http();
  awaitable<void> accept_unix();
  template <typename Acceptor>
  awaitable<bool> recover(Acceptor& acceptor, boost::system::error_code failure);
  serving_loop& next_loop();
  [[nodiscard]] boost::asio::io_context& context() { return loops_.front()->context(); }

  std::vector<serving_loop*> loops_;
  std::size_t next_ = 0;
  boost::asio::ip::tcp::acceptor http_;
  boost::asio::local::stream_protocol::acceptor unix_;
  std::string unix_path_;
  ino_t unix_inode_ = 0;
  std::vector<uid_t> users_; ///< that may use the Unix socket
  std::vector<std::string> endpoints_;
};

} // namespace thor::backend
