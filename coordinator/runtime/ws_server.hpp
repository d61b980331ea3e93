// The server side of the event stream, and of other streams between members: WebSocket over mutual
// TLS, made of sessions that carry text frames. It knows connections, not messages.
//
// A session begins when a peer with a verified certificate of our domain has completed the TLS and
// WebSocket handshakes (with our subprotocol), and ends once, for whatever reason. What comes
// before is bounded by `admission` and a deadline; what goes out is queued, bounded, and never
// waited for: a subscriber that does not read is dropped, the others do not notice. Peers that stop
// answering pings are found and dropped, too.
//
// One thread: every call and every callback happens on the io_context's thread, callbacks never
// from inside a call. The io_context, the credentials and the observer must outlive the server;
// destroying it drops all connections without a word, stop() closes them properly.
#pragma once

#include "coordinator/identity/peer.hpp"
#include "coordinator/identity/x509/credentials.hpp"
#include "coordinator/wire/message.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thor::runtime {

/// From the accept to the end of the WebSocket handshake.
inline constexpr std::chrono::seconds handshake_deadline{5};
/// Without anything from the peer: a ping after half of it, the end after all of it.
inline constexpr std::chrono::seconds session_idle{10};
/// For a closing session to take what is queued and the close frame.
inline constexpr std::chrono::seconds close_grace{2};
/// After a failed accept (no file descriptors, for instance).
inline constexpr std::chrono::milliseconds accept_pause{200};
/// Live frames that may wait for one session. What is sent as `retained` comes on top: it is
/// bounded by what the server retains.
inline constexpr std::size_t queue_frames_max = 4096;
inline constexpr std::size_t queue_octets_max = 8U << 20;
inline constexpr std::size_t request_octets_max = 8U << 10;

/// What a server speaks.
struct ws_protocol {
  std::string_view subprotocol = wire::subprotocol;
  std::string_view who = "event server"; ///< what it is, for those who come by mistake
};

class ws_server {
 public:
  using session_id = std::uint64_t;
  using frame = std::shared_ptr<const std::string>;

  /// How something ended.
  struct outcome {
    std::string_view word; ///< one of a small set, of static storage
    std::string detail;    ///< for a person
  };

  /// Non-owning.
  class observer {
   public:
    virtual void on_session(session_id which, const identity::peer& who,
                            const model::ip_address& from) = 0;
    virtual void on_frame(session_id which, std::string text) = 0;
    /// Once for each on_session, whoever closed it.
    virtual void on_closed(session_id which, const outcome& why) = 0;
    /// A connection did not become a session.
    virtual void on_refused(const model::ip_address& from, const outcome& why) = 0;
    /// Whether members may be among the half-open connections, at each change.
    virtual void on_waiting(bool members_wait) = 0;
    virtual void on_accept_error(const std::string& what) = 0;

   protected:
    ~observer() = default;
  };

  ws_server(boost::asio::io_context& io, const identity::x509::credentials& who, observer& seen,
            ws_protocol spoken = {});
  ~ws_server();
  ws_server(const ws_server&) = delete;
  ws_server& operator=(const ws_server&) = delete;

  /// Begins to accept; throws std::runtime_error when it cannot listen at one of them. [::] takes
  /// IPv4, too, and becomes 0.0.0.0 on a machine without IPv6.
  void listen(const std::vector<boost::asio::ip::tcp::endpoint>& where);
  /// Where it listens, with the port numbers that the system chose for port 0.
  [[nodiscard]] const std::vector<boost::asio::ip::tcp::endpoint>& listening() const;

  /// Queues a frame. Ignored when the session is gone or closing.
  void send(session_id to, frame text, bool retained);
  /// Closes after what is queued.
  void close(session_id which, wire::close_code code, std::string reason);

  /// The sessions whose certificate is no longer good at `now`, and why.
  [[nodiscard]] std::vector<std::pair<session_id, identity::error>>
  barred(model::unix_time now) const;

  [[nodiscard]] std::size_t half_open() const;

  /// Stops accepting, closes all sessions with 1001 and calls `done`, at most close_grace later.
  void stop(std::function<void()> done);

 private:
  class impl;
  std::shared_ptr<impl> impl_;
};

} // namespace thor::runtime
