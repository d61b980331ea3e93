// Between the sessions, which know sockets, and the answers, which know zones.
#pragma once

#include "backend/answer/answer_table.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace thor::backend {

struct http_request {
  std::string_view verb;
  std::string_view target;
  std::string_view body;
  std::string_view zone_id;     ///< X-RemoteBackend-zone-id, empty without
  std::string_view real_remote; ///< X-RemoteBackend-real-remote, empty without
  std::string_view transaction; ///< X-RemoteBackend-trxid, empty without
  std::string_view peer;        ///< for the log
};

struct http_reply {
  unsigned status = 200;
  /// The peer has shown the token: its connection may stay open and idle.
  bool trusted = false;
  /// What follows the body, and the table it comes from.
  remainder rest{};
  std::shared_ptr<const answer_table> table{};
};

/// Answers the requests of one serving thread, on that thread. Not owned by those who ask it.
class request_handler {
 public:
  /// Appends the body, or the first piece of it.
  virtual http_reply answer_http(const http_request& asked, std::string& body) = 0;
  /// One request of the Unix socket; appends the reply without a line end.
  virtual void answer_line(std::string_view line, std::string_view peer, std::string& out) = 0;

 protected:
  ~request_handler() = default;
};

} // namespace thor::backend
