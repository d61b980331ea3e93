#include "coordinator/daemon/monitor/watch.hpp"

#include "coordinator/runtime/clock.hpp"
#include "coordinator/wire/codec.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <iterator>
#include <utility>

namespace thor::monitor {
namespace {

constexpr std::chrono::seconds credentials_interval{5};

/// What the library would log goes where the user looks: standard error may be the full screen.
class complaint_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit complaint_sink(std::function<void(std::string)> tell)
      : tell_(std::move(tell)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    tell_(std::string(message.payload.data(), message.payload.size()));
  }
  void flush_() override {}

  std::function<void(std::string)> tell_;
};

void send_log_to(std::function<void(std::string)> tell) {
  auto logger =
      std::make_shared<spdlog::logger>("thor", std::make_shared<complaint_sink>(std::move(tell)));
  logger->set_level(spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
}

/// A monitor keeps nothing on disk: its incarnation is the clock.
std::uint64_t incarnation_now() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

} // namespace

watch::watch(boost::asio::io_context& io, const runtime::overlay_config& overlay,
             identity::x509::credentials& who, bool announce, news on_news)
    : io_(io)
    , overlay_(overlay)
    , who_(who)
    , on_news_(std::move(on_news))
    , timer_(io,
             [this](model::time_point now) {
               std::vector<effect> effects;
               network_.on_deadline(now, runtime::unix_now(), effects);
               perform(effects);
             })
    , look_(io, [this](model::time_point now) { follow_credentials(now); }) {
  send_log_to([this](std::string text) { tell(heard_complaint{std::move(text)}); });
  connect(announce && who_.self().has_role(role_monitor) ? incarnation_now() : 0);
  look_.arm(runtime::monotonic_now() + credentials_interval);
}

watch::~watch() {
  send_log_to([](const std::string&) {});
}

void watch::connect(std::uint64_t incarnation) {
  client::observer& ours = *this;
  client_ = std::make_unique<client::client>(
      io_,
      client::options{.event_servers = overlay_.event_servers,
                      .resolvers = overlay_.resolvers,
                      .topics = {std::begin(monitor_topics), std::end(monitor_topics)},
                      .software = "thor-monitor " THOR_VERSION,
                      .incarnation_file = {},
                      .incarnation = incarnation},
      who_, ours);
  if (incarnation != 0) {
    const auto& self = who_.self();
    client_->announce({self.id,
                       {},
                       self.addresses,
                       {{std::string(role_monitor), model::role_offer{}}},
                       {},
                       {},
                       {}});
  }
  client_->start();
}

void watch::stop(std::function<void()> done) {
  client_->stop(std::chrono::milliseconds{0}, std::move(done));
}

onlooker watch::self() const {
  const auto& self = who_.self();
  return {self.domain, self.id, self.roles,
          self.addresses.empty() ? client_->local_addresses() : self.addresses};
}

void watch::follow_credentials(model::time_point now) {
  if (const auto changed = who_.reload_if_changed(); !changed) {
    tell(heard_complaint{"credentials not reloaded: " + changed.error().detail});
  } else if (*changed) {
    client_->credentials_reloaded();
  }
  look_.arm(now + credentials_interval);
}

// ---- what event servers say

void watch::on_server_up(const std::string& server, const wire::welcome& hello) {
  tell(server_up{server, hello});
}

void watch::on_server_down(const std::string& server, const std::string& why) {
  tell(server_down{server, why});
}

void watch::on_server_failed(const std::string& server, const std::string& why) {
  tell(server_failed{server, why});
}

/// A client must not be destroyed from within its own callback.
void watch::on_replaced(const std::string&) {
  boost::asio::post(io_, [this, alive = std::weak_ptr(alive_)] {
    if (alive.lock()) {
      listen_only();
    }
  });
}

void watch::listen_only() {
  client_.reset();
  for (const auto& [server, state] : std::map(network_.servers())) {
    if (state.up) {
      tell(server_down{server, "another monitor with this certificate announces itself"});
    }
  }
  connect(0);
}

void watch::on_message(const std::string& server, const wire::server_message& message,
                       const identity::peer* author) {
  if (const auto* event = std::get_if<wire::event>(&message)) {
    hear_event(server, *event, *author);
  } else if (const auto* beat = std::get_if<wire::heartbeat>(&message)) {
    tell(heard_heartbeat{server, *beat});
  } else if (const auto* end = std::get_if<wire::synced>(&message)) {
    tell(heard_synced{server, end->about});
  }
}

void watch::hear_event(const std::string& server, const wire::event& what,
                       const identity::peer& author) {
  if (what.what.about == wire::topic::members) {
    if (auto status = wire::decode_status(what.what.body)) {
      tell(heard_status{server, *std::move(status)});
    } else {
      tell(heard_complaint{fmt::format("{} published a status that cannot be read: {}",
                                       author.id.text(), status.error().detail)});
    }
  } else if (what.what.about == wire::topic::statistics) {
    hear_statistics(what.what.body, author);
  }
}

void watch::hear_statistics(const std::string& body, const identity::peer& author) {
  auto figures = wire::decode_statistics(body);
  if (!figures) {
    return; // the client refuses what cannot be read
  }
  if (author.has_role(identity::role_dns_manager)) {
    if (const auto report = wire::zone_report_of(*figures); report && *report) {
      tell(heard_report{author.id, **report});
    }
  }
  tell(heard_statistics{*std::move(figures)});
}

void watch::tell(const input& what) {
  std::vector<effect> effects;
  network_.on_event(runtime::monotonic_now(), runtime::unix_now(), what, effects);
  perform(effects);
}

void watch::perform(const std::vector<effect>& effects) {
  std::vector<change> changes;
  for (const auto& one : effects) {
    if (const auto* again = std::get_if<resubscribe>(&one)) {
      client_->resubscribe(again->server);
    } else {
      changes.push_back(std::get<change>(one));
    }
  }
  timer_.arm(network_.next_deadline());
  on_news_(changes);
}

} // namespace thor::monitor
