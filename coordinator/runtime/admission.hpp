// Who may begin a handshake: before authentication everything is cheap, bounded and fair.
//
// A connection is half-open from its accept to the end of its handshakes. Half-open connections
// are bounded for each address first and then altogether. When all places are taken a newcomer
// takes the place of the oldest half-open connection of the address that holds most of them; known
// addresses, those that completed a handshake lately, give way only when there is nobody else. So
// a flood from few addresses keeps nobody out, and one from many keeps out strangers only.
//
// Among equals a place is kept for place_kept_for, and the newcomer is refused, which costs next to
// nothing: when thousands of members return at once, each handshake that was begun ends before the
// next begins, and nobody runs into a deadline because of the crowd. There are no more places than
// handshakes that a busy machine completes in that time.
//
// For IPv6 an "address" is its /64, which one machine has to itself. PURE: a plain value inside the
// server, no sockets, no clock.
#pragma once

#include "coordinator/model/address.hpp"
#include "coordinator/model/time.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

namespace thor::runtime {

inline constexpr std::size_t half_open_per_address_max = 64;
inline constexpr std::size_t half_open_max = 256;
/// What a peer that answers has for its handshakes, whoever else comes.
inline constexpr std::chrono::seconds place_kept_for{2};
inline constexpr std::size_t known_addresses_max = 20'000;
/// How long an address stays known after its last handshake.
inline constexpr std::chrono::hours known_for{24};
/// While the process is younger, strangers are members that reconnect after its restart.
inline constexpr std::chrono::seconds strangers_matter_for{30};

class admission {
 public:
  using ticket = std::uint64_t;

  explicit admission(model::time_point started)
      : started_(started) {}

  struct answer {
    std::optional<ticket> admitted; ///< nothing: close the newcomer
    std::optional<ticket> evicted;  ///< close this one; finish() need not be called for it
  };
  answer admit(model::time_point now, const model::ip_address& from);

  /// The handshakes are over, well or not. Unknown tickets are ignored.
  void finish(model::time_point now, ticket which, bool completed);

  /// Members may be among those that wait, so that absence proves nothing: a half-open connection
  /// is from a known address, or the process has just started. Strangers cannot cause it for long.
  [[nodiscard]] bool members_wait(model::time_point now) const;
  [[nodiscard]] std::size_t half_open() const { return where_.size(); }

 private:
  struct queue {
    std::set<ticket> half_open; ///< tickets grow: the first is the oldest
    bool known = false;         ///< when the first of them came
  };
  bool is_known(model::time_point now, const model::ip_address& origin) const;
  void remember(model::time_point now, const model::ip_address& origin);
  struct half_open_connection {
    model::ip_address origin;
    model::time_point since{};
  };
  using connections = std::map<ticket, half_open_connection>;

  bool must_give_way(const queue& holder, model::time_point now, bool to_known,
                     std::size_t newcomers) const;
  std::optional<ticket> evict(model::time_point now, bool for_known, std::size_t newcomers);
  void remove(connections::iterator which);

  model::time_point started_;
  ticket last_ = 0;
  connections where_;
  std::map<model::ip_address, queue> queues_;
  std::map<model::ip_address, model::time_point> known_;
  std::set<std::pair<model::time_point, model::ip_address>> known_by_age_;
  std::size_t half_open_known_ = 0;
};

} // namespace thor::runtime
