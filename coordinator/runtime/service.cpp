#include "coordinator/runtime/service.hpp"

#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/endpoint.hpp"
#include "coordinator/runtime/log.hpp"
#include "coordinator/runtime/loop.hpp"
#include "coordinator/runtime/metrics_server.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <unistd.h>

#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace thor::runtime {
namespace {

/// How often the files of the credentials are looked at.
constexpr std::chrono::seconds credentials_interval{5};
/// From this long before our certificate expires, that is told.
constexpr std::chrono::days expiry_warning{14};
constexpr std::chrono::hours alarm_interval{24};

using fractional_days = std::chrono::duration<double, std::chrono::days::period>;

std::int64_t days_between(model::unix_time from, model::unix_time until) {
  return std::chrono::floor<std::chrono::days>(until - from).count();
}

std::filesystem::path socket_in(const std::filesystem::path& run_dir, const std::string& name) {
  std::error_code failure;
  std::filesystem::create_directories(run_dir, failure);
  if (failure) {
    throw std::runtime_error(
        fmt::format("cannot create run_dir {}: {}", run_dir.string(), failure.message()));
  }
  return run_dir / (name + ".sock");
}

/// Half of what systemd waits for, or nothing when it does not watch us.
std::optional<model::duration> watchdog_interval() {
  std::uint64_t microseconds = 0;
  if (::sd_watchdog_enabled(0, &microseconds) <= 0) {
    return std::nullopt;
  }
  return model::duration(static_cast<std::int64_t>(microseconds / 2));
}

} // namespace

struct service::impl {
  impl(std::string program, const overlay_config& config, identity::x509::credentials& identity)
      : name(std::move(program))
      , overlay(config)
      , credentials(identity)
      , control(io, socket_in(config.run_dir, name)) {
    counters
        .gauge("thor_build_info", "Always 1; the labels tell what runs",
               {{"program", name}, {"version", THOR_VERSION}})
        .Set(1);
    control.on("status", [this](const auto&) { return status(); });
    control.on("metrics",
               [this](const auto&) { return boost::json::object{{"metrics", metrics_text()}}; });
  }

  std::string metrics_text() {
    days_left.Set(fractional_days(credentials.self().not_after - unix_now()).count());
    for (const auto& refresh : metrics_parts) {
      refresh();
    }
    return counters.text();
  }

  void serve_metrics(const std::string& where) {
    if (where == metrics_where) {
      return;
    }
    std::unique_ptr<metrics_server> other;
    if (!where.empty()) {
      const auto at = parse_address_endpoint(where);
      other = std::make_unique<metrics_server>(io, at.value(), counters,
                                               [this] { return metrics_text(); });
      spdlog::info("metrics at http://{}/metrics", to_text(other->listening()));
    }
    http = std::move(other);
    metrics_where = where;
  }

  boost::json::object status() const {
    const auto& self = credentials.self();
    const auto uptime = std::chrono::floor<std::chrono::seconds>(monotonic_now() - started);
    boost::json::object out{
        {"program", name},
        {"version", THOR_VERSION},
        {"pid", ::getpid()},
        {"uptime_s", uptime.count()},
        {"ready", ready},
        {"id", self.id.text()},
        {"domain", self.domain},
        {"certificate_days_left", days_between(unix_now(), self.not_after)},
    };
    if (http) {
      out["metrics_listen"] = to_text(http->listening());
    }
    for (const auto& add : status_parts) {
      add(out);
    }
    return out;
  }

  void follow_credentials() {
    const auto changed = credentials.reload_if_changed();
    if (!changed) {
      spdlog::error("credentials not reloaded, the old ones stay in force: {} ({})",
                    changed.error().detail, identity::to_string(changed.error().code));
    } else if (*changed) {
      spdlog::info("credentials reloaded: certificate {} expires in {} days",
                   credentials.self().serial,
                   days_between(unix_now(), credentials.self().not_after));
      on_reload();
    }
    judge_credentials();
  }

