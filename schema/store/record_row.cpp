#include "schema/store/record_row.hpp"

#include "zone/text/rdata_text.hpp"

#include <algorithm>
#include <utility>

namespace thor::store {

std::vector<record_row> rows_of(const zone::node* n) {
  std::vector<record_row> rows;
  if (n == nullptr) {
    return rows;
  }
  for (const auto& set : n->rrsets) {
    const std::string type = to_string(set->type);
    const bool auth = is_authoritative(*n, set->type);
    const bool has_prio = set->type == zone::rr_type::srv || set->type == zone::rr_type::mx;
    for (const zone::rdata& data : set->records) {
      record_row row{type, zone::to_text(data), set->ttl_s, std::nullopt, auth};
      if (has_prio) {
        const std::size_t space = row.content.find(' ');
        row.prio = std::stoi(row.content.substr(0, space));
        row.content.erase(0, space + 1);
      }
      rows.push_back(std::move(row));
    }
  }
  if (rows.empty()) {
    rows.push_back({.type = "", .content = "", .prio = std::nullopt, .auth = n->authoritative});
  }
  std::ranges::sort(rows);
  return rows;
}

} // namespace thor::store
