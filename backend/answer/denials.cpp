#include "backend/answer/denials.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
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

/// How a signed zone denies by NSEC3, or nothing if by NSEC. No value at all: nobody asks for its
/// order.
std::optional<std::optional<zone::nsec3_parameters>> how_to_deny(const metadata_by_apex* metadata,
                                                                 const zone::name& apex) {
  const std::string* const written = value_of(metadata, apex, "NSEC3PARAM");
  if (written == nullptr || written->empty()) {
    return std::optional<zone::nsec3_parameters>();
  }
  const std::string* const narrow = value_of(metadata, apex, "NSEC3NARROW");
  auto read = zone::parse_nsec3param(*written);
  if (!read || (narrow != nullptr && *narrow == "1")) {
    return std::nullopt;
  }
  return *std::move(read);
}

/// If the clock went back, nothing is.
bool is_recent(const denials::signed_zone::past& one, std::chrono::milliseconds now) {
  return now >= one.until && now - one.until < settling_time;
}

} // namespace

bool denials::signed_zone::is_settled(std::string_view labels,
                                      std::chrono::milliseconds now) const {
  return std::ranges::none_of(before, [&](const past& one) {
    return is_recent(one, now) && !order->denies_alike(*one.order, labels);
  });
}

denials::denials(source from, const denials* previous, const denials* written,
                 std::chrono::milliseconds now) {
  if (from.secrets->keys.empty()) {
    return;
  }
  from_ = std::move(from);
  for (const auto& zone : from_.zones->zones) {
    // Of names that are in no list there is no order, and by one of the others resolvers would deny
    // them (RFC 8198).
    if (zone->is_synthesised || !is_signed(*from_.secrets, zone->apex)) {
      continue;
    }
    if (const auto how = how_to_deny(from_.metadata.get(), zone->apex)) {
      const auto in = [&](const denials* one) {
        return one == nullptr ? nullptr : one->find(zone->id);
      };
      by_id_.emplace(zone->id, deny(zone, *how, in(previous), in(written), now));
    }
  }
}

denials::signed_zone denials::deny(const std::shared_ptr<const zone::contents>& zone,
                                   const std::optional<zone::nsec3_parameters>& how,
                                   const signed_zone* previous, const signed_zone* written,
                                   std::chrono::milliseconds now) {
  signed_zone out;
  for (const signed_zone* const one : {written, previous}) {
    if (one != nullptr && one->order->is_of(zone) && one->order->nsec3() == how) {
      out.order = one->order;
    }
  }
  if (out.order == nullptr) {
    out.order = std::make_shared<const zone::denial>(
        zone, how, previous == nullptr ? nullptr : previous->order.get());
  }
  if (previous == nullptr) {
    return out; // PowerDNS has not signed it so far
  }
  std::ranges::copy_if(previous->before, std::back_inserter(out.before),
                       [&](const auto& one) { return is_recent(one, now); });
  if (out.order != previous->order) {
    out.before.push_back({.order = previous->order, .until = now});
  }
  return out;
}

const denials::signed_zone* denials::find(std::uint32_t zone_id) const {
  const auto found = by_id_.find(zone_id);
  return found == by_id_.end() ? nullptr : &found->second;
}

} // namespace thor::backend
