#include "coordinator/dns/site_views.hpp"

#include <algorithm>
#include <limits>
#include <variant>

namespace thor::dns {

site_views::site_views(const std::vector<site>& sites, std::uint16_t penalty)
    : penalty_(penalty) {
  std::uint16_t view = 0;
  for (const auto& one : sites)
    views_.emplace(one.name, ++view);
}

std::uint16_t site_views::view_of(std::string_view site) const {
  const auto found = views_.find(site);
  return found == views_.end() ? 0 : found->second;
}

void site_views::add(zone::rrset& to, const zone::srv_rdata& record, std::string_view site) const {
  const auto view = view_of(site);
  if (view != 0 && to.homes.empty())
    for (const auto& earlier : to.records)
      to.homes.push_back({0, elsewhere(std::get<zone::srv_rdata>(earlier))});
  to.records.emplace_back(record);
  if (view != 0 || !to.homes.empty())
    to.homes.push_back({view, elsewhere(record)});
}

zone::srv_rdata site_views::elsewhere(zone::srv_rdata record) const {
  constexpr unsigned worst = std::numeric_limits<std::uint16_t>::max();
  record.priority =
      static_cast<std::uint16_t>(std::min(worst, unsigned{record.priority} + penalty_));
  return record;
}

} // namespace thor::dns
