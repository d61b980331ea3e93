// What an answer_table is made of. For the code of this folder only.
#pragma once

#include "backend/answer/answer_table.hpp"
#include "backend/answer/denials.hpp"
#include "backend/answer/zone_answers.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <array>
#include <utility>

namespace thor::backend {

/// One group of zones and how they are found. Immutable once made.
class zone_index {
 public:
  /// Takes over from `previous` (may be nullptr) what was written from the same objects.
  zone_index(std::shared_ptr<const zone::snapshot> group, std::uint64_t seed,
             const zone_index* previous)
      : group_(std::move(group)) {
    zones_.reserve(group_->zones.size());
    by_apex_.reserve(group_->zones.size());
    by_id_.reserve(group_->zones.size());
    for (const auto& contents : group_->zones) {
      auto old = previous == nullptr ? nullptr : previous->share(contents->apex);
      if (old != nullptr && old->contents().id != contents->id) {
        old = nullptr; // the id is written in every row
      }
      if (old == nullptr || !old->is_written_from(contents)) {
        old = std::make_shared<const zone_answers>(contents, seed, old.get());
      }
      add(std::move(old));
    }
  }

  [[nodiscard]] bool is_of(const std::shared_ptr<const zone::snapshot>& group) const {
    return group_ == group;
  }
  [[nodiscard]] const std::vector<std::shared_ptr<const zone_answers>>& zones() const {
    return zones_;
  }

  /// The zone with this apex, nullptr if there is none.
  [[nodiscard]] const zone_answers* find(std::string_view apex_wire) const {
    const auto found = by_apex_.find(apex_wire);
    return found == by_apex_.end() ? nullptr : zones_[found->second].get();
  }
  [[nodiscard]] const zone_answers* find(std::uint32_t id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : zones_[found->second].get();
  }

 private:
  [[nodiscard]] std::shared_ptr<const zone_answers> share(const zone::name& apex) const {
    const auto found = by_apex_.find(apex.wire());
    return found == by_apex_.end() ? nullptr : zones_[found->second];
  }

  void add(std::shared_ptr<const zone_answers> zone) {
    by_apex_.emplace(zone->contents().apex.wire(), zones_.size());
    by_id_.emplace(zone->contents().id, zones_.size());
    zones_.push_back(std::move(zone));
  }

  std::shared_ptr<const zone::snapshot> group_;
  std::vector<std::shared_ptr<const zone_answers>> zones_; ///< by apex
  by_wire_name<std::size_t> by_apex_;                      ///< index; the keys lie in the zones
  boost::unordered_flat_map<std::uint32_t, std::size_t> by_id_;
};

struct answer_table::parts {
  std::uint64_t seed = 0;
  bool complete = false;
  std::array<std::shared_ptr<const zone_index>, 2> groups; ///< overlay, hosted
  std::array<std::shared_ptr<const denials>, 2> orders;    ///< of each group
  std::shared_ptr<const std::map<zone::name, zone_metadata>> metadata;
  std::shared_ptr<const backend::secrets> secrets; ///< not nullptr
  std::shared_ptr<const backend::networks> networks;

  [[nodiscard]] viewpoint viewpoint_of(const std::optional<ip_prefix>& client) const {
    return networks == nullptr ? viewpoint() : networks->find(client);
  }

  template <typename Key>
  [[nodiscard]] const zone_answers* find(Key key) const {
    for (const auto& group : groups) {
      if (const zone_answers* const found = group->find(key)) {
        return found;
      }
    }
    return nullptr;
  }
  /// The zone with the longest apex at or above the name, which is in wire form.
  [[nodiscard]] const zone_answers* nearest(std::string_view wire) const {
    const zone_answers* found = find(wire);
    while (found == nullptr && wire.size() > 1) {
      wire.remove_prefix(1 + static_cast<unsigned char>(wire.front()));
      found = find(wire);
    }
    return found;
  }

  /// How the zone denies names, nullptr if it has no order of them.
  [[nodiscard]] const denials::signed_zone* denial_of(std::uint32_t zone_id) const {
    const denials::signed_zone* const first = orders[0]->find(zone_id);
    return first != nullptr ? first : orders[1]->find(zone_id);
  }

  [[nodiscard]] std::size_t zone_count() const {
    return groups[0]->zones().size() + groups[1]->zones().size();
  }
  /// Precondition: index < zone_count().
  [[nodiscard]] const zone_answers& zone_at(std::size_t index) const {
    const auto& first = groups[0]->zones();
    return index < first.size() ? *first[index] : *groups[1]->zones()[index - first.size()];
  }

  [[nodiscard]] const zone_metadata& metadata_of(const zone::name& apex) const {
    static const zone_metadata none;
    if (metadata == nullptr) {
      return none;
    }
    const auto found = metadata->find(apex);
    return found == metadata->end() ? none : found->second;
  }
};

} // namespace thor::backend
