#include "coordinator/client/client.hpp"

#include "coordinator/agent/agent.hpp"
#include "coordinator/client/author.hpp"
#include "coordinator/client/backlog.hpp"
#include "coordinator/client/connection.hpp"
#include "coordinator/client/incarnation.hpp"
#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/endpoint.hpp"
#include "coordinator/runtime/log.hpp"
#include "coordinator/runtime/loop.hpp"
#include "coordinator/runtime/metrics.hpp"
#include "coordinator/runtime/resolver.hpp"
#include "coordinator/wire/codec.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <stdexcept>
#include <utility>

namespace thor::client {
namespace {

namespace asio = boost::asio;

/// The same complaint about the same server is logged once in this time.
constexpr std::chrono::seconds log_interval{60};
/// An event server shows its renewed certificate on new connections only. Once, this long before
/// the end of the one it showed, and not all clients at the same moment, the connections are
/// renewed.
constexpr std::chrono::hours renewal_ahead_min{1};
constexpr std::chrono::hours renewal_ahead_max{2};

std::chrono::seconds any_renewal_ahead() {
  std::random_device random;
  return std::chrono::seconds(std::uniform_int_distribution<std::int64_t>(
      std::chrono::seconds(renewal_ahead_min).count(),
      std::chrono::seconds(renewal_ahead_max).count())(random));
}

std::vector<runtime::endpoint> parse_servers(const std::vector<std::string>& texts) {
  std::vector<runtime::endpoint> out;
  for (const auto& text : texts) {
    auto parsed = runtime::parse_endpoint(text, wire::default_port);
    if (!parsed) {
      throw std::runtime_error("event server " + parsed.error());
    }
    out.push_back(std::move(*parsed));
  }
  if (out.size() > agent::servers_max) {
    throw std::runtime_error(fmt::format("more than {} event servers", agent::servers_max));
  }
  return out;
}

/// The servers as the agent's fixed list, or nothing when one of them must be looked up.
std::vector<std::string> fixed_servers(const std::vector<runtime::endpoint>& servers) {
  std::vector<std::string> out;
  for (const auto& server : servers) {
    if (!server.address()) {
      return {};
    }
    out.push_back(server.text());
  }
  return out;
}

agent::settings agent_settings(const options& how, const std::vector<runtime::endpoint>& servers,
                               const identity::x509::credentials& who) {
  return {
      who.self().id,
      how.incarnation_file.empty()
          ? how.incarnation
          : take_incarnation(how.incarnation_file, std::chrono::floor<std::chrono::milliseconds>(
                                                       std::chrono::system_clock::now())),
      how.software, how.topics, fixed_servers(servers)};
}

/// Counts nothing without a registry.
class counters {
 public:
  explicit counters(runtime::metrics* registry)
      : registry_(registry) {}

  void server_up(const std::string& server, bool up) {
    if (registry_ != nullptr) {
      registry_
          ->gauge("thor_client_connected", "1 while an event server is connected",
                  {{"server", server}})
          .Set(up ? 1 : 0);
    }
  }
  void event_refused(const std::string& reason) {
    if (registry_ != nullptr) {
      registry_
          ->counter("thor_client_refused_events_total",
                    "Events whose author or signature does not hold", {{"reason", reason}})
          .Increment();
    }
  }

  void count(const std::string& name, const std::string& help) {
    if (registry_ != nullptr) {
      registry_->counter(name, help).Increment();
    }
  }

 private:
  runtime::metrics* registry_;
};

/// What was said last: event servers send it to its author, too, who need not verify it.
class own_words {
 public:
  void add(wire::signed_body what) {
    last_.push_back(std::move(what));
    if (last_.size() > kept) {
      last_.pop_front();
    }
  }
  [[nodiscard]] bool contains(const wire::signed_body& what) const {
    return std::ranges::find(last_, what) != last_.end();
  }

