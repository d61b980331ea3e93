#include "tests/sim/laws.hpp"

#include "coordinator/membership/limits.hpp"
#include "tests/sim/daemons.hpp"
#include "tests/sim/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace thor::sim {

namespace {

/// What holds for this long is known to everybody whom it reaches: some latencies, and the time
/// between two renewals with all that may delay one.
constexpr auto settled_min = 4s;
/// A manager knows of a leave after this time.
constexpr auto leave_known_max = 2s;
/// A member was last heard at most this long before its trouble began, and is late this long after
/// it was heard.
constexpr auto renewal_age_max = 1100ms;
constexpr auto late_after = 1500ms;

std::string text_of(const model::epoch& e) {
  return fmt::format("{}.{}", e.counter, e.manager);
}

std::string text_of(const model::position& p) {
  return fmt::format("{}/{}", text_of(p.at), p.sequence);
}

const model::position& where_of(const model::status_event& what) {
  return std::visit([](const auto& s) -> const model::position& { return s.where; }, what);
}

std::size_t holders(const model::member_map& members, const std::string& role) {
  return static_cast<std::size_t>(
      std::ranges::count_if(members, [&](auto& m) { return m.second.what.roles.contains(role); }));
}

bool ready(const host& h) {
  return h.runs() && !h.paused();
}

} // namespace

void laws::broken(std::string law, std::string what) const {
  in_.tell("VIOLATION of {}: {}", law, what);
  throw violation{std::move(law), std::move(what), in_.clock_text()};
}

// ---- the truth

model::time_point laws::sees_since(const host& by, const host& server) const {
  const auto* m = by.as<manager>();
  if (m == nullptr || !ready(by) || !ready(server))
    return model::never;
  return std::max({m->synced_since(server.name()), by.steady_since(), server.steady_since(),
                   in_.net().flowing_since(by, server, side::server)});
}

model::time_point laws::heard_since(const host& server, const host& who) const {
  const auto* m = who.as<member>();
  if (m == nullptr || m->leaving() || !m->announced() || !ready(who) || !ready(server))
    return model::never;
  return std::max({who.steady_since(), server.steady_since(),
                   in_.net().flowing_since(who, server, side::client)});
}

bool laws::is_calm(const host& who) const {
  const auto* m = who.as<member>();
  return m != nullptr && !m->leaving() && who.calm_since() != model::never &&
         who.calm_since() + calm_min <= in_.now();
}

// ---- managers

void laws::on_published(const host& by, const model::status_event& what) {
  const auto& epoch = where_of(what).at;
  const process self{by.name(), by.run()};
  const auto [known, first] = publishers_.try_emplace(epoch, self);
  if (first)
    in_.tell("{}: publishes epoch {}", by.name(), text_of(epoch));
  if (known->second != self)
    broken("one_manager_per_epoch",
           fmt::format("{} (process {}) publishes in epoch {}, which {} (process {}) began",
                       by.name(), by.run(), text_of(epoch), known->second.host, known->second.run));
}

void laws::on_withdrawn(const host& by, const manager& judge, const membership::withdrawn& what) {
  const auto& who = in_.named(what.id.text());
  check_hold(by, who);
  if (what.reason != model::withdrawal::closed && what.reason != model::withdrawal::silent)
    return;
  check_not_heard(by, who);
  check_not_too_soon(by, who, what.reason);
  if (what.reason == model::withdrawal::silent)
    check_mass(by, judge, who);
}

void laws::check_not_heard(const host& by, const host& who) const {
  const auto since = in_.now() - settled_min;
  for (const auto* server : in_.all(kind::event_server))
    if (sees_since(by, *server) <= since && heard_since(*server, who) <= since)
      broken("heard_members_stay",
             fmt::format("{} withdraws {}, which {} hears, and {} hears {}", by.name(), who.name(),
                         server->name(), by.name(), server->name()));
}

void laws::check_not_too_soon(const host& by, const host& who, model::withdrawal reason) const {
  if (is_calm(who))
    broken("calm_members_stay", fmt::format("{} withdraws {}, with which nothing has been wrong",
                                            by.name(), who.name()));
  const model::duration least = reason == model::withdrawal::closed
                                    ? model::duration(membership::close_grace)
                                    : membership::lease - renewal_age_max;
  if (in_.now() < who.troubled_since() + least)
    broken("nobody_goes_too_soon",
           fmt::format("{} withdraws {} as {} only {} us after its trouble began", by.name(),
                       who.name(), model::to_string(reason),
                       (in_.now() - who.troubled_since()).count()));
}

