// What an edit of a zone's records has to mind here: the overlay's plan for its own zones,
// templates and configuration for hosted ones, and ldns for every record.
//
// Belongs to the thread of the hosted zones, which it asks; both arguments outlive it.
#pragma once

#include "coordinator/daemon/dns/hosted_zones.hpp"
#include "coordinator/dns/zone_plan.hpp"
#include "schema/store/edit_rules.hpp"

#include <expected>
#include <span>
#include <string>
#include <vector>

namespace thor::dns {

class zone_rules final : public store::edit_rules {
 public:
  zone_rules(const zone_plan& plan, const hosted_zones& hosted)
      : plan_(plan)
      , hosted_(hosted) {}

  std::string not_served(const store::operator_zone& in) override;
  std::string reserved(const store::operator_zone& in, const zone::name& owner,
                       zone::rr_type type) override;
  bool is_synthesised(const store::operator_zone& in) override;
  std::vector<zone::rrset> unless_said(const store::operator_zone& in) override;
  std::expected<zone::rdata, std::string> read(const zone::name& owner, zone::rr_type type,
                                               const zone::written_record& written) override;
  std::vector<std::string> misplaced(const store::operator_zone& in,
                                     std::span<const store::operator_record> records) override;

 private:
  [[nodiscard]] zone::zone_input describe(const store::operator_zone& in,
                                          std::span<const store::operator_record> records) const;

  const zone_plan& plan_;
  const hosted_zones& hosted_;
};

} // namespace thor::dns
