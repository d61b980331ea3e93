#include "coordinator/daemon/dns/served_zones.hpp"

#include "backend/serve/clock.hpp"
#include "zone/check/check.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace thor::dns {

namespace {

const zone::name& apex_of(const std::shared_ptr<const zone::contents>& zone) {
  return zone->apex;
}

/// Adds the keys under which the two hold something else.
template <typename Value>
void add_changed(const std::map<zone::name, Value>& before,
                 const std::map<zone::name, Value>& after, std::vector<zone::name>& to) {
  for (const auto& [key, value] : after)
    if (const auto found = before.find(key); found == before.end() || found->second != value)
      to.push_back(key);
  for (const auto& [key, value] : before)
    if (!after.contains(key))
      to.push_back(key);
}

const zone::contents* find_in(const zone::snapshot& zones, const zone::name& apex) {
  const auto found = std::ranges::lower_bound(zones.zones, apex, {}, apex_of);
  return found == zones.zones.end() || (*found)->apex != apex ? nullptr : found->get();
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
    const auto* before = find_in(internal ? *internal_zones_ : *public_zones_, inputs[i].apex);
    auto built = zone::build(inputs[i], before);
    std::ranges::move(built.rejected, std::back_inserter(made.rejected));
    if (const auto checked = zone::check_changes(before, *built.zone); !checked)
      return std::unexpected(checked.error());
    if (auto names = zone::changed_names(before, *built.zone); !names.empty())
      made.changed.push_back({inputs[i].apex, internal, std::move(names),
                              zone::only_serial_changed(before, *built.zone)});
    (internal ? for_few : for_everybody)->zones.push_back(std::move(built.zone));
  }
  std::ranges::sort(for_everybody->zones, {}, apex_of);
  std::ranges::sort(for_few->zones, {}, apex_of);
  public_zones_ = std::move(for_everybody);
  internal_zones_ = std::move(for_few);
  swap();
  return made;
}

std::vector<zone::name> served_zones::host(std::shared_ptr<const zone::snapshot> hosted,
                                           std::shared_ptr<const backend::answer_table> written,
                                           particulars fresh) {
  const auto hosted_before = std::exchange(hosted_, std::move(hosted));
  written_ = std::move(written);
  const auto before = std::exchange(said_, std::move(fresh));
  std::vector<zone::name> changed;
  add_changed(*before.metadata, *said_.metadata, changed);
  add_changed(before.secrets->keys, said_.secrets->keys, changed);
  std::ranges::sort(changed);
  const auto twice = std::ranges::unique(changed);
  changed.erase(twice.begin(), twice.end());
  const bool same = hosted_before == hosted_ && changed.empty() &&
                    before.secrets->tsig_keys == said_.secrets->tsig_keys;
  if (!same && public_table_ != nullptr)
    swap();
  return changed;
}

zone::snapshot served_zones::whole_overlay() const {
  zone::snapshot out;
  std::ranges::copy_if(public_zones_->zones, std::back_inserter(out.zones),
                       [](const auto& zone) { return !zone->is_synthesised; });
  return out;
}

const zone::contents* served_zones::find(const zone::name& apex) const {
  const auto* overlay = find_in(*public_zones_, apex);
  return overlay != nullptr ? overlay : find_in(*hosted_, apex);
}

/// From here on queries are answered from what is there now.
void served_zones::swap() {
  const auto now = backend::unix_time();
  public_table_ = backend::answer_table::build({.zones = public_zones_,
                                                .hosted = hosted_,
                                                .written = written_,
                                                .metadata = said_.metadata,
                                                .secrets = said_.secrets,
                                                .server_id = with_.server_id,
                                                .networks = with_.networks,
                                                .complete = true,
                                                .unix_time = now},
                                               public_table_.get());
  with_.everybody->publish(public_table_);
  if (with_.internal == nullptr)
    return;
  internal_table_ = backend::answer_table::build({.zones = internal_zones_,
                                                  .metadata = said_.metadata,
                                                  .secrets = said_.secrets,
                                                  .server_id = with_.server_id,
                                                  .networks = with_.networks,
                                                  .complete = true,
                                                  .unix_time = now},
                                                 internal_table_.get());
  with_.internal->publish(internal_table_);
}

} // namespace thor::dns
