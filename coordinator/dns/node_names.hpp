// The names of members, `<id>.node.<domain>`, with what stands there now.
//
// A name comes with the member and stays for some time after it left, so that there may be many
// more of them than members. Each is made once, when its member changes, and shared by all
// descriptions of the zone until then. Pure, one owner.
#pragma once

#include "coordinator/model/presence.hpp"
#include "zone/model/contents.hpp"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace thor::dns {

/// TTL of node names, seconds.
inline constexpr std::uint32_t node_ttl_s = 30;

class node_names {
 public:
  /// `parent`: the name below which they stand.
  explicit node_names(zone::name parent)
      : parent_(std::move(parent)) {}

  /// The member is there, as it says. A program of the overlay, and an id that does not fit below
  /// the parent, have no name.
  void show(const model::presence& who);
  /// It is not there any more, but still found at these addresses.
  void show_departed(const model::node_id& id, const std::vector<model::ip_address>& addresses);
  void forget(const model::node_id& id);

  /// The member's name, or nullptr.
  [[nodiscard]] const zone::name* find(const model::node_id& id) const;
  /// All of them, in the order of the zone.
  [[nodiscard]] const std::vector<std::shared_ptr<const zone::node>>& nodes() const {
    return nodes_;
  }

 private:
  using node_list = std::vector<std::shared_ptr<const zone::node>>;
  /// Where the member's name is, or would be.
  [[nodiscard]] node_list::const_iterator place_of(const model::node_id& id) const;
  [[nodiscard]] bool is_at(node_list::const_iterator place, const model::node_id& id) const;
  void put(const model::node_id& id, zone::node made);

  zone::name parent_;
  /// By owner. That of ids below one parent is the order of their text, as they are in lower case.
  node_list nodes_;
};

} // namespace thor::dns
