#include "coordinator/daemon/dns/hosted_zones.hpp"

#include "zone/check/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace thor::dns {

namespace {

std::string second_opinion(zone::rrset& one) {
  const auto settled = zone::settle(one);
  return settled ? "" : settled.error().detail;
}

/// The record was in the zone before: it has passed.
bool holds(const zone::contents* zone, const zone::rrset& one) {
  const auto* node = zone == nullptr ? nullptr : zone->find(one.owner);
  return node != nullptr && std::ranges::any_of(node->rrsets, [&](const auto& set) {
           return set->type == one.type && set->ttl_s == one.ttl_s &&
                  std::ranges::binary_search(set->records, one.records.front());
         });
}

std::vector<static_row> rows_of(std::span<const store::operator_record> records) {
  std::vector<static_row> rows;
  rows.reserve(records.size());
  for (const auto& record : records)
    rows.push_back({record.row, record.owner, record.type, record.ttl_s, record.data});
  return rows;
}

/// A row of a template is refused in every zone that it would be in, and told once.
struct refused_everywhere {
  refused_row first;
  zone::name apex;
  std::size_t zones = 0;
};

const zone::name& apex_of(const std::shared_ptr<const zone::contents>& zone) {
  return zone->apex;
}

} // namespace

hosted_zones::update hosted_zones::take(store::operator_data& data) {
  update out;
  const auto changed_templates = read_templates(data.templates);
  std::unordered_set<std::uint32_t> present;
  records rest = data.records;
  // Zones are by id, records by zone: they are walked side by side.
  for (const auto& domain : data.zones) {
    const auto begin =
        std::ranges::lower_bound(rest, domain.id, {}, &store::operator_record::zone_id);
    rest = {begin, rest.end()};
    const auto end =
        std::ranges::upper_bound(rest, domain.id, {}, &store::operator_record::zone_id);
    const records own{rest.begin(), end};
    rest = {end, rest.end()};
    if (how_.is_overlay(domain.apex))
      continue;
    if (const auto why = how_.reserved(domain.apex); !why.empty()) {
      out.not_served.push_back(
          fmt::format("domains row {}: {}: {}", domain.id, domain.apex.text(), why));
      continue;
    }
    present.insert(domain.id);
    take_domain(domain, own, changed_templates, out);
  }
  all_anew_ = false;
  remove_missing(present, out);
  collect(out);
  std::erase_if(data.records, [&](const auto& record) { return present.contains(record.zone_id); });
  return out;
}

/// The names of the templates that say something else than before.
std::set<std::string>
hosted_zones::read_templates(const std::vector<store::operator_template>& fresh) {
  std::set<std::string> changed;
  for (const auto& one : fresh)
    if (std::ranges::find(templates_, one) == templates_.end())
      changed.insert(one.name);
  templates_ = fresh;
  rows_.clear();
  for (const auto& one : fresh)
    for (const auto& row : one.records)
      rows_[one.name].push_back({row.row, row.name, row.type, row.ttl_s, row.content});
  return changed;
}

void hosted_zones::take_domain(const store::operator_zone& domain, records own,
                               const std::set<std::string>& changed_templates, update& out) {
  auto& known = hosted_[domain.id];
  const hosted_domain wanted{domain.id, domain.apex, domain.serial};
  if (!all_anew_ && known.zone != nullptr && known.domain == wanted &&
      known.template_name == domain.template_name &&
      !changed_templates.contains(domain.template_name) && std::ranges::equal(known.records, own))
    return;
  if (known.zone != nullptr && known.domain.apex != domain.apex) {
    out.removed.push_back(known.domain.apex);
    known.zone = nullptr;
  }
  const auto before = known.zone;
  known.domain = wanted;
  known.template_name = domain.template_name;
  known.records.assign(own.begin(), own.end());
  build(known);
  if (before == nullptr)
    out.added.push_back(domain.apex);
  else if (auto names = zone::changed_names(before.get(), *known.zone); !names.empty())
    out.changed.push_back({domain.apex, false, std::move(names),
                           zone::only_serial_changed(before.get(), *known.zone)});
}

void hosted_zones::build(hosted& of) {
  const auto before = of.zone;
  auto described = how_.describe(
      of.domain, template_rows(of.template_name), rows_of(of.records), [&](zone::rrset& one) {
        return holds(before.get(), one) ? std::string() : second_opinion(one);
      });
  auto built = zone::build(described.input, of.zone.get());
  of.zone = std::move(built.zone);
  of.refused = std::move(described.refused);
  of.rejected = std::move(built.rejected);
}

void hosted_zones::remove_missing(const std::unordered_set<std::uint32_t>& present, update& out) {
  std::erase_if(hosted_, [&](const auto& entry) {
    const bool gone = !present.contains(entry.first);
    if (gone)
      out.removed.push_back(entry.second.domain.apex);
    return gone;
  });
  std::ranges::sort(out.removed);
}

std::span<const template_row> hosted_zones::template_rows(const std::string& template_name) const {
  const auto found = rows_.find(template_name);
  return found == rows_.end() ? std::span<const template_row>() : found->second;
}

std::vector<zone::rrset> hosted_zones::of_template(const store::operator_zone& domain) const {
  return how_.of_template(domain.apex, template_rows(domain.template_name), second_opinion);
}

zone::zone_input hosted_zones::describe(const store::operator_zone& domain, records own) const {
  return how_
      .describe({domain.id, domain.apex, domain.serial}, template_rows(domain.template_name),
                rows_of(own), [](const zone::rrset&) { return std::string(); })
      .input;
}

/// The snapshot, if there is a new one, and what is not in it.
void hosted_zones::collect(update& out) {
  std::ranges::sort(out.added);
  const bool same = out.added.empty() && out.removed.empty() && out.changed.empty();
  auto fresh = std::make_shared<zone::snapshot>();
  std::map<std::int64_t, refused_everywhere> of_templates;
  for (const auto& [id, one] : hosted_) {
    if (!same)
      fresh->zones.push_back(one.zone);
    for (const auto& row : one.refused) {
      if (row.of_template)
        ++of_templates.try_emplace(row.row, row, one.domain.apex).first->second.zones;
      else
        out.not_served.push_back(fmt::format("records row {}: {}: {}", row.row, row.text, row.why));
    }
    for (const auto& [owner, type, content, reason] : one.rejected)
      out.not_served.push_back(
          fmt::format("{} {} {}: {}", owner.text(), zone::to_string(type), content, reason.detail));
  }
  for (const auto& [row, refused] : of_templates)
    out.not_served.push_back(
        fmt::format("template_records row {}: {}: {} (in {}{})", row, refused.first.text,
                    refused.first.why, refused.apex.text(),
                    refused.zones == 1 ? "" : fmt::format(" and {} more", refused.zones - 1)));
  std::ranges::sort(out.not_served);
  if (!same) {
    std::ranges::sort(fresh->zones, {}, apex_of);
    zones_ = std::move(fresh);
    written_ = backend::answer_table::build({.zones = std::make_shared<zone::snapshot>(),
                                             .hosted = zones_,
                                             .metadata = nullptr,
                                             .server_id = server_id_},
                                            written_.get());
  }
  out.zones = zones_;
  out.written = written_;
}

} // namespace thor::dns
