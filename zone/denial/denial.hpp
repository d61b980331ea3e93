// Which names of a zone deny the others: its owners in the order of NSEC (RFC 4034) or NSEC3 (RFC
// 5155), for a signer that asks for the two neighbours of a name.
//
// Made with the contents it belongs to and as immutable as they are, so safe on any thread. One
// that is made after another hashes only the names that are new: a change of one member in a zone
// of ten thousand names costs one hash or none, and a copy of the order.
#pragma once

#include "zone/denial/nsec3.hpp"
#include "zone/model/contents.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace thor::zone {

/// Two owners that follow each other in the order, which closes to a ring. Positions are those in
/// contents::nodes.
struct neighbours {
  std::uint32_t before = 0;
  std::uint32_t after = 0;
  nsec3_hash before_hash{}; ///< of NSEC3 alone, as the next one
  nsec3_hash after_hash{};
};

class denial {
 public:
  /// With `how` by NSEC3, without it by NSEC. `previous` is one of other contents, whose hashes are
  /// taken over where names are the same, or nullptr.
  ///
  /// Owners are all names that the zone itself answers for, delegations included; glue and what
  /// else lies below a cut is none. NSEC leaves out empty non-terminals, which its records prove by
  /// the next owner, and has the names that exist by promise alone (node::bare), which only a
  /// record of their own can prove. NSEC3 has all of them; with opt-out it leaves out delegations
  /// without DS. It keeps the empty non-terminals that are there for such delegations alone (RFC
  /// 5155 section 7.1 leaves that open): PowerDNS takes them for closest enclosers, which must
  /// match.
  denial(std::shared_ptr<const contents> zone, std::optional<nsec3_parameters> how,
         const denial* previous);

  [[nodiscard]] bool is_of(const std::shared_ptr<const contents>& zone) const {
    return zone_ == zone;
  }
  [[nodiscard]] const std::optional<nsec3_parameters>& nsec3() const { return nsec3_; }

  /// The owners around `labels`, which are name::labels() of a name without the apex: before <=
  /// name < after. By NSEC3 they are one label, a hash (nsec3_label), and the hashes compare;
  /// whatever else they are has no neighbours. O(log owners), without allocation.
  [[nodiscard]] std::optional<neighbours> around(std::string_view labels) const;

  /// Whether `other`, of other contents of the zone, denies `labels` by the same record: one of the
  /// same owner, types and next owner. O(log owners), without allocation.
  [[nodiscard]] bool denies_alike(const denial& other, std::string_view labels) const;

  [[nodiscard]] std::size_t size() const { return nsec3_ ? hashed_.size() : owners_.size(); }
  /// Names that had to be hashed when this was made.
  [[nodiscard]] std::size_t hashed_anew() const { return hashed_anew_; }

 private:
  /// An owner of NSEC3.
  struct hashed {
    nsec3_hash hash;
    std::uint32_t node;
  };

  [[nodiscard]] std::vector<std::uint32_t> find_owners() const;
  [[nodiscard]] bool is_owner(const node& n) const;
  void hash_owners(const denial* previous);
  [[nodiscard]] std::string_view labels_of(std::uint32_t node) const;

  std::shared_ptr<const contents> zone_;
  std::optional<nsec3_parameters> nsec3_;
  std::vector<std::uint32_t> owners_; ///< NSEC: nodes in canonical order
  std::vector<hashed> hashed_;        ///< NSEC3: by hash
  std::size_t hashed_anew_ = 0;
};

} // namespace thor::zone
