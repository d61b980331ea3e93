// thor-eventserver: publish/subscribe between the members of an overlay.
//
// The composition root: broker::broker decides, runtime::ws_server has the connections, and the
// class here is the loop between them: a callback or a deadline becomes an input, the effects are
// performed in their order.
#include "coordinator/broker/broker.hpp"
#include "coordinator/identity/x509/verify.hpp"
#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/endpoint.hpp"
#include "coordinator/runtime/log.hpp"
#include "coordinator/runtime/loop.hpp"
#include "coordinator/runtime/program.hpp"
#include "coordinator/runtime/ws_server.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <sys/random.h>
#include <sys/resource.h>

#include <map>
#include <stdexcept>
#include <variant>

namespace thor {
namespace {

namespace json = boost::json;
using boost::asio::ip::tcp;
using session_id = broker::session_id;

/// How often connected peers' certificates are judged anew; also at once when a file changed.
constexpr std::chrono::seconds recheck_interval{10};
/// Lines that repeat are held back for this long.
constexpr std::chrono::seconds log_interval{10};

struct settings {
  std::vector<tcp::endpoint> listen;
  std::vector<model::ip_network> address_ranges;
};

settings read_settings(runtime::config& from) {
  settings s;
  auto table = from.table("eventserver");
  for (const auto& text : table.texts("listen", {fmt::format("[::]:{}", wire::default_port)})) {
    if (const auto where = runtime::parse_address_endpoint(text, wire::default_port))
      s.listen.push_back(*where);
    else
      table.reject("listen", where.error());
  }
  if (s.listen.empty())
    table.reject("listen", "names no address to listen at");
  for (const auto& text : table.texts("address_ranges", {})) {
    if (const auto range = model::ip_network::parse(text))
      s.address_ranges.push_back(*range);
    else
      table.reject("address_ranges", range.error().detail);
  }
  return s;
}

/// Distinguishes this process from its predecessors.
std::string new_instance() {
  std::uint64_t octets = 0;
  if (::getrandom(&octets, sizeof octets, 0) != sizeof octets)
    throw std::runtime_error("the system gives no random octets");
  return fmt::format("{:016x}", octets);
}

/// A connection is a descriptor: take all that the system allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

struct metric {
  const char* name;
  const char* help;
  const char* label;
};

constexpr metric metric_of(broker::counter what) {
  switch (what) {
  case broker::counter::frames:
    return {"thor_eventserver_frames_total", "Frames received and understood", "type"};
  case broker::counter::refused:
    return {"thor_eventserver_refused_total", "Frames and connections not accepted", "reason"};
  case broker::counter::closed:
    return {"thor_eventserver_dropped_total", "Sessions ended by this server", "reason"};
  case broker::counter::alarms:
    return {"thor_eventserver_alarms_total", "What a person must look at", "kind"};
  }
  std::unreachable();
}

spdlog::level::level_enum level_of(broker::level how) {
  switch (how) {
  case broker::level::debug:
    return spdlog::level::debug;
  case broker::level::info:
    return spdlog::level::info;
  case broker::level::warn:
    return spdlog::level::warn;
  case broker::level::error:
    return spdlog::level::err;
  }
  std::unreachable();
}

class event_server final : runtime::ws_server::observer {
 public:
  event_server(runtime::service& on, const settings& how)
      : on_(on)
      , instance_(new_instance())
      , machine_(
            {.server = on.credentials().self().id.text(),
             .instance = instance_,
             .address_ranges = how.address_ranges},
            [&on](std::string_view octets, std::string_view signature, std::string_view certificate,
                  model::unix_time now) {
              return on.credentials().authors().verify(octets, signature, certificate, now);
            },
            runtime::monotonic_now())
      , server_(on.io(), on.credentials(), *this) {
    server_.listen(how.listen);
    for (const auto& at : server_.listening())
      spdlog::info("listening at {}, instance {}", runtime::to_text(at), instance_);
    deadline_.arm(machine_.next_deadline());
    recheck_timer_.arm(runtime::monotonic_now() + recheck_interval);
    on_.on_status([this](json::object& into) { describe(into); });
  }

  /// Connected peers whose certificate is no longer good are cut off.
  void recheck() {
    for (auto& [which, why] : server_.barred(runtime::unix_now()))
      feed(broker::peer_barred{which, std::move(why)});
  }

  void stop() {
    server_.stop([this] { on_.finish(); });
  }

 private:
  // ---- the loop: an input, its effects, the next deadline

  void feed(const broker::input& in) {
    broker::effects out;
    machine_.on_event(runtime::monotonic_now(), in, out);
    perform(out);
  }

  void on_deadline(model::time_point now) {
    broker::effects out;
    machine_.on_deadline(now, out);
    perform(out);
    measure();
  }

  void perform(broker::effects& out) {
    for (auto& effect : out)
      std::visit([this](auto& what) { perform(what); }, effect);
    deadline_.arm(machine_.next_deadline());
  }

  void perform(broker::send& what) { server_.send(what.to, std::move(what.text), what.retained); }
  void perform(broker::close& what) {
    server_.close(what.which, what.code, std::move(what.reason));
  }
  void perform(const broker::note& what) { log(level_of(what.how), what.text); }
  void perform(const broker::count& what) { count(what.what, what.label); }

  // ---- callbacks of the connections

  void on_session(session_id which, const identity::peer& who,
                  const model::ip_address& from) override {
    ++sessions_;
    feed(broker::session_opened{which, who, from});
  }

