#include "backend/answer/pending.hpp"

#include "backend/answer/row.hpp"
#include "zone/text/rdata_text.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace thor::backend {
namespace {

using record_list = std::vector<zone::written_record>;

record_list published(const zone::node& node) {
  record_list out;
  for (const auto& set : node.rrsets) {
    for (const zone::rdata& record : set->records) {
      const std::string text = zone::to_text(record);
      out.push_back({.type = to_string(set->type),
                     .ttl_s = set->ttl_s,
                     .content = std::string(as_powerdns_writes(set->type, text))});
    }
  }
  return out;
}

void apply(const zone::rrset_edit& step, record_list& records) {
  if (step.how == zone::rrset_edit::kind::replace) {
    std::erase_if(records, [&](const zone::written_record& record) {
      return step.type == "ANY" || record.type == step.type;
    });
  }
  for (const zone::written_record& added : step.records) {
    const auto is_same = [&](const zone::written_record& record) {
      return record.type == added.type && record.content == added.content;
    };
    std::erase_if(records, is_same);
    records.push_back(added);
  }
}

/// Whether the zone answers for records of this type at the name; see zone::is_authoritative.
bool is_authoritative(const zone::node* node, std::string_view type) {
  const auto known = zone::parse_type(type);
  return node == nullptr || !known || zone::is_authoritative(*node, *known);
}

} // namespace

bool touches(const zone::zone_edit& edit, const zone::name& name) {
  return !edit.whole_zone &&
         std::ranges::find(edit.steps, name, &zone::rrset_edit::owner) != edit.steps.end();
}

void append_pending(std::string& out, const zone::zone_edit& edit, const zone::name& name,
                    zone::rr_type qtype, const zone::node* node, std::uint32_t domain_id) {
  record_list records = node == nullptr ? record_list() : published(*node);
  for (const zone::rrset_edit& step : edit.steps) {
    if (step.owner == name) {
      apply(step, records);
    }
  }
  for (const zone::written_record& record : records) {
    if (qtype == zone::rr_type::any || zone::parse_type(record.type) == qtype) {
      append_row(
          out,
          frame(record.type, name, record.ttl_s, is_authoritative(node, record.type), domain_id),
          record.content);
    }
  }
  const bool stays = node != nullptr && records.empty() && qtype == zone::rr_type::any;
  if (stays) {
    append_row(out, frame("", name, 0, true, domain_id), "");
  }
}

} // namespace thor::backend
