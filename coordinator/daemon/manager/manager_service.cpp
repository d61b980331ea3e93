#include "coordinator/daemon/manager/manager_service.hpp"

#include "coordinator/daemon/manager/kept_state.hpp"
#include "coordinator/membership/hearing.hpp"
#include "coordinator/runtime/clock.hpp"
#include "coordinator/wire/codec.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <iterator>
#include <limits>
#include <stdexcept>
#include <utility>
#include <variant>

namespace thor::manager {

namespace {

constexpr auto software = "thor-manager " THOR_VERSION;
/// Lines of one kind about one subject in the log: one in this time.
constexpr std::chrono::seconds repeated_line_interval{10};
/// So many alarms and transitions are shown by `status`; the log has them all.
constexpr std::size_t events_shown_max = 32;
/// How often figures that are too old are dropped.
constexpr std::chrono::seconds figures_expire_interval{60};

template <class What>
void keep_shown(std::deque<What>& all, What one) {
  all.push_back(std::move(one));
  if (all.size() > events_shown_max)
    all.pop_front();
}

std::filesystem::path state_file_of(const runtime::service& host) {
  return host.overlay().state_dir / "thor-manager.json";
}

membership::manager_options options_of(runtime::service& host, const settings& how) {
  return {.id = host.credentials().self().id.text(),
          .priority = how.priority,
          .rule = host.overlay().partition,
          .event_servers = host.overlay().event_servers.size(),
          .kept = read_kept_state(state_file_of(host))};
}

client::options client_options_of(runtime::service& host) {
  return {.event_servers = host.overlay().event_servers,
          .resolvers = host.overlay().resolvers,
          .topics = {std::begin(membership::manager_topics), std::end(membership::manager_topics)},
          .software = software,
          .incarnation_file = host.overlay().state_dir / "thor-manager.incarnation",
          .counters = &host.counters()};
}

} // namespace

settings read_settings(runtime::config& from) {
  settings out;
  constexpr auto priority_max = std::numeric_limits<std::uint16_t>::max();
  out.priority = static_cast<std::uint16_t>(
      from.table("manager").integer("priority", out.priority, 0, priority_max));
  return out;
}

manager_service::manager_service(runtime::service& host, const settings& how)
    : host_(host)
    , how_(how)
    , limiter_(repeated_line_interval)
    , state_file_(state_file_of(host))
    , machine_(options_of(host, how))
    , timer_(host.io(),
             [this](model::time_point now) {
               membership::effects decided;
               machine_.on_deadline(now, runtime::unix_now(), decided);
               perform(decided);
             })
    , client_(host.io(), client_options_of(host), host.credentials(), *this)
    , figures_expire_(host.io(), [this](model::time_point now) {
      figures_.expire(runtime::unix_now());
      figures_expire_.arm(now + figures_expire_interval);
    }) {
  host_.control().on("statistics", [this](const auto&) { return describe_figures(); });
  host_.on_status([this](boost::json::object& into) { describe(into); });
  host_.on_metrics([this] { update_metrics(); });
}

void manager_service::run() {
  announce();
  client_.start();
  figures_expire_.arm(runtime::monotonic_now() + figures_expire_interval);
  host_.run([this] { client_.stop(std::chrono::milliseconds{0}, [this] { host_.finish(); }); },
            [this] {
              announce();
              client_.credentials_reloaded();
            });
}

/// Managers are members: so they see each other come and go.
void manager_service::announce() {
  const auto& self = host_.credentials().self();
  model::role_offer offer;
  offer.priority = how_.priority;
  client_.announce({.id = self.id,
                    .at = {},
                    .addresses = self.addresses,
                    .roles = {{std::string(membership::manager_role), offer}},
                    .site = "",
                    .software = software,
                    .attributes = {}});
}

// ---- what event servers say

void manager_service::on_server_up(const std::string& server, const wire::welcome& hello) {
  hear(membership::server_up{server, hello});
}

void manager_service::on_server_down(const std::string& server, const std::string& /*why*/) {
  hear(membership::server_down{server});
}

void manager_service::on_replaced(const std::string& server) {
  membership::effects decided;
  machine_.on_replaced(runtime::monotonic_now(), runtime::unix_now(), decided);
  perform(decided);
  tell({membership::level::alarm, "replaced", server,
        "another manager runs with this certificate; this one has stopped until it is restarted"});
}

void manager_service::on_message(const std::string& server, const wire::server_message& message,
                                 const identity::peer* author) {
  const auto fact = membership::hear(server, message);
  if (!fact)
    return malformed(server, fact.error().detail);
  if (*fact)
    return hear(**fact);
  if (const auto* event = std::get_if<wire::event>(&message)) {
    if (event->what.about == wire::topic::members)
      hear_status(server, event->what.body);
    else if (event->what.about == wire::topic::statistics)
      hear_statistics(server, event->what.body, *author);
  } else if (const auto* refused = std::get_if<wire::refused>(&message)) {
    hear_refusal(server, *refused);
  }
}

void manager_service::hear_refusal(const std::string& server, const wire::refused& what) {
  if (what.reason == "full_status_needed") {
    membership::effects decided;
    machine_.on_full_status_needed(runtime::monotonic_now(), runtime::unix_now(), server, decided);
    return perform(decided);
  }
  // Another manager took over while this one was paused or away; its status is on the way to us.
  const bool superseded = what.reason == "stale_status";
  tell({superseded ? membership::level::info : membership::level::alarm, "refused", server,
        what.reason + ": " + what.detail});
}

void manager_service::hear_status(const std::string& server, const std::string& body) {
  const auto status = wire::decode_status(body);
  if (!status)
    return malformed(server, status.error().detail);
  if (model::position_of(*status).at < machine_.publisher().view().where.at)
    count_stale(wire::topic::members);
  membership::effects decided;
  machine_.on_status(runtime::monotonic_now(), runtime::unix_now(), server, *status, decided);
  perform(decided);
}

void manager_service::hear_statistics(const std::string& server, const std::string& body,
                                      const identity::peer& author) {
  const auto said = wire::decode_statistics(body);
  if (!said)
    return malformed(server, said.error().detail);
  keep_figures(*said);
  if (author.has_role(identity::role_dns_manager))
    hear_zone_report(server, *said);
}

void manager_service::hear_zone_report(const std::string& server, const wire::statistics& said) {
  const auto zone = wire::zone_report_of(said);
  if (!zone)
    return malformed(server, zone.error().detail);
  if (!*zone)
    return;
  membership::effects decided;
  machine_.on_zone_report(runtime::monotonic_now(), runtime::unix_now(), said.id.text(), **zone,
                          decided);
  perform(decided);
}

/// For those who look at the network; the machine never hears of it.
void manager_service::keep_figures(const wire::statistics& said) {
  if (figures_.hear(said, runtime::unix_now()) == statistics::book::verdict::full)
    host_.counters()
        .counter("thor_statistics_refused_total",
                 "Statistics of members that were not kept for want of room.")
        .Increment();
}

void manager_service::hear_version(wire::topic about, const model::node_id& id,
                                   const model::version& at) {
  const auto& members = machine_.publisher().members();
  const auto known = members.find(id);
  if (known != members.end() && at < known->second.what.at)
    count_stale(about);
}

void manager_service::count_stale(wire::topic about) {
  host_.counters()
      .counter("thor_stale_events_total",
               "Well signed, but older than what is known: late copies, or replays.",
               {{"topic", std::string(wire::to_string(about))}})
      .Increment();
}

void manager_service::malformed(const std::string& server, const std::string& why) {
  tell({membership::level::alarm, "malformed_body", server, why});
}

void manager_service::hear(const membership::input& what) {
  if (const auto* presence = std::get_if<membership::heard_presence>(&what))
    hear_version(wire::topic::presence, presence->what.id, presence->what.at);
  else if (const auto* leave = std::get_if<membership::heard_leave>(&what))
    hear_version(wire::topic::leave, leave->what.id, leave->what.at);
  membership::effects decided;
  machine_.on_event(runtime::monotonic_now(), runtime::unix_now(), what, decided);
  perform(decided);
}

// ---- what the machine decides

void manager_service::perform(const membership::effects& decided) {
  for (const auto& one : decided) {
    if (const auto* status = std::get_if<membership::publish>(&one)) {
      perform(*status);
    } else if (const auto* keep = std::get_if<membership::persist>(&one)) {
      perform(*keep);
    } else if (const auto* turn = std::get_if<membership::transition>(&one)) {
      perform(*turn);
    } else if (const auto* again = std::get_if<membership::resubscribe>(&one)) {
      client_.resubscribe(again->server);
    } else if (const auto* said = std::get_if<membership::note>(&one)) {
      tell(*said);
    } else if (const auto* in = std::get_if<membership::admitted>(&one)) {
      spdlog::info("{} is online", in->what.id.text());
    } else if (const auto* now = std::get_if<membership::changed>(&one)) {
      spdlog::info("{} announces a change (incarnation {}, sequence {})", now->what.id.text(),
                   now->what.at.incarnation, now->what.at.sequence);
    } else if (const auto* out = std::get_if<membership::withdrawn>(&one)) {
      spdlog::info("{} is withdrawn: {}", out->id.text(), model::to_string(out->reason));
      figures_.forget(out->id);
      host_.counters()
          .counter("thor_withdrawals_total", "Members withdrawn, by reason.",
                   {{"reason", std::string(model::to_string(out->reason))}})
          .Increment();
    }
  }
  if (machine_.warm())
    host_.ready();
  timer_.arm(machine_.next_deadline());
}

void manager_service::perform(const membership::publish& what) {
  auto body = wire::encode_body(what.what);
  if (what.server.empty()) {
    client_.publish(wire::topic::members, std::move(body));
  } else {
    client_.publish_to(what.server, wire::topic::members, std::move(body));
  }
}

void manager_service::perform(const membership::persist& what) {
  if (const auto written = write_kept_state(state_file_, what); !written)
    tell({membership::level::alarm, "state_not_kept", state_file_.string(), written.error()});
}

void manager_service::perform(const membership::transition& what) {
  const std::string why(election::to_string(what.why));
  const auto* to = what.active ? "active" : "standby";
  if (what.active)
    spdlog::info("this is the active manager now, with epoch {} ({})", what.at.counter, why);
  else
    spdlog::warn("not the active manager any more ({}); the highest epoch is {} of {}", why,
                 what.at.counter, what.at.manager);
  host_.counters()
      .counter("thor_manager_transitions_total", "Changes between active and standby, by reason.",
               {{"to", to}, {"reason", why}})
      .Increment();
  keep_shown(transitions_, {runtime::unix_now(), what});
}

void manager_service::tell(const membership::note& what) {
  const auto line = fmt::format("{} ({}): {}", what.about, what.word, what.detail);
  if (what.how == membership::level::alarm) {
    host_.counters()
        .counter("thor_alarms_total", "Things an operator should look at, by kind.",
                 {{"kind", std::string(what.word)}})
        .Increment();
    keep_shown(alarms_, {runtime::unix_now(), line});
  }
  const auto kind = std::string(what.word) + ' ' + what.about;
  if (!limiter_.pass(kind, runtime::monotonic_now()))
    return;
  switch (what.how) {
  case membership::level::alarm:
    return spdlog::error("ALARM: {}", line);
  case membership::level::warning:
    return spdlog::warn("{}", line);
  case membership::level::info:
    return spdlog::info("{}", line);
  }
}

// ---- what people see

void manager_service::describe(boost::json::object& into) const {
  describe_election(into);
  const auto& publisher = machine_.publisher();
  into["sequence"] = publisher.view().where.sequence;
  into["serial"] = publisher.view().serial;
  boost::json::object roles;
  for (const auto& [id, member] : publisher.members())
    for (const auto& [role, offer] : member.what.roles) {
      auto& states = roles[role];
      if (!states.is_object())
        states.emplace_object();
      auto& nodes = states.get_object()[model::to_string(offer.state)];
      if (!nodes.is_array())
        nodes.emplace_array();
      nodes.get_array().emplace_back(id.text());
    }
  into["members"] = publisher.members().size();
  into["roles"] = std::move(roles);
  boost::json::array servers;
  for (const auto& server : client_.connected_servers())
    servers.emplace_back(server);
  into["event_servers"] = std::move(servers);
  boost::json::array alarms;
  for (const auto& alarm : alarms_)
    alarms.emplace_back(boost::json::object{{"unix_time", alarm.at.time_since_epoch().count()},
                                            {"what", alarm.what}});
  into["alarms"] = std::move(alarms);
}

void manager_service::describe_election(boost::json::object& into) const {
  const auto& choice = machine_.choice();
  into["active"] = choice.active();
  into["state"] = election::to_string(choice.state());
  into["active_manager"] = choice.epoch().manager;
  into["epoch"] = {{"counter", choice.epoch().counter}, {"manager", choice.epoch().manager}};
  boost::json::array managers;
  for (const auto& [id, priority] : machine_.managers())
    managers.emplace_back(boost::json::object{{"id", id.text()}, {"priority", priority}});
  into["managers"] = std::move(managers);
  boost::json::array transitions;
  for (const auto& [at, what] : transitions_)
    transitions.emplace_back(boost::json::object{
        {"unix_time", at.time_since_epoch().count()},
        {"to", what.active ? "active" : "standby"},
        {"reason", election::to_string(what.why)},
        {"epoch", {{"counter", what.at.counter}, {"manager", what.at.manager}}}});
  into["transitions"] = std::move(transitions);
}

boost::json::object manager_service::describe_figures() const {
  const auto& members = machine_.publisher().members();
  const auto now = runtime::unix_now();
  boost::json::object of_members;
  for (const auto& [id, m] : members)
    if (auto figures = statistics::member_statistics(figures_, id, now); !figures.empty())
      of_members[id.text()] = std::move(figures);
  return {{"statistics", statistics::network_statistics(figures_, members, now)},
          {"members", std::move(of_members)}};
}

void manager_service::update_metrics() {
  auto& counters = host_.counters();
  const auto& publisher = machine_.publisher();
  roles_.show(publisher.members());
  counters.gauge("thor_members", "Members in the network status.")
      .Set(static_cast<double>(publisher.members().size()));
  counters.gauge("thor_manager_active", "1 while this manager publishes the network status.")
      .Set(machine_.choice().active() ? 1 : 0);
  counters.gauge("thor_managers", "Managers alive, by this one's judgement.")
      .Set(static_cast<double>(machine_.managers().size()));
  counters.gauge("thor_epoch_counter", "Counter of the epoch in force.")
      .Set(static_cast<double>(machine_.choice().epoch().counter));
  counters.gauge("thor_statistics_members", "Members whose last statistics are kept.")
      .Set(static_cast<double>(figures_.members()));
  counters.gauge("thor_statistics_octets", "Size of the statistics that are kept, as text.")
      .Set(static_cast<double>(figures_.octets()));
  counters.gauge("thor_status_serial", "SOA serial of the network status.")
      .Set(publisher.view().serial);
}

} // namespace thor::manager
