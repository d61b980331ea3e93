// Connections as TCP has them: in each direction an ordered stream that is delayed, stalls while
// the way is blocked, goes on later, or breaks. Frames of one connection are never reordered, lost
// or repeated; between connections everything may overtake everything.
//
// What is blocked in one direction only stalls the other one too, once a window of data waits for
// its acknowledgement. A connection attempt is repeated as SYNs are. A peer that lost its process
// answers with a reset, one that lost power not at all.
#pragma once

#include "coordinator/broker/member_table.hpp"
#include "coordinator/model/time.hpp"
#include "tests/sim/dice.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace thor::sim {

class host;
class world;

using connection_id = std::uint64_t;
enum class side : std::uint8_t { client, server };

/// An event server closes a peer from which nothing, not even a pong, came for this long.
inline constexpr std::chrono::seconds session_idle{10};
/// So many frames may wait for their acknowledgement.
inline constexpr unsigned window_frames = 10;
/// The longest that a stalled stream waits, after its way is free again, for its retransmission.
inline constexpr std::chrono::seconds retransmission_max{3};

/// Sets of hosts, one bit each by index.
using host_set = std::uint64_t;
/// Nothing gets from `a` to `b`, nor back unless `one_way`.
struct partition {
  host_set a = 0;
  host_set b = 0;
  bool one_way = false;
  [[nodiscard]] bool blocks(const host& from, const host& to) const;
};
using partition_id = std::uint64_t;

class network {
 public:
  network(world& in, dice chance)
      : in_(in)
      , chance_(chance) {}

  // ---- for daemons

  connection_id open(host& client, host& server);
  void send(connection_id which, side from, broker::frame text);
  /// After everything sent before. The daemon's on_ended() follows.
  void close(connection_id which, side from, std::uint16_t code, std::string why);
  /// Everything that the host has open is closed by its kernel; `silent`: forgotten without a word.
  void hang_up(host& whose, std::uint16_t code, bool silent);

  // ---- faults

  partition_id cut(const partition& how);
  void mend(partition_id which);
  void mend_all();
  /// The connection breaks, and both ends hear of it at once.
  void reset(connection_id which);
  [[nodiscard]] std::vector<connection_id> connections_of(const host& whose) const;
  /// nullptr when it is over at both ends.
  [[nodiscard]] const host* server_of(connection_id which) const;

  // ---- for the laws

  /// The connection stands and what `from` says arrives without a stall, since then; never when it
  /// does not.
  [[nodiscard]] model::time_point flowing_since(const host& client, const host& server,
                                                side from) const;

  /// Once a second: event servers look for peers that are silent.
  void tick();

 private:
  enum class signal : std::uint8_t { open, accepted, frame, end };
  struct packet {
    signal what;
    broker::frame text{};
    std::uint16_t code = 0;
    std::string why{};
  };
  struct end_point {
    host* at;
    std::uint64_t run;
    bool open;
  };
  struct stream {
    model::time_point last_arrival{};
    std::deque<packet> stalled{};
    model::time_point flowing_since{};
    unsigned unacknowledged = 0; ///< delivered while the way back was blocked
  };
  struct connection {
    std::array<end_point, 2> ends;   ///< by side
    std::array<stream, 2> streams{}; ///< by the side that sends
    model::time_point heard_at{};    ///< by the server

    [[nodiscard]] end_point& end(side s) { return ends[static_cast<std::size_t>(s)]; }
    [[nodiscard]] const end_point& end(side s) const { return ends[static_cast<std::size_t>(s)]; }
    [[nodiscard]] stream& from(side s) { return streams[static_cast<std::size_t>(s)]; }
    [[nodiscard]] const stream& from(side s) const { return streams[static_cast<std::size_t>(s)]; }
  };
  static side other(side s) { return s == side::client ? side::server : side::client; }

  connection* find(connection_id which);
  [[nodiscard]] bool blocked(const host& from, const host& to) const;
  [[nodiscard]] bool alive(const end_point& end) const;
  model::duration delay(const host& a, const host& b);

  void attempt(connection_id which, unsigned tries);
  void transmit(connection_id which, side from, packet what, model::duration ahead = {});
  void arrive(connection_id which, side from, const packet& what);
  bool may_pass(connection& c, side from);
  void retransmit(connection_id which, side from);
  void take(connection_id which, connection& c, side from, const packet& what);
  void refuse(connection_id which, connection& c, side to);
  void tell_end(connection_id which, connection& c, side whom, std::uint16_t code,
                const std::string& why);
  void look_at(connection_id which, connection& c);

  world& in_;
  dice chance_;
  std::map<connection_id, connection> connections_;
  connection_id next_connection_ = 1;
  std::map<partition_id, partition> partitions_;
  partition_id next_partition_ = 1;
};

} // namespace thor::sim
