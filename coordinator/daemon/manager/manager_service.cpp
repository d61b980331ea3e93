#include "coordinator/daemon/manager/manager_service.hpp"

#include "coordinator/daemon/manager/kept_state.hpp"
#include "coordinator/runtime/clock.hpp"
#include "coordinator/wire/codec.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <iterator>
#include <stdexcept>
#include <utility>
#include <variant>

namespace thor::manager {

namespace {

/// Lines of one kind about one subject in the log: one in this time.
constexpr std::chrono::seconds repeated_line_interval{10};
/// So many alarms are shown by `status`; the log has them all.
constexpr std::size_t alarms_shown_max = 32;

std::filesystem::path state_file_of(const runtime::service& host) {
  return host.overlay().state_dir / "thor-manager.json";
}

membership::manager_options options_of(runtime::service& host) {
  const auto& self = host.credentials().self();
  if (!self.has_role(identity::role_manager))
    throw std::runtime_error(fmt::format(
        "the certificate of {} has no OU {}: issue one with thor-ca issue {} --role {}",
        self.id.text(), identity::role_manager, self.id.text(), identity::role_manager));
  return {.id = self.id.text(),
          .event_servers = host.overlay().event_servers.size(),
          .kept = read_kept_state(state_file_of(host))};
}

client::options client_options_of(runtime::service& host) {
  return {.event_servers = host.overlay().event_servers,
          .resolvers = host.overlay().resolvers,
          .topics = {std::begin(membership::manager_topics), std::end(membership::manager_topics)},
          .software = std::string("thor-manager ") + THOR_VERSION,
          .incarnation_file = host.overlay().state_dir / "thor-manager.incarnation",
          .counters = &host.counters()};
}

} // namespace

manager_service::manager_service(runtime::service& host)
    : host_(host)
    , limiter_(repeated_line_interval)
    , state_file_(state_file_of(host))
    , machine_(options_of(host))
    , timer_(host.io(),
             [this](model::time_point now) {
               membership::effects decided;
               machine_.on_deadline(now, runtime::unix_now(), decided);
               perform(decided);
             })
    , client_(host.io(), client_options_of(host), host.credentials(), *this) {
  host_.on_status([this](boost::json::object& into) { describe(into); });
  host_.on_metrics([this] { update_metrics(); });
}

void manager_service::run() {
  client_.start();
  host_.run([this] { client_.stop(std::chrono::milliseconds{0}, [this] { host_.finish(); }); },
            [this] { client_.credentials_reloaded(); });
}

// ---- what event servers say

void manager_service::on_server_up(const std::string& server, const wire::welcome& hello) {
  hear(membership::server_up{server, hello});
}

void manager_service::on_server_down(const std::string& server, const std::string& /*why*/) {
  hear(membership::server_down{server});
}

void manager_service::on_replaced(const std::string& server) {
  replaced_ = true;
  tell({membership::level::alarm, "replaced", server,
        "another manager runs with this certificate; this one has stopped until it is restarted"});
}

void manager_service::on_message(const std::string& server, const wire::server_message& message,
                                 const identity::peer*) {
  if (const auto* event = std::get_if<wire::event>(&message)) {
    hear_event(server, *event);
  } else if (const auto* fact = std::get_if<wire::fact>(&message)) {
    hear(membership::heard_fact{server, *fact});
  } else if (const auto* beat = std::get_if<wire::heartbeat>(&message)) {
    hear(membership::server_heartbeat{server, *beat});
  } else if (const auto* end = std::get_if<wire::synced>(&message)) {
    if (end->about == wire::topic::presence)
      hear(membership::server_synced{server});
  } else if (const auto* refused = std::get_if<wire::refused>(&message)) {
    if (refused->reason == "full_status_needed") {
      membership::effects decided;
      machine_.on_full_status_needed(runtime::monotonic_now(), runtime::unix_now(), server,
                                     decided);
      perform(decided);
    } else {
      tell({membership::level::alarm, "refused", server, refused->reason + ": " + refused->detail});
    }
  }
}

void manager_service::hear_event(const std::string& server, const wire::event& what) {
  switch (what.what.about) {
  case wire::topic::presence: {
    auto presence = wire::decode_presence(what.what.body);
    if (!presence)
      return malformed(server, presence.error().detail);
    if (what.about)
      hear(membership::heard_presence{server, *std::move(presence), *what.about});
    return;
  }
  case wire::topic::leave: {
    auto leave = wire::decode_leave(what.what.body);
    if (!leave)
      return malformed(server, leave.error().detail);
    return hear(membership::heard_leave{server, *std::move(leave)});
  }
  case wire::topic::members: {
    const auto status = wire::decode_status(what.what.body);
    if (!status)
      return malformed(server, status.error().detail);
    membership::effects decided;
    machine_.on_status(runtime::monotonic_now(), runtime::unix_now(), *status, decided);
    return perform(decided);
  }
  case wire::topic::statistics:
    return;
  }
}

void manager_service::malformed(const std::string& server, const std::string& why) {
  tell({membership::level::alarm, "malformed_body", server, why});
}

void manager_service::hear(const membership::input& what) {
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
      host_.counters()
          .counter("thor_withdrawals_total", "Members withdrawn, by reason.",
                   {{"reason", std::string(model::to_string(out->reason))}})
          .Increment();
    }
  }
  if (machine_.publisher().started())
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

void manager_service::tell(const membership::note& what) {
  const auto line = fmt::format("{} ({}): {}", what.about, what.word, what.detail);
  if (what.how == membership::level::alarm) {
    host_.counters()
        .counter("thor_alarms_total", "Things an operator should look at, by kind.",
                 {{"kind", std::string(what.word)}})
        .Increment();
    alarms_.push_back({runtime::unix_now(), line});
    if (alarms_.size() > alarms_shown_max)
      alarms_.pop_front();
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
  const auto& publisher = machine_.publisher();
  into["epoch"] = {{"counter", publisher.where().at.counter},
                   {"manager", publisher.where().at.manager}};
  into["sequence"] = publisher.where().sequence;
  into["serial"] = publisher.serial();
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
                                            {"what", alarm.text}});
  into["alarms"] = std::move(alarms);
  into["replaced"] = replaced_;
}

void manager_service::update_metrics() {
  auto& counters = host_.counters();
  const auto& publisher = machine_.publisher();
  roles_.show(publisher.members());
  counters.gauge("thor_members", "Members in the network status.")
      .Set(static_cast<double>(publisher.members().size()));
  counters.gauge("thor_epoch_counter", "Counter of the epoch in force.")
      .Set(static_cast<double>(publisher.where().at.counter));
  counters.gauge("thor_status_serial", "SOA serial of the network status.").Set(publisher.serial());
}

} // namespace thor::manager
