// `<label>.<role>.lookup.<domain>`: the home of a key among the members of one role, and the two
// that take over when it goes (coordinator/lookup/README.md). The label is the key, or the hash of
// one. Pure values: made of one state of the members, asked by any thread.
#pragma once

#include "coordinator/lookup/ring.hpp"
#include "coordinator/model/status.hpp"
#include "zone/model/synthesis.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace thor::dns {

/// Of a role, the part that its lookup names show.
struct looked_up_role {
  std::string role;
  std::uint32_t ttl_s = 0;
  std::string port_key; ///< of the role's first service
  std::uint16_t default_port = 0;
};

class lookup_names final : public zone::synthesis {
 public:
  /// Members whose name below `node_parent` would be too long are none here.
  lookup_names(const looked_up_role& role, const model::member_map& members,
               const zone::name& node_parent);

  std::size_t find(std::string_view label, std::span<const host*> out) const override;
  [[nodiscard]] std::uint32_t ttl_s() const override { return ttl_s_; }
  [[nodiscard]] bool is_same_as(const zone::synthesis& other) const override;

 private:
  std::uint32_t ttl_s_;
  lookup::ring ring_;
  std::vector<host> hosts_; ///< side by side with the ring's nodes
};

} // namespace thor::dns