  void judge_credentials() {
    const auto now = unix_now();
    const auto expires = credentials.self().not_after;
    crl_overdue.Set(credentials.crl_overdue(now) ? 1 : 0);
    if (expires <= now && alarms.pass("expired", monotonic_now())) {
      spdlog::error("our certificate has expired: no member accepts it; renew it with thor-ca");
    } else if (expires <= now + expiry_warning && alarms.pass("expires", monotonic_now())) {
      spdlog::warn("our certificate expires in {} days; renew it with thor-ca",
                   days_between(now, expires));
    }
    if (credentials.crl_overdue(now) && alarms.pass("crl", monotonic_now())) {
      spdlog::warn("the revocation list is past its next update and stays in force; "
                   "write a new one with thor-ca");
    }
  }

  void on_look_timer(model::time_point now) {
    follow_credentials();
    look.arm(now + credentials_interval);
  }

  void on_watchdog_timer(model::time_point now) {
    ::sd_notify(0, "WATCHDOG=1");
    watchdog.arm(now + *watchdog_every);
  }

  std::string name;
  const overlay_config& overlay;
  identity::x509::credentials& credentials;
  boost::asio::io_context io{1};
  metrics counters;
  control_server control;
  prometheus::Gauge& days_left = counters.gauge(
      "thor_certificate_days_left", "Days until our certificate expires; negative afterwards");
  prometheus::Gauge& crl_overdue =
      counters.gauge("thor_crl_overdue", "1 when a revocation list is past its nextUpdate");
  log_limiter alarms{alarm_interval};
  std::vector<std::function<void(boost::json::object&)>> status_parts;
  std::vector<std::function<void()>> metrics_parts;
  std::function<void()> on_reload;
  std::function<bool()> reread = [] { return false; };
  std::string metrics_where;
  std::unique_ptr<metrics_server> http;
  model::time_point started = monotonic_now();
  bool ready = false;
  deadline_timer look{io, [this](model::time_point now) { on_look_timer(now); }};
  std::optional<model::duration> watchdog_every = watchdog_interval();
  deadline_timer watchdog{io, [this](model::time_point now) { on_watchdog_timer(now); }};
};

service::service(std::string name, const overlay_config& overlay,
                 identity::x509::credentials& credentials)
    : impl_(std::make_unique<impl>(std::move(name), overlay, credentials)) {}
service::~service() = default;

boost::asio::io_context& service::io() {
  return impl_->io;
}
metrics& service::counters() {
  return impl_->counters;
}
control_server& service::control() {
  return impl_->control;
}
const overlay_config& service::overlay() const {
  return impl_->overlay;
}
identity::x509::credentials& service::credentials() {
  return impl_->credentials;
}

void service::on_metrics(std::function<void()> refresh) {
  impl_->metrics_parts.push_back(std::move(refresh));
}

void service::on_status(std::function<void(boost::json::object& into)> add) {
  impl_->status_parts.push_back(std::move(add));
}

void service::ready() {
  impl_->ready = true;
}

void service::serve_metrics(const std::string& where) {
  impl_->serve_metrics(where);
}

void service::on_reread(std::function<bool()> reread) {
  impl_->reread = std::move(reread);
}

void service::run(std::function<void()> stop, std::function<void()> reload,
                  std::function<void()> reconfigure) {
  auto& self = *impl_;
  self.on_reload = std::move(reload);
  self.judge_credentials();
  self.look.arm(monotonic_now() + credentials_interval);
  if (self.watchdog_every) {
    self.watchdog.arm(monotonic_now());
  }
  const signal_watch signals(
      self.io,
      [stop = std::move(stop)] {
        ::sd_notify(0, "STOPPING=1");
        spdlog::info("stopping");
        stop();
      },
      [&self, reconfigure = std::move(reconfigure)] {
        self.follow_credentials();
        if (self.reread()) {
          reconfigure();
        }
      });
  ::sd_notify(0, "READY=1");
  self.io.run();
}

void service::finish() {
  impl_->io.stop();
}

} // namespace thor::runtime