  void on_frame(session_id which, std::string text) override {
    feed(broker::frame_received{which, std::move(text), runtime::unix_now()});
  }

  void on_closed(session_id which, const runtime::ws_server::outcome& why) override {
    --sessions_;
    counter("thor_eventserver_closed_total", "Sessions that ended", "reason", why.word);
    spdlog::debug("session {} ended: {}: {}", which, why.word, why.detail);
    feed(broker::session_closed{which});
  }

  void on_refused(const model::ip_address& from, const runtime::ws_server::outcome& why) override {
    count(broker::counter::refused, why.word);
    log(spdlog::level::warn,
        fmt::format("connection from {} refused, {}: {}", from.text(), why.word, why.detail));
  }

  void on_waiting(bool members_wait) override { feed(broker::admission_changed{members_wait}); }

  void on_accept_error(const std::string& what) override {
    accept_errors_.Increment();
    log(spdlog::level::err, fmt::format("cannot accept a connection: {}", what));
  }

  // ---- for people

  /// With each heartbeat.
  void measure() {
    members_gauge_.Set(static_cast<double>(machine_.members().live().members));
    sessions_gauge_.Set(static_cast<double>(sessions_));
    half_open_gauge_.Set(static_cast<double>(server_.half_open()));
  }

  void log(spdlog::level::level_enum how, const std::string& line) {
    const auto held_back = lines_.pass(line, runtime::monotonic_now());
    if (!held_back)
      return;
    if (*held_back == 0)
      spdlog::log(how, "{}", line);
    else
      spdlog::log(how, "{} ({} more like this since the last time)", line, *held_back);
  }

  void count(broker::counter what, std::string_view label) {
    const auto m = metric_of(what);
    counter(m.name, m.help, m.label, label);
    if (what == broker::counter::refused)
      ++refusals_[std::string(label)];
  }

  void counter(const char* name, const char* help, const char* label, std::string_view value) {
    on_.counters().counter(name, help, {{label, std::string(value)}}).Increment();
  }

  void describe(json::object& into) const {
    const auto now = runtime::monotonic_now();
    json::array listen;
    for (const auto& at : server_.listening())
      listen.emplace_back(runtime::to_text(at));
    json::object subscribers;
    for (const auto about :
         {wire::topic::presence, wire::topic::leave, wire::topic::members, wire::topic::statistics})
      subscribers.emplace(wire::to_string(about), machine_.subscribers(about));
    json::object refused;
    for (const auto& [reason, times] : refusals_)
      refused.emplace(reason, times);
    into["listen"] = std::move(listen);
    into["instance"] = instance_;
    into["admitting"] = machine_.admitting(now);
    into["sessions"] = sessions_;
    into["half_open"] = server_.half_open();
    into["subscribers"] = std::move(subscribers);
    into["refused"] = std::move(refused);
    into["status"] = describe_status();
    into["members"] = describe_members(now);
  }

  json::value describe_status() const {
    const auto& where = machine_.status().where();
    if (!where)
      return nullptr;
    return json::object{{"epoch", where->at.counter},
                        {"manager", where->at.manager},
                        {"sequence", where->sequence}};
  }

  json::array describe_members(model::time_point now) const {
    json::array members;
    for (const auto& [id, r] : machine_.members().all()) {
      const auto age = std::chrono::floor<std::chrono::milliseconds>(now - r.since);
      members.push_back(json::object{{"id", id.text()},
                                     {"incarnation", r.at.incarnation},
                                     {"sequence", r.at.sequence},
                                     {"state", r.presence ? wire::to_string(r.state) : "left"},
                                     {"age_ms", age.count()}});
    }
    return members;
  }

  runtime::service& on_;
  std::string instance_;
  broker::broker machine_;
  runtime::ws_server server_;
  runtime::deadline_timer deadline_{on_.io(), [this](model::time_point now) { on_deadline(now); }};
  runtime::deadline_timer recheck_timer_{on_.io(), [this](model::time_point now) {
                                           recheck();
                                           recheck_timer_.arm(now + recheck_interval);
                                         }};
  runtime::log_limiter lines_{log_interval};
  prometheus::Counter& accept_errors_ = on_.counters().counter(
      "thor_eventserver_accept_errors_total", "Connections that could not be accepted");
  prometheus::Gauge& members_gauge_ =
      on_.counters().gauge("thor_eventserver_members", "Connected members with a presence");
  prometheus::Gauge& sessions_gauge_ =
      on_.counters().gauge("thor_eventserver_sessions", "Connections with both handshakes done");
  prometheus::Gauge& half_open_gauge_ =
      on_.counters().gauge("thor_eventserver_half_open", "Connections in their handshakes");
  std::map<std::string, std::uint64_t> refusals_;
  std::uint64_t sessions_ = 0;
};

void serve(runtime::service& on, const settings& how) {
  raise_descriptor_limit();
  event_server server(on, how);
  on.ready();
  on.run([&] { server.stop(); }, [&] { server.recheck(); });
}

} // namespace
} // namespace thor

int main(int argc, char** argv) {
  thor::settings how;
  return thor::runtime::run_program(
      {.name = "thor-eventserver",
       .summary = "Relays who is there, and what they say, between the members of an overlay.",
       .commands = {},
       .check =
           [](const auto& self) {
             return thor::runtime::check_role(self, thor::identity::role_event_server);
           }},
      argc, argv, [&](thor::runtime::config& from) { how = thor::read_settings(from); },
      [&](thor::runtime::service& on) { thor::serve(on, how); });
}
