// Between the sessions, which know sockets, and the answers, which know zones.
#pragma once

#include "backend/answer/answer_table.hpp"
#include "backend/answer/transaction.hpp"

#include <memory>
#include <optional>
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

/// An edit that has to be applied before its request can be answered.
struct wanted_edit {
  method what = method::other;
  std::string subject; ///< for the log
  zone::edit edit;
};

struct http_reply {
  unsigned status = 200;
  /// The peer has shown the token: its connection may stay open and idle.
  bool trusted = false;
  /// What follows the body, and the table it comes from.
  remainder rest{};
  std::shared_ptr<const answer_table> table{};
  /// There is no body yet: it comes from answer_edit().
  std::optional<wanted_edit> wanted{};
};

/// Answers the requests of one serving thread, on that thread. Not owned by those who ask it.
class request_handler {
 public:
  /// Whether a request with this target shows the token.
  [[nodiscard]] virtual bool is_trusted(std::string_view target) const = 0;

  /// Appends the body, or the first piece of it. `open` is the transaction of the connection.
  virtual http_reply answer_http(const http_request& asked, transaction& open,
                                 std::string& body) = 0;

  /// One request of the Unix socket; appends the reply without a line end, unless an edit is
  /// wanted.
  virtual std::optional<wanted_edit> answer_line(std::string_view line, std::string_view peer,
                                                 transaction& open, std::string& out) = 0;

  /// Appends the reply to what `wanted` came from.
  virtual void answer_edit(const wanted_edit& wanted, const zone::edit_outcome& outcome,
                           std::string_view peer, std::string& out) = 0;

 protected:
  ~request_handler() = default;
};

} // namespace thor::backend
