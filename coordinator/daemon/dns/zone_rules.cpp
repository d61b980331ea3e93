#include "coordinator/daemon/dns/zone_rules.hpp"

#include "zone/build/build.hpp"
#include "zone/check/check.hpp"
#include "zone/text/rdata_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace thor::dns {

std::string zone_rules::not_served(const store::operator_zone& in) {
  if (plan_.find_zone(in.id) != nullptr)
    return "";
  return hosted_.how().reserved(in.apex);
}

std::string zone_rules::reserved(const store::operator_zone& in, const zone::name& owner,
                                 zone::rr_type type) {
  return plan_.find_zone(in.id) != nullptr ? plan_.reserved(in.id, owner, type)
                                           : hosted_.how().reserved(in.apex, owner, type);
}

bool zone_rules::is_synthesised(const store::operator_zone& in) {
  const auto* zone = plan_.find_zone(in.id);
  return zone != nullptr && zone->synthesised;
}

std::vector<zone::rrset> zone_rules::unless_said(const store::operator_zone& in) {
  if (plan_.find_zone(in.id) != nullptr)
    return {plan_.configured_soa(in.apex)};
  auto sets = hosted_.of_template(in);
  sets.push_back(hosted_.how().configured_soa(in.apex));
  return sets;
}

/// Types without a struct of their own take the form that ldns writes.
std::expected<zone::rdata, std::string>
zone_rules::read(const zone::name& owner, zone::rr_type type, const zone::written_record& written) {
  auto data = zone::parse_rdata(type, written.content);
  if (data && std::holds_alternative<zone::opaque_rdata>(*data)) {
    auto canonical = zone::canonical_rdata(type, written.content);
    if (!canonical)
      return std::unexpected(std::move(canonical).error().detail);
    data = zone::opaque_rdata{*std::move(canonical)};
  }
  if (!data)
    return std::unexpected(std::move(data).error().detail);
  if (const auto checked = zone::check({owner, type, written.ttl_s, {*data}, 0}); !checked)
    return std::unexpected(checked.error().detail);
  return *std::move(data);
}

std::vector<std::string> zone_rules::misplaced(const store::operator_zone& in,
                                               std::span<const store::operator_record> records) {
  std::vector<std::string> lines;
  for (const auto& [owner, type, content, reason] :
       zone::build(describe(in, records), nullptr).rejected)
    lines.push_back(
        fmt::format("{} {} {}: {}", owner.text(), zone::to_string(type), content, reason.detail));
  return lines;
}

/// The zone with these records and without any member.
zone::zone_input zone_rules::describe(const store::operator_zone& in,
                                      std::span<const store::operator_record> records) const {
  if (plan_.find_zone(in.id) == nullptr)
    return hosted_.describe(in, records);
  std::vector<zone::rrset> sets;
  for (const auto& one : records)
    if (plan_.reserved(in.id, one.owner, one.type).empty())
      sets.push_back({one.owner, one.type, one.ttl_s, {one.data}, 0});
  auto inputs = plan_.describe_unknown(sets, in.serial);
  return *std::ranges::find(inputs, in.apex, &zone::zone_input::apex);
}

} // namespace thor::dns
