// In which order the signed zones deny names, for PowerDNS, which makes the NSEC and NSEC3 records.
//
// A zone is signed when it has keys; its metadata says how it denies: NSEC3PARAM for NSEC3, with
// NSEC3NARROW of 1 for records that PowerDNS makes up without an order, and neither for NSEC. Pure,
// immutable, shared between tables.
#pragma once

#include "backend/answer/answer_table.hpp"
#include "zone/denial/denial.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <map>
#include <memory>

namespace thor::backend {

class denials {
 public:
  struct source {
    std::shared_ptr<const zone::snapshot> zones;                         ///< not nullptr
    std::shared_ptr<const backend::secrets> secrets;                     ///< not nullptr
    std::shared_ptr<const std::map<zone::name, zone_metadata>> metadata; ///< nullptr: there is none
    friend bool operator==(const source&, const source&) = default;
  };

  /// Takes over from `previous` (may be nullptr) what did not change.
  denials(source from, const denials* previous);

  [[nodiscard]] bool is_of(const source& from) const { return from_ == from; }
  /// The order of a zone, or nullptr: it has no keys, its NSEC3 is narrow, or its NSEC3PARAM cannot
  /// be read.
  [[nodiscard]] const zone::denial* find(std::uint32_t zone_id) const;

 private:
  source from_;
  boost::unordered_flat_map<std::uint32_t, std::shared_ptr<const zone::denial>> by_id_;
};

} // namespace thor::backend
