#include "coordinator/client/thor/overlay.hpp"

#include "coordinator/client/client.hpp"
#include "coordinator/client/network.hpp"
#include "coordinator/client/thor/convert.hpp"
#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/log.hpp"
#include "coordinator/runtime/loop.hpp"
#include "coordinator/wire/codec.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace thor {
namespace {

namespace asio = boost::asio;
using identity::x509::credentials;

/// How often the files of the certificate are looked at.
constexpr std::chrono::seconds credentials_interval{5};
constexpr std::size_t statistics_octets_max = 16'000;
constexpr std::size_t software_octets_max = model::software_octets_max;

severity severity_of(spdlog::level::level_enum level) {
  return level >= spdlog::level::err    ? severity::error
         : level == spdlog::level::warn ? severity::warning
                                        : severity::info;
}

/// What the library logs, without the control characters that a peer may have put into it.
class log_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit log_sink(std::function<void(severity, std::string_view)> tell)
      : tell_(std::move(tell)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const auto how = severity_of(message.level);
    const auto line = runtime::escape_controls({message.payload.data(), message.payload.size()});
    if (tell_) {
      tell_(how, line);
    } else if (how != severity::info) {
      fmt::print(stderr, "thor: {}\n", line);
    }
  }
  void flush_() override {}

  std::function<void(severity, std::string_view)> tell_;
};

std::shared_ptr<spdlog::logger> logger_for(std::function<void(severity, std::string_view)> tell) {
  auto log = std::make_shared<spdlog::logger>("thor", std::make_shared<log_sink>(std::move(tell)));
  log->set_level(spdlog::level::info);
  return log;
}

credentials load(const options& how) {
  auto loaded = credentials::load({.certificate = how.certificate,
                                   .key = how.key,
                                   .ca = how.ca,
                                   .crl = how.crl,
                                   .crl_required = false});
  if (!loaded) {
    throw std::runtime_error(
        fmt::format("{} ({})", loaded.error().detail, identity::to_string(loaded.error().code)));
  }
  return *std::move(loaded);
}

client::options client_options(const options& how, const callbacks& tell,
                               std::shared_ptr<spdlog::logger> log) {
  client::options out{.event_servers = how.event_servers,
                      .resolvers = how.resolvers,
                      .topics = {wire::topic::members},
                      .software = how.software,
                      .incarnation_file = {},
                      .log = std::move(log)};
  if (how.software.size() > software_octets_max) {
    throw std::invalid_argument(
        fmt::format("software has more than {} octets", software_octets_max));
  }
  if (tell.on_statistics) {
    out.topics.push_back(wire::topic::statistics);
  }
  if (how.presence) {
    out.incarnation_file = how.incarnation_file;
    out.incarnation = static_cast<std::uint64_t>(
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())
            .time_since_epoch()
            .count());
  }
  return out;
}

/// The text without blanks.
std::string checked_statistics(std::string_view json) {
  boost::system::error_code wrong;
  const auto value = boost::json::parse({json.data(), json.size()}, wrong);
  if (wrong || !value.is_object()) {
    throw std::invalid_argument("statistics are not one JSON object");
  }
  auto text = boost::json::serialize(value);
  if (text.size() > statistics_octets_max) {
    throw std::invalid_argument(
        fmt::format("statistics have more than {} octets", statistics_octets_max));
  }
  return text;
}

} // namespace

std::string_view to_string(departure why) {
  switch (why) {
  case departure::unknown:
    return "unknown";
  case departure::left:
    return "left";
  case departure::closed:
    return "closed";
  case departure::silent:
    return "silent";
  case departure::replaced:
    return "replaced";
  case departure::revoked:
    return "revoked";
  case departure::expired:
    return "expired";
  }
  return "unknown";
}

/// Puts a client and the members that it hears of into the words of the public headers.
class overlay::impl final : private client::observer, private client::member_observer {
 public:
  impl(asio::io_context& io, const options& how, callbacks tell)
      : io_(io)
      , tell_(std::move(tell))
      , who_(load(how))
      , log_(logger_for(tell_.on_log))
      , client_(io, client_options(how, tell_, log_), who_, *this)
      , network_(client_, nullptr, log_)
      , look_(io, [this](model::time_point now) { follow_credentials(now); }) {
    network_.tell(*this);
    if (how.presence) {
      announce(*how.presence);
    }
    client_.start();
    look_.arm(runtime::monotonic_now() + credentials_interval);
  }

