// In which order the signed zones deny names, for PowerDNS, which makes the NSEC and NSEC3 records.
//
// A zone is signed when it has keys; its metadata says how it denies: NSEC3PARAM for NSEC3, with
// NSEC3NARROW of 1 for records that PowerDNS makes up without an order, and neither for NSEC. Pure,
// immutable, shared between tables.
#pragma once

#include "backend/answer/answer_table.hpp"
#include "zone/denial/denial.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace thor::backend {

class denials {
 public:
  struct source {
    std::shared_ptr<const zone::snapshot> zones;                         ///< not nullptr
    std::shared_ptr<const backend::secrets> secrets;                     ///< not nullptr
    std::shared_ptr<const std::map<zone::name, zone_metadata>> metadata; ///< nullptr: there is none
    friend bool operator==(const source&, const source&) = default;
  };

  struct signed_zone {
    /// An order that was answered before.
    struct past {
      std::shared_ptr<const zone::denial> order;
      std::chrono::milliseconds until{}; ///< unix time
    };
    std::shared_ptr<const zone::denial> order;
    std::vector<past> before{}; ///< the last ones

    /// Whether PowerDNS may be told the neighbours of `labels` (zone::denial::around).
    [[nodiscard]] bool is_settled(std::string_view labels, std::chrono::milliseconds now) const;
  };

  /// `previous` is what was answered before, `written` may have the same orders already; both may
  /// be nullptr.
  denials(source from, const denials* previous, const denials* written,
          std::chrono::milliseconds now);

  [[nodiscard]] bool is_of(const source& from) const { return from_ == from; }
  /// A zone that has an order, or nullptr: it has no keys, some of its names are synthesised, its
  /// NSEC3 is narrow, or its NSEC3PARAM cannot be read.
  [[nodiscard]] const signed_zone* find(std::uint32_t zone_id) const;

 private:
  static signed_zone deny(const std::shared_ptr<const zone::contents>& zone,
                          const std::optional<zone::nsec3_parameters>& how,
                          const signed_zone* previous, const signed_zone* written,
                          std::chrono::milliseconds now);

  source from_;
  boost::unordered_flat_map<std::uint32_t, signed_zone> by_id_;
};

} // namespace thor::backend
