#include "zone/text/digest.hpp"

#include "zone/text/rdata_text.hpp"

#include <string>
#include <variant>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace thor::zone {
namespace {

std::string to_text_without_serial(const rdata& data) {
  const auto* soa = std::get_if<soa_rdata>(&data);
  if (soa == nullptr) {
    return to_text(data);
  }
  soa_rdata timeless = *soa;
  timeless.serial = 0;
  return to_text(timeless);
}

} // namespace

std::uint64_t digest(const contents& zone) {
  std::uint64_t sum = 0;
  std::string line;
  for (const auto& n : zone.nodes) {
    const std::string owner = n->owner.text();
    for (const auto& set : n->rrsets) {
      const std::string head =
          owner + ' ' + std::to_string(set->ttl_s) + ' ' + to_string(set->type) + ' ';
      for (const rdata& record : set->records) {
        line = head;
        line += to_text_without_serial(record);
        sum ^= XXH64(line.data(), line.size(), 0);
      }
    }
  }
  return sum;
}

std::uint64_t digest(const snapshot& zones) {
  std::uint64_t sum = 0;
  for (const auto& zone : zones.zones) {
    sum ^= digest(*zone);
  }
  return sum;
}

} // namespace thor::zone