  ~impl() { end_waiters(asio::error::operation_aborted); }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  [[nodiscard]] asio::io_context& io() const { return io_; }
  [[nodiscard]] const identity::peer& self() const { return who_.self(); }
  [[nodiscard]] bool synced() const { return network_.synced(); }
  [[nodiscard]] const std::map<std::string, member>& members() const { return members_; }
  [[nodiscard]] std::vector<std::string> servers() const { return client_.connected_servers(); }
  [[nodiscard]] bool draining() const { return draining_; }

  [[nodiscard]] std::vector<const member*> lookup(std::string_view role, std::string_view key,
                                                  std::size_t count, placement what_for) const {
    std::vector<const member*> out;
    if (!synced()) {
      return out;
    }
    for (const auto* found : network_.lookup(role, key, count, to_lookup(what_for))) {
      out.push_back(&members_.at(found->what.id.text()));
    }
    return out;
  }

  void announce(presence what) {
    auto said = to_model(what, who_.self().id);
    if (!said) {
      throw std::invalid_argument(said.error());
    }
    for (auto& [role, offer] : said->roles) {
      if (!who_.self().has_role(role)) {
        throw std::invalid_argument(
            fmt::format("the certificate of {} has no OU {}; thor-ca issue makes one that has",
                        who_.self().id.text(), role));
      }
      if (draining_) {
        offer.state = model::role_state::draining;
      }
    }
    if (client_.incarnation() == 0) {
      throw std::logic_error("an overlay without a presence in its options only listens");
    }
    if (said->addresses.empty()) {
      said->addresses = who_.self().addresses;
    }
    client_.announce(*std::move(said));
    presence_ = std::move(what);
  }

  void drain(bool begin) {
    draining_ = begin;
    if (presence_) {
      announce(*presence_);
    }
  }

  void publish_statistics(std::string_view json) {
    if (client_.incarnation() == 0) {
      throw std::logic_error("an overlay without a presence in its options only listens");
    }
    figures_ = wire::encode_body(wire::statistics{who_.self().id, checked_statistics(json)});
    client_.publish(wire::topic::statistics, figures_);
  }

  // ---- waiting

  std::uint64_t next_waiter() { return ++waiters_made_; }

  void wait(event what, std::uint64_t number, detail::completion done) {
    waiters_.emplace(number, waiter{what, std::move(done)});
    // After what was announced before has gone to the loop.
    asio::post(io_, [weak = std::weak_ptr(alive_)] {
      if (const auto self = weak.lock()) {
        (*self)->end_those_whose_time_has_come();
      }
    });
  }

  void cancel(std::uint64_t number) { end(number, asio::error::operation_aborted); }

  void leave(std::chrono::milliseconds hold, detail::completion done) {
    end_waiters(asio::error::operation_aborted);
    const auto longest = std::chrono::milliseconds(wire::hold_ms_max);
    client_.stop(std::clamp(hold, std::chrono::milliseconds{0}, longest),
                 [done = std::move(done)] { done({}); });
  }

 private:
  struct waiter {
    event what;
    detail::completion done;
  };

  void end(std::uint64_t number, boost::system::error_code result) {
    if (const auto found = waiters_.find(number); found != waiters_.end()) {
      const auto done = std::move(found->second.done);
      waiters_.erase(found);
      done(result);
    }
  }

  void end_waiters(boost::system::error_code result) {
    for (auto& [number, one] : std::exchange(waiters_, {})) {
      one.done(result);
    }
  }

  void end_those_whose_time_has_come() {
    std::vector<std::uint64_t> due;
    for (const auto& [number, one] : waiters_) {
      if (one.what == event::synced ? synced() : joined()) {
        due.push_back(number);
      }
    }
    for (const auto number : due) {
      end(number, {});
    }
  }

  /// The network shows what we announced last, or something later.
  [[nodiscard]] bool joined() const {
    const auto& said = client_.announced();
    const auto found = network_.view().members.find(who_.self().id);
    return synced() && said && found != network_.view().members.end() &&
           found->second.what.at >= said->at;
  }

  void follow_credentials(model::time_point now) {
    if (const auto changed = who_.reload_if_changed(); !changed) {
      log_->error("credentials not reloaded: {}", changed.error().detail);
    } else if (*changed) {
      client_.credentials_reloaded();
    }
    look_.arm(now + credentials_interval);
  }

  // ---- what the client hears

  void on_server_up(const std::string& server, const wire::welcome&) override {
    network_.on_server_up(server);
    if (!figures_.empty()) {
      client_.publish_to(server, wire::topic::statistics, figures_);
    }
    call(tell_.on_server_up, server);
  }
  void on_server_down(const std::string& server, const std::string& why) override {
    network_.on_server_down(server);
    call(tell_.on_server_down, server, why);
  }
  void on_message(const std::string& server, const wire::server_message& message,
                  const identity::peer*) override {
    network_.on_message(server, message);
    const auto* event = std::get_if<wire::event>(&message);
    if (event != nullptr && event->what.about == wire::topic::statistics) {
      on_statistics(event->what.body);
    }
  }
  void on_replaced(const std::string&) override {
    end_waiters(asio::error::connection_aborted);
    call(tell_.on_replaced);
  }

