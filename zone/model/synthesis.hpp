// Names that no list could hold: every label directly below some name is one, and what it holds is
// worked out of the label when it is asked for.
//
// zone/build hangs a synthesis into the node whose children it makes; it comes and goes with the
// zone's contents, so that an answer is of one state. Implemented where labels mean something;
// immutable, any thread.
#pragma once

#include "zone/model/name.hpp"
#include "zone/model/record.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace thor::zone {

/// Hosts behind one synthesised name: the first one and two to turn to when it fails.
inline constexpr std::size_t synthesised_hosts_max = 3;

class synthesis {
 public:
  struct host {
    std::uint16_t port = 0;
    name target;
    std::vector<rdata> addresses; ///< a_rdata and aaaa_rdata
    friend bool operator==(const host&, const host&) = default;
  };

  virtual ~synthesis() = default;

  /// Puts the hosts behind `label`, the octets of one label in lower case, into `out`, the first to
  /// be asked first, and returns how many there are: 0 for a name without records. They live as
  /// long as this. Takes nothing from the heap.
  virtual std::size_t find(std::string_view label, std::span<const host*> out) const = 0;
  /// TTL of the records, seconds.
  [[nodiscard]] virtual std::uint32_t ttl_s() const = 0;
  /// Whether each label has the same hosts, in the same order, there.
  [[nodiscard]] virtual bool is_same_as(const synthesis& other) const = 0;
};

} // namespace thor::zone
