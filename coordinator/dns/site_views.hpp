// Sites in DNS: clients are sent to the members of their own site first.
//
// Each site of the configuration is a view of the zone (zone::home), number 1 and up in their
// order. A client of a site's networks sees the SRV records of that site's members as they are and
// those of all others with a worse priority, so that they stay as its fallback (RFC 2782); a client
// of no site sees all of them as they are. Pure.
#pragma once

#include "coordinator/model/address.hpp"
#include "zone/model/record.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace thor::dns {

/// Added to the SRV priority of members of other sites, unless configuration says otherwise.
inline constexpr std::uint16_t site_penalty = 10;
inline constexpr std::size_t sites_max = 1000;

struct site {
  std::string name;                        ///< as in the presence of its members
  std::vector<model::ip_network> networks; ///< of its clients; the longest that fits wins
  friend bool operator==(const site&, const site&) = default;
};

class site_views {
 public:
  /// No sites: one view for all.
  site_views() = default;
  /// `penalty` > 0.
  site_views(const std::vector<site>& sites, std::uint16_t penalty);

  /// The view whose home is the site of a member; 0 for a site that configuration does not have.
  [[nodiscard]] std::uint16_t view_of(std::string_view site) const;

  /// Adds the record of a member at `site` to an SRV RRset. The set gets homes with the first
  /// member that is at home in a view.
  void add(zone::rrset& to, const zone::srv_rdata& record, std::string_view site) const;

 private:
  [[nodiscard]] zone::srv_rdata elsewhere(zone::srv_rdata record) const;

  std::map<std::string, std::uint16_t, std::less<>> views_; ///< by name of the site
  std::uint16_t penalty_ = site_penalty;
};

} // namespace thor::dns
