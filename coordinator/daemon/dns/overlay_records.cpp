#include "coordinator/daemon/dns/overlay_records.hpp"

#include "zone/check/check.hpp"
#include "zone/text/rdata_text.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <set>
#include <utility>

namespace thor::dns {

namespace {

/// Why the record is not served, "" when it is; then `one` has the form in which it is.
std::string fault(const zone_plan& plan, const store::operator_record& record, zone::rrset& one) {
  if (plan.find_zone(record.zone_id) == nullptr)
    return "its domain is not served by this program";
  if (auto why = plan.reserved(record.zone_id, record.owner, record.type); !why.empty())
    return why;
  const auto settled = zone::settle(one);
  return settled ? "" : settled.error().detail;
}

} // namespace

overlay_records read_overlay_records(const zone_plan& plan, const store::operator_data& data) {
  overlay_records read;
  for (const auto& domain : data.zones)
    if (domain.apex.is_at_or_below(plan.domain()) && plan.find_zone(domain.id) == nullptr)
      read.not_served.push_back(
          fmt::format("domains row {}: {}: it lies in the overlay's domain and is no zone of it",
                      domain.id, domain.apex.text()));
  std::set<std::uint32_t> with_soa; // zone ids
  for (const auto& record : data.records) {
    zone::rrset one{record.owner, record.type, record.ttl_s, {record.data}, 0};
    auto why = fault(plan, record, one);
    if (why.empty() && record.type == zone::rr_type::soa && !with_soa.insert(record.zone_id).second)
      why = "there is another SOA before it";
    if (!why.empty())
      read.not_served.push_back(fmt::format("records row {}: {} {} {}: {}", record.row,
                                            record.owner.text(), zone::to_string(record.type),
                                            zone::to_text(record.data), why));
    else
      read.rrsets.push_back(std::move(one));
  }
  return read;
}

} // namespace thor::dns
