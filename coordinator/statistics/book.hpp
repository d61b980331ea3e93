// The last figures of every member, as managers and monitors keep them.
//
// Event servers retain the same for those that subscribe later; the book is what somebody who
// looks at a manager or a monitor sees. It is bounded in members and octets, keeps figures for
// kept_max, and drops them with the member. It knows nothing of the network status, and the status
// nothing of it.
//
// PURE, one owner.
#pragma once

#include "coordinator/model/status.hpp"
#include "coordinator/statistics/figures.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace thor::statistics {

inline constexpr std::size_t members_max = 20'000;
/// Of all figures together, as text.
inline constexpr std::size_t octets_max = 64U << 20;

/// Figures under one name.
struct group {
  boost::json::object figures; ///< as the member said them
  sections numbers;            ///< the numbers in them
  std::chrono::seconds age{};
};

class book {
 public:
  struct entry {
    wire::statistics what;
    model::unix_time heard{};
  };
  enum class verdict : std::uint8_t {
    kept,
    known, ///< not later than what is kept
    full,  ///< there is no room
  };

  verdict hear(const wire::statistics& what, model::unix_time now);
  /// The member is gone.
  void forget(const model::node_id& id);
  /// Drops what is older than kept_max; returns of how many members.
  std::size_t expire(model::unix_time now);

  [[nodiscard]] std::size_t members() const { return entries_.size(); }
  [[nodiscard]] std::size_t octets() const { return octets_; }

  /// What is known of a member that is not too old, by name.
  [[nodiscard]] std::map<std::string, group> of(const model::node_id& id,
                                                model::unix_time now) const;

 private:
  void drop(std::map<model::node_id, entry>::iterator which);

  std::map<model::node_id, entry> entries_;
  std::size_t octets_ = 0;
};

/// role -> section -> sum over the members that offer the role.
using sums = std::map<std::string, std::map<std::string, double>>;
sums sums_of(const book& all, const model::member_map& members, model::unix_time now);

/// name -> {"age_s", "figures"}, of one member, as it said them.
boost::json::object member_statistics(const book& all, const model::node_id& id,
                                      model::unix_time now);

/// The numbers in SIP Thor's form: {"192.0.2.1": {role: {section: {domain: n}}}, "summary": {role:
/// {section: n}}}. Members at one address are added up there.
boost::json::object network_statistics(const book& all, const model::member_map& members,
                                       model::unix_time now);

} // namespace thor::statistics
