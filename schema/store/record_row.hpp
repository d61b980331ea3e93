// A node of a zone as the rows of PowerDNS's table `records`. Pure.
#pragma once

#include "zone/model/contents.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace thor::store {

/// A row of `records` as far as it says something about its name.
struct record_row {
  std::string type;    ///< empty: the name has no records
  std::string content; ///< without the priority of MX and SRV
  std::int64_t ttl_s = 0;
  std::optional<std::int64_t> prio;
  bool auth = true;

  friend auto operator<=>(const record_row&, const record_row&) = default;

  [[nodiscard]] std::string full_content() const {
    return prio ? std::to_string(*prio) + ' ' + content : content;
  }
};

/// The rows that PowerDNS wants for one name, sorted. None when the name does not exist.
std::vector<record_row> rows_of(const zone::node* n);

} // namespace thor::store