 private:
  /// More than event servers have under way to us, so that most of it is recognised.
  static constexpr std::size_t kept = 8;
  std::deque<wire::signed_body> last_;
};

} // namespace

/// Performs what the agent decides. Calls of the user are posted to the loop, so that the agent and
/// the observer are only ever called from there, one at a time.
class client::impl final : public connection_owner {
 public:
  impl(asio::io_context& io, options how, const identity::x509::credentials& who, observer& seen)
      : io_(io)
      , who_(who)
      , seen_(seen)
      , certificate_(who.certificate())
      , servers_(parse_servers(how.event_servers))
      , settings_(agent_settings(how, servers_, who))
      , agent_(settings_, std::random_device{}())
      , resolver_(io, how.resolvers)
      , counters_(how.counters)
      , log_(std::move(how.log)) {}

  ~impl() {
    for (const auto& [number, link] : connections_) {
      link->disown();
      link->close_now("the client is gone");
    }
  }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  [[nodiscard]] const agent::settings& settings() const { return settings_; }
  [[nodiscard]] const agent::agent& machine() const { return agent_; }

  [[nodiscard]] std::vector<std::string> connected_servers() const {
    std::vector<std::string> out;
    for (const auto& [server, number] : up_) {
      out.push_back(server);
    }
    return out;
  }

  void tell(const agent::input& what) {
    std::vector<agent::effect> effects;
    agent_.on_event(runtime::monotonic_now(), what, effects);
    perform(effects);
  }

  void publish_to_all(wire::topic about, const std::string& body) {
    if (!up_.empty()) {
      const auto frame = sign(about, body);
      for (const auto& [server, number] : up_) {
        connections_.at(number)->send(frame);
      }
    }
  }

  void publish_to(const std::string& server, wire::topic about, const std::string& body) {
    if (const auto found = up_.find(server); found != up_.end()) {
      connections_.at(found->second)->send(sign(about, body));
    }
  }

  void follow_credentials() {
    for (const auto& [number, link] : connections_) {
      judge_server(number);
    }
    if (certificate_ != who_.certificate()) {
      certificate_ = who_.certificate();
      presence_frame_.reset();
      tell(agent::renew_credentials{});
    }
  }

  void stop(std::chrono::milliseconds hold, std::function<void()> done) {
    done_ = std::move(done);
    tell(agent::stop{hold});
  }

  /// The server is computing; so do we.
  void on_greeting(std::uint64_t /*number*/) override {
    if (agent_.announced()) {
      sign_presence(wire::encode_body(*agent_.announced()));
    }
  }

  void on_opened(std::uint64_t number, const identity::peer& server,
                 const model::ip_address& local) override {
    tell(agent::opened{number, server.id, local});
  }

  void on_closed(std::uint64_t number, std::uint16_t code, const std::string& why) override {
    connections_.erase(number);
    tell(agent::closed{number, code, why});
  }

  void on_frame(std::uint64_t number, std::string_view frame) override {
    tell(agent::heard{number});
    auto message = wire::decode_server(frame);
    if (!message) {
      on_unreadable(number, message.error());
    } else if (auto* hello = std::get_if<wire::welcome>(&*message)) {
      tell(agent::welcomed{number, std::move(*hello)});
    } else if (const auto* server = server_of(number)) {
      on_message(number, *server, std::move(*message));
    } else if (auto* refused = std::get_if<wire::refused>(&*message)) {
      tell(agent::refused{number, std::move(*refused)}); // of our hello
    }
  }

 private:
  // ---- what the agent wants

  void perform(const std::vector<agent::effect>& effects) {
    for (const auto& what : effects) {
      std::visit([this](const auto& which) { act(which); }, what);
    }
    timer_.arm(agent_.next_deadline());
  }

  void on_deadline(model::time_point now) {
    std::vector<agent::effect> effects;
    agent_.on_deadline(now, effects);
    perform(effects);
  }

