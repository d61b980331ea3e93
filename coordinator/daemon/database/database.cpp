#include "coordinator/daemon/database/database.hpp"

#include "coordinator/runtime/clock.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace thor::database {
namespace {

client::options client_options(runtime::service& on) {
  const auto& overlay = on.overlay();
  return {.event_servers = overlay.event_servers,
          .resolvers = overlay.resolvers,
          .topics = {},
          .software = "thor-database " THOR_VERSION,
          .incarnation_file = overlay.state_dir / "thor-database.incarnation",
          .counters = &on.counters()};
}

std::optional<health::check> check_of(const database_settings& how) {
  return how.probe ? std::optional(health::check(how.probe->how)) : std::nullopt;
}

} // namespace

// ---- one database

watched_database::watched_database(runtime::service& on, runtime::resolver& names,
                                   database_settings how, std::function<void()> on_change)
    : on_(on)
    , names_(names)
    , how_(std::move(how))
    , on_change_(std::move(on_change))
    , gauge_(on.counters().gauge("thor_database_reachable",
                                 "1 while a database is announced, 0 while its probe fails",
                                 {{"uri", how_.what.uri}}))
    , check_(check_of(how_))
    , timer_(on.io(), [this](model::time_point now) { on_deadline(now); }) {
  gauge_.Set(reachable() ? 1 : 0);
  if (check_) {
    timer_.arm(check_->next_deadline());
  }
}

watched_database::~watched_database() {
  gauge_.Set(0);
}

bool watched_database::judged() const {
  return !check_ || check_->state() != health::health_state::unknown;
}

bool watched_database::reachable() const {
  return !check_ || check_->state() == health::health_state::up;
}

boost::json::object watched_database::describe() const {
  boost::json::object out{
      {"uri", how_.what.uri}, {"priority", how_.what.priority}, {"announced", reachable()}};
  if (how_.probe) {
    out["probe"] = how_.probe->target.text();
    out["state"] = health::to_string(check_->state());
    out["trouble"] = check_->trouble();
  }
  return out;
}

void watched_database::on_deadline(model::time_point now) {
  std::vector<health::effect> effects;
  check_->on_deadline(now, effects);
  perform(effects);
}

void watched_database::on_end(std::uint64_t probe, const probe::outcome& result) {
  probe_.reset();
  std::vector<health::effect> effects;
  if (result) {
    check_->on_event(runtime::monotonic_now(), health::succeeded{probe}, effects);
  } else {
    check_->on_event(runtime::monotonic_now(), health::failed{probe, result.error()}, effects);
  }
  perform(effects);
}

void watched_database::perform(const std::vector<health::effect>& effects) {
  for (const auto& what : effects) {
    if (const auto* begun = std::get_if<health::begin_probe>(&what)) {
      begin(begun->probe);
    } else if (std::holds_alternative<health::give_up>(what)) {
      probe_.reset();
    } else if (std::holds_alternative<health::went_up>(what)) {
      show("can be reached, and is announced");
    } else if (const auto* down = std::get_if<health::went_down>(&what)) {
      show("is not announced: " + down->why);
    }
  }
  timer_.arm(check_->next_deadline());
}

void watched_database::begin(std::uint64_t probe) {
  probe_ = probe::begin(on_.io(), names_, probe::tcp_target{how_.probe->target},
                        [this, probe](const auto& result) { on_end(probe, result); });
}

void watched_database::show(std::string_view log_text) {
  gauge_.Set(reachable() ? 1 : 0);
  spdlog::log(reachable() ? spdlog::level::info : spdlog::level::warn, "database {} {}",
              how_.what.uri, log_text);
  on_change_();
}

// ---- all of them

database::database(runtime::service& on, const settings& configured)
    : on_(on)
    , configured_(configured)
    , how_(configured)
    , names_(on.io(), on.overlay().resolvers)
    , client_(on.io(), client_options(on), on.credentials(), *this) {
  on_.on_status([this](auto& into) { add_status(into); });
}

void database::run() {
  watch();
  announce();
  client_.start();
  on_.ready();
  on_.run([this] { client_.stop(how_.member.hold, [this] { on_.finish(); }); },
          [this] {
            client_.credentials_reloaded();
            announce();
          },
          [this] { reconfigure(); });
}

void database::watch() {
  watched_.clear();
  for (const auto& one : how_.databases) {
    watched_.push_back(
        std::make_unique<watched_database>(on_, names_, one, [this] { announce(); }));
  }
}

void database::reconfigure() {
  if (const auto fits = check(configured_, on_.credentials().self()); !fits) {
    spdlog::error("[database] not reloaded, the old one stays in force: {}", fits.error());
    return;
  }
  const bool others = how_.databases != configured_.databases;
  how_ = configured_;
  if (others) {
    watch();
  }
  announce();
}

/// Not before every probe has answered once: a restart under `hold` is to change nothing.
void database::announce() {
  if (!std::ranges::all_of(watched_, [](const auto& one) { return one->judged(); })) {
    return;
  }
  std::vector<model::database> reachable;
  for (const auto& one : watched_) {
    if (one->reachable()) {
      reachable.push_back(one->what());
    }
  }
  auto what = make_presence(how_, on_.credentials().self(), reachable);
  if (what) {
    client_.announce(std::move(*what));
  } else {
    spdlog::error("nothing new announced: {}", what.error());
  }
}

void database::add_status(boost::json::object& into) const {
  const auto servers = client_.connected_servers();
  boost::json::array databases;
  for (const auto& one : watched_) {
    databases.emplace_back(one->describe());
  }
  const auto& announced = client_.announced();
  if (announced) {
    boost::json::array addresses;
    for (const auto& address : announced->addresses) {
      addresses.emplace_back(address.text());
    }
    into["addresses"] = std::move(addresses);
    into["incarnation"] = announced->at.incarnation;
    into["sequence"] = announced->at.sequence;
  }
  into["databases"] = std::move(databases);
  into["event_servers"] = boost::json::array(servers.begin(), servers.end());
  into["replaced"] = replaced_;
  into["ready"] = announced && !servers.empty();
}

/// The process stays, so that no supervisor starts it again and throws the other one out.
void database::on_replaced(const std::string&) {
  replaced_ = true;
}

} // namespace thor::database
