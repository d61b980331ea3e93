// One connection to one event server, or to another server of the overlay: TCP, TLS 1.3, WebSocket,
// frames.
//
// Kept alive by its own operations and by whoever holds the pointer; it ends itself after an error.
// No deadlines of its own: its owner closes what takes too long. One thread.
#pragma once

#include "coordinator/identity/peer.hpp"
#include "coordinator/identity/x509/credentials.hpp"
#include "coordinator/model/address.hpp"
#include "coordinator/wire/message.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

namespace thor::client {

/// Frames and octets that may wait to be sent; beyond, the connection ends.
inline constexpr std::size_t queue_frames_max = 1024;
inline constexpr std::size_t queue_octets_max = 16U << 20;
/// A frame that takes longer to send ends the connection.
inline constexpr std::chrono::seconds send_timeout{5};

/// Hears of a connection. Called from the loop, never from within a call of the connection.
class connection_owner {
 public:
  /// Our first words of the handshakes are under way: time to prepare what will be said after them.
  virtual void on_greeting(std::uint64_t /*number*/) {}
  /// All handshakes are done; the peer is of our domain and may be what was asked for.
  virtual void on_opened(std::uint64_t number, const identity::peer& server,
                         const model::ip_address& local) = 0;
  virtual void on_frame(std::uint64_t number, std::string_view frame) = 0;
  /// The end, exactly once, whoever caused it. `code` is the WebSocket close code, 0 = none.
  virtual void on_closed(std::uint64_t number, std::uint16_t code, const std::string& why) = 0;

 protected:
  ~connection_owner() = default;
};

/// What is expected at the other end.
struct counterpart {
  std::string_view subprotocol = wire::subprotocol;
  /// What its certificate must allow.
  std::expected<void, identity::error> (*check)(const identity::peer&) =
      identity::check_event_server;
};

class connection {
 public:
  /// Begins to connect. `owner` hears nothing any more after disown().
  static std::shared_ptr<connection> open(boost::asio::io_context& io,
                                          const identity::x509::credentials& who,
                                          boost::asio::ip::tcp::endpoint where,
                                          std::uint64_t number, connection_owner& owner,
                                          counterpart expected = {});

  virtual ~connection() = default;
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Queues a text frame; sends at once when nothing else is under way.
  virtual void send(std::shared_ptr<const std::string> frame) = 0;
  /// Sends what is queued, then closes with code 1000.
  virtual void close_when_sent() = 0;
  virtual void close_now(const std::string& why) = 0;
  virtual void disown() = 0;
  /// The accepted peer; nullptr before the handshakes are done.
  [[nodiscard]] virtual const identity::peer* server() const = 0;

 protected:
  connection() = default;
};

} // namespace thor::client