  void act(const agent::resolve&) {
    found_.clear();
    if (servers_.empty()) {
      awaited_lookups_ = 1;
      resolver_.find_event_servers(who_.self().domain,
                                   [this](const auto& found) { on_found(found); });
      return;
    }
    awaited_lookups_ = servers_.size();
    for (const auto& server : servers_) {
      resolver_.find(server, [this](const auto& found) { on_found(found); });
    }
  }

  void act(const agent::open& e) {
    const auto where = runtime::parse_address_endpoint(e.server);
    connections_.emplace(e.at, connection::open(io_, who_, where.value(), e.at, *this));
  }

  void act(const agent::send& e) {
    connections_.at(e.at)->send(std::make_shared<const std::string>(wire::encode(e.what)));
  }

  void act(const agent::publish& e) {
    const auto frame =
        e.about == wire::topic::presence ? sign_presence(e.body) : sign(e.about, e.body);
    for (const auto number : e.to) {
      connections_.at(number)->send(frame);
    }
  }

  void act(const agent::close& e) {
    // Connections that ended by themselves, of which the agent has yet to hear, are gone.
    if (const auto found = connections_.find(e.at); found != connections_.end()) {
      e.at_once ? found->second->close_now("closed by us") : found->second->close_when_sent();
    }
  }

  void act(const agent::went_up& e) {
    pass_on_backlog();
    up_.insert_or_assign(e.server, e.at);
    counters_.server_up(e.server, true);
    log().info("event server {} ({}): connected", e.server, e.hello.server);
    seen_.on_server_up(e.server, e.hello);
  }

  void act(const agent::went_down& e) {
    pass_on_backlog();
    up_.erase(e.server);
    counters_.server_up(e.server, false);
    counters_.count("thor_client_disconnections_total", "Connections that ended");
    log_often(e.server, "down: " + e.why);
    seen_.on_server_down(e.server, e.why);
  }

  void act(const agent::replaced& e) {
    log().error("event server {}: a newer process with our id {} is at work; not connecting any "
                "more. Two machines with one certificate? Each needs its own",
                e.server, settings_.id.text());
    seen_.on_replaced(e.server);
  }

  void act(const agent::stopped&) {
    if (const auto done = std::exchange(done_, nullptr)) {
      done();
    }
  }

  void act(const agent::failed& e) {
    counters_.count("thor_client_connection_failures_total", "Tries to connect that failed");
    log_often(e.server, e.why);
    seen_.on_server_failed(e.server, e.why);
  }

  void act(const agent::parked& e) {
    log().info("event server {} is {}, which is connected already", e.server, e.id);
  }

  void act(const agent::not_accepted& e) {
    counters_.count("thor_client_refused_frames_total", "Frames that an event server refused");
    log_often(e.server, fmt::format("refused: {} ({})", e.what.detail, e.what.reason));
  }

  // ---- finding event servers

  void on_found(const runtime::resolver::result& found) {
    if (found) {
      for (const auto& where : *found) {
        found_.push_back(runtime::to_text(where));
      }
    } else {
      log_often("look-up", found.error());
    }
    if (--awaited_lookups_ > 0) {
      return;
    }
    if (found_.empty()) {
      tell(agent::resolve_failed{});
    } else {
      tell(agent::resolved{std::exchange(found_, {})});
    }
  }

  // ---- frames

  const std::string* server_of(std::uint64_t number) const {
    const auto found =
        std::ranges::find(up_, number, [](const auto& entry) { return entry.second; });
    return found == up_.end() ? nullptr : &found->first;
  }

  void on_message(std::uint64_t number, const std::string& server, wire::server_message message) {
    const bool is_beat = std::holds_alternative<wire::heartbeat>(message);
    if (const auto* refused = std::get_if<wire::refused>(&message)) {
      tell(agent::refused{number, *refused});
    }
    if (is_urgent(message)) {
      backlog_.put_off(runtime::monotonic_now());
      pass_on(server, message);
    } else if (seen_.may_wait()) {
      backlog_.add(runtime::monotonic_now(), {server, std::move(message)});
    } else {
      pass_on_backlog();
      pass_on(server, message);
    }
    backlog_timer_.arm(backlog_.next_due());
    if (is_beat) {
      judge_server(number);
    }
  }

