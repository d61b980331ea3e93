#include "zone/text/zonefile.hpp"

#include "zone/text/rdata_text.hpp"

namespace thor::zone {
namespace {

void append(std::string& out, const rrset& set) {
  const std::string head =
      set.owner.text() + ' ' + std::to_string(set.ttl_s) + " IN " + to_string(set.type) + ' ';
  for (const rdata& record : set.records) {
    out += head;
    out += to_text(record);
    out += '\n';
  }
}

} // namespace

std::string to_zonefile(const contents& zone) {
  std::string soa;
  std::string others;
  for (const auto& n : zone.nodes) {
    for (const auto& set : n->rrsets) {
      append(set->type == rr_type::soa ? soa : others, *set);
    }
  }
  return soa + others;
}

} // namespace thor::zone
