#include "coordinator/daemon/node/node.hpp"

#include "coordinator/runtime/clock.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <charconv>
#include <stdexcept>
#include <utility>

namespace thor::node {
namespace {

client::options client_options(runtime::service& on) {
  const auto& overlay = on.overlay();
  return {.event_servers = overlay.event_servers,
          .resolvers = overlay.resolvers,
          .topics = {},
          .software = "thor-node " THOR_VERSION,
          .incarnation_file = overlay.state_dir / "thor-node.incarnation",
          .counters = &on.counters()};
}

std::expected<std::chrono::seconds, std::string>
parse_drain(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    return drain_default;
  }
  std::int64_t seconds = 0;
  const auto& text = arguments.front();
  const auto* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, seconds);
  if (arguments.size() > 1 || failure != std::errc() || stop != end || seconds < 1 ||
      seconds > drain_max.count()) {
    return std::unexpected(
        fmt::format("drain takes a number of seconds from 1 to {}; {} when left out",
                    drain_max.count(), drain_default.count()));
  }
  return std::chrono::seconds(seconds);
}

boost::json::object describe(const model::presence& p) {
  boost::json::object roles;
  for (const auto& [role, offer] : p.roles) {
    roles[role] = boost::json::object{{"state", model::to_string(offer.state)},
                                      {"priority", offer.priority},
                                      {"weight", offer.weight}};
  }
  boost::json::array addresses;
  for (const auto& address : p.addresses) {
    addresses.emplace_back(address.text());
  }
  return {{"incarnation", p.at.incarnation},
          {"sequence", p.at.sequence},
          {"roles", std::move(roles)},
          {"addresses", std::move(addresses)},
          {"site", p.site}};
}

} // namespace

node::node(runtime::service& on, const settings& configured)
    : on_(on)
    , configured_(configured)
    , how_(configured)
    , drain_(on.overlay().state_dir / "thor-node.drain", runtime::unix_now())
    , names_(on.io(), on.overlay().resolvers)
    , client_(on.io(), client_options(on), on.credentials(), *this)
    , network_(client_, &on.counters())
    , text_port_(on.io(), network_, on.counters())
    , hooks_(on, network_, how_.hooks)
    , figures_(on, client_, how_.figures)
    , health_(on, names_, [this] { announce(); })
    , sources_(on, names_, [this] { announce(); })
    , draining_(on.counters().gauge("thor_node_draining", "1 while this node takes no new work"))
    , drain_end_(on.io(), [this](model::time_point) { follow_drain(); })
    , first_results_(on.io(), [this](model::time_point) {
      waited_ = true;
      announce();
    }) {
  if (!drain_.problem().empty()) {
    spdlog::warn("{}", drain_.problem());
  }
  network_.tell(hooks_);
  on_.control().on("drain", [this](const auto& arguments) { return drain(arguments); });
  on_.control().on("undrain", [this](const auto&) { return undrain(); });
  on_.on_status([this](auto& into) { add_status(into); });
}

void node::run() {
  text_port_.follow(how_.text);
  follow_members();
  first_results_.arm(runtime::monotonic_now() + first_results_wait_max);
  watch();
  follow_drain();
  client_.start();
  on_.ready();
  on_.run([this] { client_.stop(how_.member.hold, [this] { on_.finish(); }); },
          [this] {
            client_.credentials_reloaded();
            watch();
            announce();
          },
          [this] { reconfigure(); });
}

void node::reconfigure() {
  if (const auto fits = check(configured_, on_.credentials().self()); !fits) {
    spdlog::error("[node] not reloaded, the old one stays in force: {}", fits.error());
    return;
  }
  how_ = configured_;
  hooks_.reconfigure(how_.hooks);
  figures_.reconfigure(how_.figures);
  watch();
  announce();
  try {
    text_port_.follow(how_.text);
  } catch (const std::runtime_error& failure) {
    spdlog::error("the text port stays where it was: {}", failure.what());
  }
  follow_members();
}

/// Once somebody wants to know: each member that follows the others costs the network a frame a
/// change, and this machine the look at it.
void node::follow_members() {
  if (!text_port_.listening().empty() || !how_.hooks.empty()) {
    client_.subscribe({wire::topic::members});
  }
}

void node::watch() {
  if (const auto what = make_presence(how_, on_.credentials().self(), model::role_state::active)) {
    health_.follow(checks_of(how_, *what));
    sources_.follow(how_.sources);
  }
}

void node::announce() {
  if (!waited_ && !(health_.judged() && sources_.judged())) {
    return;
  }
  const auto state = drain_.until() ? model::role_state::draining : model::role_state::active;
  auto what = make_presence(how_, on_.credentials().self(), state);
  if (what) {
    sources_.apply(*what);
    health_.apply(*what);
    client_.announce(std::move(*what));
    figures_.on_announced();
  } else {
    spdlog::error("nothing new announced: {}", what.error());
  }
}

// ---- drain

/// Ends a drain whose time has come, and announces what is in force.
void node::follow_drain() {
  const auto now = runtime::unix_now();
  if (drain_.expire(now)) {
    spdlog::info("the drain is over");
  }
  draining_.Set(drain_.until() ? 1 : 0);
  drain_end_.arm(drain_.until() ? runtime::monotonic_now() + (*drain_.until() - now)
                                : model::never);
  announce();
}

node::answer node::drain(const std::vector<std::string>& arguments) {
  const auto wanted = parse_drain(arguments);
  if (!wanted) {
    return std::unexpected(wanted.error());
  }
  if (const auto begun = drain_.begin(runtime::unix_now() + *wanted); !begun) {
    return std::unexpected(begun.error());
  }
  spdlog::info("draining for {} s", wanted->count());
  follow_drain();
  return boost::json::object{{"draining", true}, {"seconds_left", wanted->count()}};
}

node::answer node::undrain() {
  if (const auto ended = drain_.end(); !ended) {
    return std::unexpected(ended.error());
  }
  spdlog::info("taking new work");
  follow_drain();
  return boost::json::object{{"draining", false}};
}

// ---- what event servers say

void node::on_server_up(const std::string& server, const wire::welcome&) {
  network_.on_server_up(server);
  figures_.on_server_up(server);
}

void node::on_server_down(const std::string& server, const std::string&) {
  network_.on_server_down(server);
}

void node::on_message(const std::string& server, const wire::server_message& message,
                      const identity::peer*) {
  network_.on_message(server, message);
}

// ---- what is seen

void node::add_status(boost::json::object& into) const {
  const auto servers = client_.connected_servers();
  const auto& announced = client_.announced();
  if (announced) {
    for (auto& [key, value] : describe(*announced)) {
      into[key] = std::move(value);
    }
  }
  into["event_servers"] = boost::json::array(servers.begin(), servers.end());
  into["text_port"] = text_port_.listening();
  into["health"] = health_.describe();
  into["attribute_sources"] = sources_.describe();
  into["draining"] = drain_.until().has_value();
  if (drain_.until()) {
    into["drain_seconds_left"] = (*drain_.until() - runtime::unix_now()).count();
  }
  into["replaced"] = replaced_;
  hooks_.add_status(into);
  into["ready"] = announced && !servers.empty();
}

/// The process stays, so that no supervisor starts it again and throws the other one out.
void node::on_replaced(const std::string&) {
  replaced_ = true;
  figures_.stop();
}

} // namespace thor::node
