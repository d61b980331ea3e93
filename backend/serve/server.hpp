// Serves answer tables to PowerDNS over HTTP and over a Unix socket.
//
// A server owns its serving threads (one by default), each with an event loop of its own. They
// share the current table and nothing else, so an answer never waits for a zone build, a TLS
// handshake or a disk. The functions here belong to the thread that made the server; counters may
// be read from anywhere.
#pragma once

#include "backend/answer/answer_table.hpp"
#include "backend/serve/counters.hpp"

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace thor::backend {

struct server_options {
  /// "127.0.0.1:8053" or "[::1]:8053"; port 0 takes a free one. Empty: no HTTP.
  std::string http;
  /// First segment of every URL, the secret that keeps other local users out. At least 16
  /// characters of [0-9A-Za-z_-] when `http` is set.
  std::string http_token;
  /// Path of the Unix socket, made with mode 0660. Empty: none. A socket that nobody serves any
  /// more is replaced, one that somebody serves is an error.
  std::string unix_path;
  /// Users that may connect to the Unix socket besides root and our own.
  std::vector<uid_t> unix_users;
  /// Group of the Unix socket, through which those users reach it; without one it is ours. Our user
  /// must be a member.
  std::optional<gid_t> unix_group;
  /// Serving threads, >= 1.
  unsigned threads = 1;
  /// Applies what PowerDNS wants written; must outlive the server. nullptr: every write is
  /// declined. It may tell of an edit when the server is gone.
  zone::edit_sink* edits = nullptr;
};

enum class log_level : std::uint8_t { debug, info, warning, error };

/// Called from the serving threads, at most a few times a second each. Must not block for long and
/// must not throw.
using log_sink = std::function<void(log_level, std::string)>;

class server {
 public:
  /// Binds and starts to serve: everything is "not ready" until the first table. Throws
  /// std::runtime_error that says which option cannot be served and why.
  server(const server_options& options, log_sink log);
  /// As stop().
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Makes `table` what is answered from now on. Costs no more than a pointer exchange.
  void publish(std::shared_ptr<const answer_table> table);

  /// Where it listens: "127.0.0.1:41234", "/run/thor/pdns-remote.sock".
  [[nodiscard]] const std::vector<std::string>& endpoints() const;

  [[nodiscard]] const serve_counters& counters() const;

  /// Closes the listeners, lets answers that are being written finish (at most
  /// stop_grace_max) and joins the threads. May be called again.
  void stop();

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace thor::backend
