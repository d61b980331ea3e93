#include "tests/sim/planted.hpp"

#include "coordinator/wire/codec.hpp"

#include <variant>

namespace thor::sim {

namespace {

constexpr std::uint64_t one_year_ms = 1000ULL * 86'400 * 365;
/// Makes a role one of its member's own, so that nobody shares it.
constexpr std::string_view owner_mark = "_of_";

void rename_roles(model::presence& p, bool own) {
  std::map<std::string, model::role_offer> renamed;
  for (const auto& [name, offer] : p.roles) {
    const bool marks = own && !model::is_overlay_role(name);
    renamed.emplace(marks ? name + std::string(owner_mark) + p.id.text()
                          : name.substr(0, name.find(owner_mark)),
                    offer);
  }
  p.roles = std::move(renamed);
}

template <class Change>
void each_member(model::status_event& status, Change change) {
  if (auto* full = std::get_if<model::status_full>(&status))
    for (auto& [id, m] : full->members)
      change(m.what);
  if (auto* delta = std::get_if<model::status_delta>(&status))
    for (auto& m : delta->upserts)
      change(m.what);
}

} // namespace

bool planted::keeps_from_judge(const std::string& server) const {
  return which_ == fault::single_witness && server != "es1";
}

void planted::spoil(membership::input& to_judge) const {
  if (which_ == fault::young_accuser) {
    if (auto* up = std::get_if<membership::server_up>(&to_judge)) {
      up->hello.age_ms = one_year_ms;
      up->hello.admitting = false;
    }
    if (auto* heartbeat = std::get_if<membership::server_heartbeat>(&to_judge))
      heartbeat->beat.admitting = false;
  }
  if (which_ == fault::lost_leave)
    if (auto* left = std::get_if<membership::heard_leave>(&to_judge))
      left->what.at = {};
  if (which_ == fault::no_mass_guard)
    if (auto* heard = std::get_if<membership::heard_presence>(&to_judge))
      rename_roles(heard->what, true);
}

void planted::spoil(membership::publish& published, const std::string& manager,
                    model::unix_time wall) {
  if (which_ == fault::reused_epoch)
    std::visit(
        [&](auto& s) {
          auto& counter = s.where.at.counter;
          counter = first_epochs_.try_emplace(manager, counter).first->second;
        },
        published.what);
  if (which_ == fault::clock_serial) {
    auto& last = serials_[manager];
    std::visit(
        [&](auto& s) {
          if (s.serial != last.meant)
            last = {s.serial, static_cast<std::uint32_t>(wall.time_since_epoch().count())};
          s.serial = last.said;
        },
        published.what);
  }
  if (which_ == fault::no_mass_guard)
    each_member(published.what, [](model::presence& p) { rename_roles(p, false); });
}

void planted::spoil(dns::restored& from_disk) const {
  if (which_ == fault::forgetful_consumer)
    from_disk.where = {};
}

bool planted::keeps_from_subscriber(const broker::send& what) const {
  if (which_ != fault::lost_deltas || !what.retained)
    return false;
  const auto message = wire::decode_server(*what.text);
  const auto* event = message ? std::get_if<wire::event>(&*message) : nullptr;
  if (event == nullptr || event->what.about != wire::topic::members)
    return false;
  const auto status = wire::decode_status(event->what.body);
  return std::holds_alternative<model::status_delta>(*status);
}

} // namespace thor::sim
