// Which view of the zones a client sees: that of the longest network that holds the client, as
// configuration has it (zone::home says what a view is). Pure, immutable, shared between threads.
#pragma once

#include "backend/protocol/ip_prefix.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace thor::backend {

/// How one client sees the zones.
struct viewpoint {
  std::uint16_t view = 0; ///< 0 = the plain one
  /// PowerDNS's scopeMask, the SCOPE PREFIX-LENGTH of RFC 7871: bits of the client's address that
  /// the answer depends on. Never 0, which would let PowerDNS's caches hand the answer to
  /// everybody.
  std::uint8_t scope = 1;

  friend bool operator==(const viewpoint&, const viewpoint&) = default;
};

/// One network whose clients see through a view of 1 and more.
struct viewing_network {
  ip_prefix where;
  std::uint16_t view = 0;
};

class networks {
 public:
  /// Every network stands once in `all`; they may lie in each other.
  explicit networks(std::vector<viewing_network> all);

  /// The view of all addresses in `client`, and the length of the shortest prefix around it in
  /// which all addresses have one view. A client of unknown or zero length, or whose network has
  /// addresses of several views, sees the plain one. O(log networks), no allocation.
  [[nodiscard]] viewpoint find(const std::optional<ip_prefix>& client) const;

 private:
  /// From this address up to the next stretch all addresses have the same view.
  struct stretch {
    ip_number first;
    std::uint16_t view = 0;
  };
  std::vector<stretch> stretches_; ///< by address, from :: on; neighbours differ in their view
};

} // namespace thor::backend