  static bool is_urgent(const wire::server_message& message) {
    const auto* event = std::get_if<wire::event>(&message);
    return event != nullptr && event->what.about == wire::topic::members;
  }

  void pass_on(const std::string& server, const wire::server_message& message) {
    const auto* event = std::get_if<wire::event>(&message);
    if (event == nullptr) {
      return seen_.on_message(server, message, nullptr);
    }
    const auto author = said_.contains(event->what)
                            ? std::expected<identity::peer, refusal>(who_.self())
                            : accept_author(event->what, who_, runtime::unix_now());
    if (author) {
      seen_.on_message(server, message, &*author);
    } else {
      on_refused_event(server, event->what.about, author.error());
    }
  }

  void pass_on_first() {
    const auto [server, message] = backlog_.take();
    pass_on(server, message);
    backlog_timer_.arm(backlog_.next_due());
  }

  void pass_on_backlog() {
    while (!backlog_.empty()) {
      pass_on_first();
    }
  }

  void on_refused_event(const std::string& server, wire::topic about, const refusal& why) {
    counters_.event_refused(why.reason);
    log_often(server,
              fmt::format("dropped a {}: {} ({})", wire::to_string(about), why.detail, why.reason));
  }

  /// The protocol may grow: message types that this program does not know are not for it.
  void on_unreadable(std::uint64_t number, const wire::error& why) {
    if (why.code != wire::errc::unknown_type) {
      counters_.count("thor_client_malformed_frames_total", "Frames that could not be read");
      const auto* server = server_of(number);
      log_often(server == nullptr ? "" : *server,
                fmt::format("sent a frame that cannot be read: {}", why.detail));
    }
  }

  /// An event server that was revoked or has expired is cut off while connected.
  void judge_server(agent::connection number) {
    const auto link = connections_.at(number);
    const auto now = runtime::unix_now();
    if (link->server() == nullptr) {
      return;
    }
    if (const auto accepted = who_.recheck(*link->server(), now); !accepted) {
      const auto why = "its certificate is not accepted any more: " + accepted.error().detail;
      link->close_now(why);
      tell(agent::closed{number, 0, why});
    } else if (now + renewal_ahead_ >= link->server()->not_after) {
      look_for_successor(*link->server());
    }
  }

  void look_for_successor(const identity::peer& shown) {
    auto& looked_for = ending_[shown.id.text()];
    if (looked_for != shown.fingerprint) {
      looked_for = shown.fingerprint;
      tell(agent::renew_credentials{});
    }
  }

  // ---- what we say

  std::shared_ptr<const std::string> sign(wire::topic about, const std::string& body) {
    wire::publish said{
        {about, body, who_.sign(wire::signed_octets(about, body)), who_.certificate()}};
    auto frame = std::make_shared<const std::string>(wire::encode(wire::client_message(said)));
    said_.add(std::move(said.what));
    return frame;
  }

  /// Every event server gets the same frame, now and after a reconnection.
  std::shared_ptr<const std::string> sign_presence(const std::string& body) {
    if (!presence_frame_ || presence_body_ != body) {
      presence_body_ = body;
      presence_frame_ = sign(wire::topic::presence, body);
    }
    return presence_frame_;
  }

  [[nodiscard]] spdlog::logger& log() const { return log_ ? *log_ : *spdlog::default_logger_raw(); }

  void log_often(const std::string& server, const std::string& text) {
    if (const auto held_back = limiter_.pass(server + '\n' + text, runtime::monotonic_now())) {
      const auto more = *held_back == 0 ? "" : fmt::format(" ({} more like this)", *held_back);
      log().warn("event server {}: {}{}", server, text, more);
    }
  }

