#include "coordinator/daemon/dns/served_zones.hpp"

#include "zone/check/check.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace thor::dns {

namespace {

const zone::contents* find(const zone::snapshot& zones, const zone::name& apex) {
  const auto found =
      std::ranges::find_if(zones.zones, [&](const auto& zone) { return zone->apex == apex; });
  return found == zones.zones.end() ? nullptr : found->get();
}

} // namespace

std::expected<served_zones::publication, zone::error>
served_zones::publish(std::span<const planned_zone> plan,
                      const std::vector<zone::zone_input>& inputs) {
  assert(plan.size() == inputs.size());
  publication made;
  auto for_everybody = std::make_shared<zone::snapshot>();
  auto for_few = std::make_shared<zone::snapshot>();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool internal = plan[i].internal;
    const auto* before = find(internal ? *internal_zones_ : *public_zones_, inputs[i].apex);
    auto built = zone::build(inputs[i], before);
    std::ranges::move(built.rejected, std::back_inserter(made.rejected));
    if (const auto checked = zone::check_changes(before, *built.zone); !checked)
      return std::unexpected(checked.error());
    if (auto names = zone::changed_names(before, *built.zone); !names.empty())
      made.changed.push_back({inputs[i].apex, internal, std::move(names)});
    (internal ? for_few : for_everybody)->zones.push_back(std::move(built.zone));
  }
  const auto apex = [](const auto& zone) -> const zone::name& { return zone->apex; };
  std::ranges::sort(for_everybody->zones, {}, apex);
  std::ranges::sort(for_few->zones, {}, apex);
  public_zones_ = std::move(for_everybody);
  internal_zones_ = std::move(for_few);
  swap();
  return made;
}

std::vector<zone::name> served_zones::describe(std::shared_ptr<const zones_metadata> metadata) {
  const auto before = std::exchange(metadata_, std::move(metadata));
  if (*before == *metadata_)
    return {};
  if (public_table_ != nullptr)
    swap();
  std::vector<zone::name> changed;
  for (const auto& [apex, entries] : *metadata_)
    if (const auto found = before->find(apex); found == before->end() || found->second != entries)
      changed.push_back(apex);
  return changed;
}

/// From here on queries are answered from what is there now.
void served_zones::swap() {
  public_table_ = backend::answer_table::build({.zones = public_zones_,
                                                .metadata = metadata_,
                                                .server_id = with_.server_id,
                                                .networks = with_.networks,
                                                .complete = true},
                                               public_table_.get());
  with_.everybody->publish(public_table_);
  if (with_.internal == nullptr)
    return;
  internal_table_ = backend::answer_table::build({.zones = internal_zones_,
                                                  .metadata = metadata_,
                                                  .server_id = with_.server_id,
                                                  .networks = with_.networks,
                                                  .complete = true},
                                                 internal_table_.get());
  with_.internal->publish(internal_table_);
}

} // namespace thor::dns