  /// The same comes from each event server.
  void on_statistics(const std::string& body) {
    if (auto figures = wire::decode_statistics(body)) {
      auto& known = figures_heard_[figures->id.text()];
      if (std::exchange(known, figures->json) != figures->json) {
        call(tell_.on_statistics, figures->id.text(), figures->json);
      }
    }
  }

  // ---- members

  void on_synced(const model::view& all) override {
    for (const auto& [id, m] : all.members) {
      members_.emplace(id.text(), to_public(m));
    }
    call(tell_.on_synced);
    end_those_whose_time_has_come();
  }
  void on_gone(const model::member& last, std::optional<model::withdrawal> why) override {
    changes_.push_back(
        [this, last = to_public(last), why = to_public(why)] { call(tell_.on_gone, last, why); });
    members_.erase(last.what.id.text());
    figures_heard_.erase(last.what.id.text());
  }
  void on_changed(const model::member& before, const model::member& now) override {
    const auto& shown = members_[now.what.id.text()] = to_public(now);
    changes_.push_back(
        [this, before = to_public(before), &shown] { call(tell_.on_changed, before, shown); });
  }
  void on_joined(const model::member& now) override {
    const auto& shown = members_[now.what.id.text()] = to_public(now);
    changes_.push_back([this, &shown] { call(tell_.on_joined, shown); });
  }
  /// Told at the end, so that members() is whole from the first call on.
  void on_settled(const model::view&) override {
    for (const auto& tell : std::exchange(changes_, {})) {
      tell();
    }
    call(tell_.on_settled);
    end_those_whose_time_has_come();
  }

  template <class... Arguments, class... Given>
  static void call(const std::function<void(Arguments...)>& which, const Given&... given) {
    if (which) {
      which(given...);
    }
  }

  asio::io_context& io_;
  callbacks tell_;
  credentials who_;
  std::shared_ptr<spdlog::logger> log_;
  client::client client_;
  client::network network_;
  runtime::deadline_timer look_;
  std::map<std::string, member> members_;
  std::vector<std::function<void()>> changes_; ///< of the status that is being told
  std::map<std::string, std::string> figures_heard_;
  std::optional<presence> presence_; ///< as announced, but for the drain
  bool draining_ = false;
  std::string figures_; ///< ours, as sent last
  std::map<std::uint64_t, waiter> waiters_;
  std::uint64_t waiters_made_ = 0;
  std::shared_ptr<impl*> alive_ = std::make_shared<impl*>(this); ///< for what is posted
};

overlay::overlay(asio::io_context& io, options how, callbacks tell)
    : impl_(std::make_shared<impl>(io, how, std::move(tell))) {}
overlay::~overlay() = default;

const std::string& overlay::id() const {
  return impl_->self().id.text();
}
const std::string& overlay::domain() const {
  return impl_->self().domain;
}
const std::set<std::string>& overlay::roles() const {
  return impl_->self().roles;
}
bool overlay::synced() const {
  return impl_->synced();
}
const std::map<std::string, member>& overlay::members() const {
  return impl_->members();
}
std::vector<const member*> overlay::lookup(std::string_view role, std::string_view key,
                                           std::size_t count, placement what_for) const {
  return impl_->lookup(role, key, count, what_for);
}
std::vector<std::string> overlay::servers() const {
  return impl_->servers();
}

void overlay::announce(presence what) {
  impl_->announce(std::move(what));
}
void overlay::drain() {
  impl_->drain(true);
}
void overlay::undrain() {
  impl_->drain(false);
}
bool overlay::draining() const {
  return impl_->draining();
}
void overlay::publish_statistics(std::string_view json) {
  impl_->publish_statistics(json);
}

asio::io_context::executor_type overlay::executor() const {
  return impl_->io().get_executor();
}
std::uint64_t overlay::next_waiter() {
  return impl_->next_waiter();
}
void overlay::wait(event what, std::uint64_t number, detail::completion done) {
  impl_->wait(what, number, std::move(done));
}
void overlay::cancel(const std::weak_ptr<impl>& self, std::uint64_t number) {
  if (const auto alive = self.lock()) {
    alive->cancel(number);
  }
}
void overlay::leave(std::chrono::milliseconds hold, detail::completion done) {
  impl_->leave(hold, std::move(done));
}

} // namespace thor