  asio::io_context& io_;
  const identity::x509::credentials& who_;
  observer& seen_;
  std::string certificate_;                ///< ours, as event servers know it
  std::vector<runtime::endpoint> servers_; ///< as configured
  agent::settings settings_;
  agent::agent agent_;
  runtime::resolver resolver_;
  counters counters_;
  std::shared_ptr<spdlog::logger> log_;
  runtime::log_limiter limiter_{log_interval};
  std::map<agent::connection, std::shared_ptr<connection>> connections_;
  std::map<std::string, agent::connection> up_;
  std::chrono::seconds renewal_ahead_ = any_renewal_ahead();
  std::map<std::string, std::string> ending_; ///< event servers' certificates, by id: see above
  std::vector<std::string> found_;            ///< by the look-ups under way
  std::size_t awaited_lookups_ = 0;
  std::string presence_body_;
  std::shared_ptr<const std::string> presence_frame_;
  std::function<void()> done_;
  struct heard {
    std::string server;
    wire::server_message message;
  };
  backlog<heard> backlog_;
  own_words said_;
  runtime::deadline_timer backlog_timer_{io_, [this](model::time_point) {
                                           if (!backlog_.empty()) {
                                             pass_on_first();
                                           }
                                         }};
  runtime::deadline_timer timer_{io_, [this](model::time_point now) { on_deadline(now); }};
};

// ---- client

client::client(asio::io_context& io, options how, const identity::x509::credentials& who,
               observer& seen)
    : io_(io)
    , impl_(std::make_shared<impl>(io, std::move(how), who, seen)) {}
client::~client() = default;

/// Runs `action` on the implementation from the loop, if it still is.
template <class Action>
void client::later(Action action) {
  asio::post(io_, [weak = std::weak_ptr(impl_), action = std::move(action)]() mutable {
    if (const auto alive = weak.lock()) {
      action(*alive);
    }
  });
}

void client::start() {
  later([](impl& self) { self.tell(agent::start{}); });
}

void client::announce(model::presence what) {
  if (incarnation() == 0) {
    throw std::invalid_argument("a client that only listens announces nothing");
  }
  auto checked = what;
  checked.id = impl_->settings().id;
  if (checked.addresses.empty()) { // to be filled in
    checked.addresses.push_back(model::ip_address::v4({127, 0, 0, 1}));
  }
  if (const auto valid = model::validate(checked); !valid) {
    throw std::invalid_argument("cannot be announced: " + valid.error().detail);
  }
  later([what = std::move(what)](impl& self) { self.tell(agent::announce{what}); });
}

void client::publish(wire::topic about, std::string body) {
  later([about, body = std::move(body)](impl& self) { self.publish_to_all(about, body); });
}

void client::publish_to(const std::string& server, wire::topic about, std::string body) {
  later([server, about, body = std::move(body)](impl& self) {
    self.publish_to(server, about, body);
  });
}

void client::subscribe(std::vector<wire::topic> topics) {
  later([topics = std::move(topics)](impl& self) { self.tell(agent::subscribe{topics}); });
}

void client::resubscribe(const std::string& server) {
  later([server](impl& self) { self.tell(agent::resubscribe{server}); });
}

void client::credentials_reloaded() {
  later([](impl& self) { self.follow_credentials(); });
}

void client::stop(std::chrono::milliseconds hold, std::function<void()> done) {
  later([hold, done = std::move(done)](impl& self) { self.stop(hold, done); });
}

std::vector<std::string> client::connected_servers() const {
  return impl_->connected_servers();
}

std::vector<model::ip_address> client::local_addresses() const {
  return impl_->machine().own_addresses();
}

std::uint64_t client::incarnation() const {
  return impl_->settings().incarnation;
}

const std::optional<model::presence>& client::announced() const {
  return impl_->machine().announced();
}

} // namespace thor::client