void laws::check_mass(const host& by, const manager& judge, const host& who) {
  const auto& presence = who.as<member>() ? who.as<member>()->announced() : std::nullopt;
  if (!presence)
    return;
  for (const auto& [role, offer] : presence->roles) {
    auto& fallen = silences_[{by.name(), role}];
    const auto& members = judge.machine().publisher().members();
    std::erase_if(fallen, [&](const auto& f) {
      return f.second + membership::lease <= in_.now() || members.contains(f.first);
    });
    fallen[presence->id] = in_.now();
    const auto all = fallen.size() + holders(members, role);
    if (all < membership::mass_role_members_min || 2 * fallen.size() <= all)
      continue;
    // More than half of the role was overdue from then on, not before.
    const auto overdue = more_than_half_in_trouble_since(role, all) + late_after - renewal_age_max;
    if (in_.now() < overdue + membership::mass_hold_max)
      broken("mass_silence_is_held",
             fmt::format("{} withdraws {} of {} {} for silence within a lease, {} us after they "
                         "can have become late",
                         by.name(), fallen.size(), all, role, (in_.now() - overdue).count()));
  }
}

/// Troubles that ended a moment ago may still have been why the guard was needed.
model::time_point laws::more_than_half_in_trouble_since(const std::string& role,
                                                        std::size_t all) const {
  std::vector<model::time_point> since;
  for (const auto* h : in_.all(kind::node)) {
    const auto* m = h->as<member>();
    const bool holds = m != nullptr && m->announced() && m->announced()->roles.contains(role);
    if (holds && (h->calm_since() == model::never ||
                  h->calm_since() + membership::mass_hold_max + membership::lease > in_.now()))
      since.push_back(h->troubled_since());
  }
  std::ranges::sort(since);
  return since.empty() ? in_.now() : since[std::min(all / 2, since.size() - 1)];
}

// ---- leaving

void laws::on_cut() {
  last_cut_ = in_.now();
}

void laws::on_leave(const host& who, std::chrono::milliseconds hold) {
  farewell said{who.run(), in_.now(), in_.now() + hold, {}};
  for (const auto* server : in_.all(kind::event_server))
    if (heard_since(*server, who) <= in_.now() - settled_min)
      said.told.insert(server->name());
  farewells_[who.name()] = said;
  if (hold.count() == 0)
    in_.after(leave_known_max, [this, &who, said] { check_left(who, said); });
}

void laws::check_left(const host& who, const farewell& said) const {
  if (last_cut_ >= said.at || who.run() != said.run)
    return;
  for (const auto* by : in_.all(kind::manager))
    for (const auto& name : said.told)
      if (sees_since(*by, in_.named(name)) <= said.at - settled_min &&
          in_.named(name).calm_since() != model::never &&
          by->as<manager>()->machine().publisher().members().contains(
              *model::node_id::parse(who.name())))
        broken("leaving_is_immediate", fmt::format("{} told {} that it leaves, and {} still has it",
                                                   who.name(), name, by->name()));
}

void laws::check_hold(const host& by, const host& who) const {
  const auto found = farewells_.find(who.name());
  if (found == farewells_.end())
    return;
  const auto& said = found->second;
  if (in_.now() >= said.held_until || who.run() != said.run)
    return;
  for (const auto& name : said.told)
    if (sees_since(by, in_.named(name)) <= said.at - settled_min)
      broken("hold_is_kept",
             fmt::format("{} withdraws {}, which means to be back in time", by.name(), who.name()));
}

// ---- consumers

/// The epoch and the serial that it wrote down bind a new process; the disk may be gone with it.
void laws::restart(const host& at, const dns::coordinator& machine, consumer& seen) const {
  seen = {at.run(), {}, 0, machine.shown(), machine.view().where};
  if (at.kept.zone) {
    seen.where.at = at.kept.zone->where.at;
    seen.serial = at.kept.zone->serial;
  }
}

