#include "coordinator/daemon/dns/name_servers.hpp"

#include "coordinator/runtime/clock.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace thor::dns {

namespace {

/// Lines of one kind in the log: one in this time.
constexpr std::chrono::seconds repeated_line_interval{10};
/// For so long a PowerDNS that was never there may still be about to start.
constexpr std::chrono::seconds pdns_start_max{60};
/// When more zones change at once PowerDNS forgets everything.
constexpr std::size_t purge_zones_max = 50;

} // namespace

struct name_servers::name_server {
  std::string control_socket;
  bool internal = false;
  bool reached = false;
  std::optional<model::time_point> absent_since{};
  std::unique_ptr<pdns_control> control = nullptr;
};

name_servers::name_servers(boost::asio::io_context& io, runtime::metrics& counters)
    : io_(io)
    , counters_(counters)
    , limiter_(repeated_line_interval) {
  for (const auto* result : {"ok", "failed"})
    for (const auto which : {pdns_control::command::purge, pdns_control::command::notify,
                             pdns_control::command::rediscover})
      commands(which, result);
}

name_servers::~name_servers() = default;

void name_servers::add(const std::filesystem::path& control_socket, bool internal) {
  auto& added = *all_.emplace_back(
      std::make_unique<name_server>(name_server{control_socket.string(), internal}));
  added.control = std::make_unique<pdns_control>(
      io_, control_socket,
      [this, &added](pdns_control::command which, pdns_control::result what,
                     const std::string& why) { on_told(added, which, what, why); });
}

// ---- what they are told

void name_servers::purge(const served_zones::changed_zone& changed) {
  const std::string apex = changed.apex.text();
  std::vector<std::string> names;
  names.reserve(changed.names.size() + 1);
  for (const auto& name : changed.names)
    if (name != changed.apex)
      names.push_back(name.text());
  if (!changed.only_serial_at_apex)
    names.push_back(apex);
  // An answer made from a wildcard is cached under the name that was asked for, which nobody here
  // knows.
  const bool wildcard = std::ranges::any_of(
      changed.names, [](const zone::name& n) { return n.first_label() == "*"; });
  if (wildcard)
    names = {apex + "$"};
  for (const auto& server : all_) {
    if (server->internal != changed.internal)
      continue;
    server->control->purge(names, apex);
    if (changed.only_serial_at_apex && !wildcard)
      server->control->purge_serial(apex);
  }
}

void name_servers::forget(const std::vector<zone::name>& apexes,
                          const std::function<bool(const zone::name&)>& is_internal) {
  for (const auto& server : all_) {
    if (apexes.size() > purge_zones_max) {
      server->control->purge_all();
      continue;
    }
    for (const auto& apex : apexes)
      if (server->internal == is_internal(apex))
        server->control->purge({apex.text() + "$"}, apex.text());
  }
}

void name_servers::tell(const hosted_zones::update& hosted) {
  const bool others = !hosted.added.empty() || !hosted.removed.empty();
  const auto count = hosted.added.size() + hosted.removed.size() + hosted.changed.size();
  for (const auto& server : all_) {
    if (server->internal)
      continue;
    if (others)
      server->control->rediscover();
    if (count > purge_zones_max) {
      server->control->purge_all();
      continue;
    }
    for (const auto* apexes : {&hosted.added, &hosted.removed})
      for (const auto& apex : *apexes)
        server->control->purge({apex.text() + "$"}, apex.text());
  }
  if (count <= purge_zones_max)
    for (const auto& zone : hosted.changed)
      purge(zone);
}

void name_servers::rediscover() {
  for (const auto& server : all_)
    server->control->rediscover();
}

void name_servers::notify(const zone::name& apex, bool internal) {
  for (const auto& server : all_)
    if (server->internal == internal)
      server->control->notify(apex.text());
}

// ---- what came of it

prometheus::Counter& name_servers::commands(pdns_control::command which,
                                            const std::string& result) {
  const runtime::metrics::labels by{{"result", result}};
  switch (which) {
  case pdns_control::command::notify:
    return counters_.counter("thor_dns_notifies_total",
                             "Zones whose secondaries PowerDNS was to notify, by result.", by);
  case pdns_control::command::rediscover:
    return counters_.counter("thor_dns_rediscovers_total",
                             "Times PowerDNS was to ask which zones there are, by result.", by);
  case pdns_control::command::purge:
    break;
  }
  return counters_.counter("thor_dns_purges_total", "Purge commands sent to PowerDNS, by result.",
                           by);
}

void name_servers::on_told(name_server& which, pdns_control::command command,
                           pdns_control::result result, const std::string& why) {
  const bool agreed = result == pdns_control::result::agreed;
  commands(command, agreed ? "ok" : "failed").Increment();
  if (result == pdns_control::result::absent)
    return on_absent(which, why);
  if (which.absent_since && agreed)
    spdlog::info("PowerDNS is there: {}", which.control_socket);
  which.absent_since.reset();
  which.reached |= agreed;
  if (agreed)
    return;
  const bool notify = command == pdns_control::command::notify;
  if (const auto held_back = limiter_.pass(notify ? "notify" : "purge", runtime::monotonic_now()))
    spdlog::warn("PowerDNS {}, trying again ({} more like this): {}",
                 notify ? "does not notify secondaries" : "was not told of a change", *held_back,
                 why);
}

/// Before its first start a PowerDNS is not missed: it asks for everything anew.
void name_servers::on_absent(name_server& which, const std::string& why) {
  const auto now = runtime::monotonic_now();
  const bool first = !which.absent_since;
  if (first)
    which.absent_since = now;
  if (!which.reached && now < *which.absent_since + pdns_start_max) {
    if (first)
      spdlog::info("no PowerDNS to be told of changes yet ({})", why);
    return;
  }
  if (const auto held_back = limiter_.pass("absent", now))
    spdlog::warn(
        "no PowerDNS to be told of changes ({} more like this): {}; it runs elsewhere when "
        "pdns_control of [dns] is not its socket-dir",
        *held_back, why);
}

} // namespace thor::dns
