#include "backend/answer/denials.hpp"

#include <optional>
#include <utility>

namespace thor::backend {
namespace {

using metadata_by_apex = std::map<zone::name, zone_metadata>;

bool is_signed(const secrets& known, const zone::name& apex) {
  const auto found = known.keys.find(apex);
  return found != known.keys.end() && !found->second.empty();
}

/// The first value of a kind, which is all that PowerDNS looks at.
const std::string* value_of(const metadata_by_apex* metadata, const zone::name& apex,
                            std::string_view kind) {
  if (metadata == nullptr) {
    return nullptr;
  }
  const auto zone = metadata->find(apex);
  if (zone == metadata->end()) {
    return nullptr;
  }
  const auto found = zone->second.find(kind);
  return found == zone->second.end() || found->second.empty() ? nullptr : &found->second.front();
}

/// The order of a signed zone; nullptr if it is to have none.
std::shared_ptr<const zone::denial> order_of(const std::shared_ptr<const zone::contents>& zone,
                                             const metadata_by_apex* metadata,
                                             const std::shared_ptr<const zone::denial>& old) {
  std::optional<zone::nsec3_parameters> how;
  const std::string* const written = value_of(metadata, zone->apex, "NSEC3PARAM");
  if (written != nullptr && !written->empty()) {
    const std::string* const narrow = value_of(metadata, zone->apex, "NSEC3NARROW");
    auto read = zone::parse_nsec3param(*written);
    if (!read || (narrow != nullptr && *narrow == "1")) {
      return nullptr;
    }
    how = *std::move(read);
  }
  if (old != nullptr && old->is_of(zone) && old->nsec3() == how) {
    return old;
  }
  return std::make_shared<const zone::denial>(zone, std::move(how), old.get());
}

} // namespace

denials::denials(source from, const denials* previous)
    : from_(std::move(from)) {
  if (from_.secrets->keys.empty()) {
    return;
  }
  for (const auto& zone : from_.zones->zones) {
    if (!is_signed(*from_.secrets, zone->apex)) {
      continue;
    }
    std::shared_ptr<const zone::denial> old;
    if (previous != nullptr) {
      const auto found = previous->by_id_.find(zone->id);
      old = found == previous->by_id_.end() ? nullptr : found->second;
    }
    if (auto order = order_of(zone, from_.metadata.get(), old)) {
      by_id_.emplace(zone->id, std::move(order));
    }
  }
}

const zone::denial* denials::find(std::uint32_t zone_id) const {
  const auto found = by_id_.find(zone_id);
  return found == by_id_.end() ? nullptr : found->second.get();
}

} // namespace thor::backend