void laws::on_view(const host& at, const dns::coordinator& machine) {
  auto& seen = consumers_[at.name()];
  if (seen.run != at.run())
    restart(at, machine, seen);
  const auto& view = machine.view();
  if (view.where == seen.where && machine.serial() == seen.serial &&
      machine.shown().size() == seen.shown.size())
    return;
  in_.tell("{}: {}, shows {} members, status {}, serial {}", at.name(),
           dns::to_string(machine.state()), machine.shown().size(), text_of(view.where),
           machine.serial());
  const model::position nowhere;
  if (view.where < seen.where && view.where != nowhere)
    broken("consumers_never_go_back", fmt::format("{} goes from {} back to {}", at.name(),
                                                  text_of(seen.where), text_of(view.where)));
  if (machine.serial() < seen.serial)
    broken("serials_never_go_back", fmt::format("{} goes from serial {} back to {}", at.name(),
                                                seen.serial, machine.serial()));
  if (view.known && view.where != seen.checked)
    check_content(at, view);
  seen.checked = view.where;
  // Who has to catch up passes through what once was.
  if (contents_.empty() || view.where >= contents_.rbegin()->first)
    check_dropped(at, seen, machine.shown());
  seen.where = std::max(seen.where, view.where);
  seen.serial = machine.serial();
  seen.shown = machine.shown();
}

void laws::check_content(const host& at, const model::view& view) {
  const content is{view.serial, model::digest(view.members)};
  if (contents_.try_emplace(view.where, is).first->second != is)
    broken("one_status_per_position", fmt::format("{} has something else at {} than others had",
                                                  at.name(), text_of(view.where)));
}

void laws::check_dropped(const host& at, const consumer& before,
                         const model::member_map& after) const {
  for (const auto& [id, m] : before.shown) {
    const auto& who = in_.named(id.text());
    if (after.contains(id) || !is_calm(who))
      continue;
    for (const auto& [role, offer] : m.what.roles)
      if (holders(after, role) == 0)
        broken("no_role_is_emptied",
               fmt::format("{} shows nobody as {} although nothing has been wrong with {}",
                           at.name(), role, who.name()));
    broken("calm_members_stay", fmt::format("{} does not show {} any more, with which nothing has "
                                            "been wrong",
                                            at.name(), who.name()));
  }
}

// ---- in the end

std::string laws::disagreement() const {
  std::map<model::node_id, model::version> alive;
  for (const auto& h : in_.hosts())
    if (const auto* m = h->as<member>(); m != nullptr && !m->leaving() && m->announced())
      alive.emplace(m->announced()->id, m->announced()->at);
  const auto active = std::ranges::count_if(in_.all(kind::manager), [](const host* h) {
    const auto* m = h->as<manager>();
    return m != nullptr && m->machine().choice().active();
  });
  if (active != 1)
    return fmt::format("{} managers are active", active);
  const dns::coordinator* first = nullptr;
  for (const auto* at : in_.all(kind::dns)) {
    const auto* server = at->as<dns_server>();
    if (server == nullptr)
      return at->name() + " does not run";
    const auto& machine = server->machine();
    if (machine.state() != dns::feed_state::fresh)
      return fmt::format("{} is {}", at->name(), dns::to_string(machine.state()));
    std::map<model::node_id, model::version> shown;
    for (const auto& [id, m] : machine.shown())
      shown.emplace(id, m.what.at);
    for (const auto& [id, version] : alive)
      if (const auto s = shown.find(id); s == shown.end() || s->second != version)
        return fmt::format("{} does not show {} as it is", at->name(), id.text());
    if (shown.size() != alive.size())
      return fmt::format("{} shows {} members, {} live", at->name(), shown.size(), alive.size());
    first = first == nullptr ? &machine : first;
    if (machine.view().where != first->view().where || machine.serial() != first->serial())
      return fmt::format("{} is at {} serial {}, another thor-dns at {} serial {}", at->name(),
                         text_of(machine.view().where), machine.serial(),
                         text_of(first->view().where), first->serial());
  }
  return "";
}

std::map<std::string, std::uint32_t> laws::serials() const {
  std::map<std::string, std::uint32_t> out;
  for (const auto* at : in_.all(kind::dns))
    if (const auto* server = at->as<dns_server>())
      out.emplace(at->name(), server->machine().serial());
  return out;
}

} // namespace thor::sim
