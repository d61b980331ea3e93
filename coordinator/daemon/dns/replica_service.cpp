#include "coordinator/daemon/dns/replica_service.hpp"

#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/endpoint.hpp"

#include <boost/asio/post.hpp>
#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <random>
#include <stdexcept>
#include <utility>
#include <variant>

namespace thor::dns {

namespace {

/// Lines of one kind in the log: one in this time.
constexpr std::chrono::seconds repeated_line_interval{10};

constexpr runtime::ws_protocol spoken{.subprotocol = wire::copy_subprotocol,
                                      .who = "name server of Thor"};

/// The machine as the database and the configuration have it, and the database as the machine
/// has it.
replica settle(runtime::service& host, const replica_settings& how, disk& databases) {
  const auto& self = host.credentials().self().id;
  const auto remembered = databases.standing();
  auto claim = claim_at_start(remembered.claim, how.writer.empty() ? self.text() : how.writer);
  if (claim.writer == self.text())
    databases.lead(claim);
  else
    databases.follow(claim);
  spdlog::info("the operator's data are written by {}{}", claim.writer,
               claim.term == 0 ? "" : fmt::format(" (promoted, term {})", claim.term));
  return {self, std::move(claim), remembered.copied, std::random_device{}()};
}

// ---- what the disk thread does

std::string trouble_of(const std::expected<void, store::error>& done) {
  return done ? "" : done.error().detail;
}

/// A copy as frames, made once for all followers.
struct copy_to_send {
  std::optional<model::data_state> state; ///< nothing when it could not be read
  std::vector<runtime::ws_server::frame> frames;
  std::string trouble;
};

copy_to_send read(store::operator_store& from, const model::writer_claim& of) {
  auto copy = from.read_copy();
  if (!copy)
    return {std::nullopt, {}, copy.error().detail};
  std::vector<runtime::ws_server::frame> frames;
  for (auto& part : copy->parts)
    frames.push_back(
        std::make_shared<const std::string>(wire::encode(wire::copy_rows{std::move(part)})));
  frames.push_back(std::make_shared<const std::string>(
      wire::encode(wire::copy_end{of, copy->state, std::move(copy->takeovers)})));
  return {copy->state, std::move(frames), ""};
}

copy_outcome take(store::operator_store& from, const model::operator_copy& copy) {
  const auto taken = from.apply_copy(copy, runtime::unix_now());
  if (taken)
    return {copy_outcome::kind::taken, copy.state, "", taken->string()};
  const bool differs = taken.error().code == store::errc::differs;
  return {differs ? copy_outcome::kind::differs : copy_outcome::kind::failed,
          {},
          taken.error().detail,
          ""};
}

} // namespace

replica_service::replica_service(runtime::service& host, const replica_settings& how,
                                 disk& databases, callbacks told)
    : host_(host)
    , disk_(databases)
    , told_(std::move(told))
    , machine_(settle(host, how, databases))
    , lines_(repeated_line_interval)
    , deadline_(host.io(),
                [this](model::time_point now) {
                  feed([&](auto& out) { machine_.on_deadline(now, out); });
                })
    , look_(host.io(), [this](model::time_point now) { look_at_peers(now); })
    , recheck_(host.io(), [this](model::time_point) { recheck(); }) {
  if (!how.listen.empty()) {
    server_.emplace(host.io(), host.credentials(),
                    static_cast<runtime::ws_server::observer&>(*this), spoken);
    server_->listen(how.listen);
    for (const auto& at : server_->listening())
      spdlog::info("followers may copy the operator's data at {}", runtime::to_text(at));
  }
}

replica_service::~replica_service() {
  for (const auto& [number, link] : connections_) {
    link->disown();
    link->close_now("the program ends");
  }
}

void replica_service::start() {
  look_at_peers(runtime::monotonic_now());
  recheck();
}

void replica_service::stop(std::function<void()> done) {
  stopping_ = true;
  for (const auto& [number, link] : connections_)
    link->close_when_sent();
  if (server_)
    server_->stop(std::move(done));
  else
    boost::asio::post(host_.io(), std::move(done));
}

std::uint16_t replica_service::port() const {
  return server_ ? server_->listening().front().port() : std::uint16_t{0};
}

// ---- inputs

template <class Step>
void replica_service::feed(Step step) {
  if (stopping_)
    return; // it would connect again
  replica::effects effects;
  step(effects);
  perform(effects);
}

void replica_service::on_data(const model::data_state& state) {
  feed([&](auto& out) { machine_.on_data(runtime::monotonic_now(), state, out); });
}

void replica_service::look_at_peers(model::time_point now) {
  const auto peers = peers_among(told_.members(), host_.credentials().self().id);
  feed([&](auto& out) { machine_.on_peers(now, peers, out); });
  look_.arm(now + peer_look_interval);
}

std::expected<boost::json::object, std::string> replica_service::promote() {
  std::expected<void, std::string> begun;
  feed([&](auto& out) { begun = machine_.promote(runtime::monotonic_now(), out); });
  if (!begun)
    return std::unexpected(begun.error());
  return boost::json::object{{"promoting", host_.credentials().self().id.text()},
                             {"instead_of", machine_.claim().writer}};
}

void replica_service::recheck() {
  const auto now = runtime::unix_now();
  if (server_)
    for (const auto& [which, why] : server_->barred(now)) {
      refuse("a follower", std::string(identity::to_string(why.code)), why.detail);
      server_->close(which, wire::close_code::revoked, why.detail);
    }
  for (const auto& [number, link] : connections_)
    if (const auto* writer = link->server())
      if (const auto still = host_.credentials().recheck(*writer, now); !still)
        link->close_now("its certificate is not accepted any more: " + still.error().detail);
  recheck_.arm(runtime::monotonic_now() + copy_recheck_interval);
}

// ---- followers

void replica_service::on_session(runtime::ws_server::session_id which, const identity::peer& who,
                                 const model::ip_address& from) {
  if (const auto allowed = identity::check_dns_manager(who); !allowed) {
    refuse(from.text(), std::string(identity::to_string(allowed.error().code)),
           allowed.error().detail);
    return server_->close(which, wire::close_code::unauthorised, allowed.error().detail);
  }
  spdlog::info("{} at {} follows", who.id.text(), from.text());
  feed([&](auto& out) { machine_.on_session(runtime::monotonic_now(), which, who.id, out); });
}

void replica_service::on_frame(runtime::ws_server::session_id which, std::string text) {
  const auto message = wire::decode_copy(text);
  const auto* request = message ? std::get_if<wire::copy_request>(&*message) : nullptr;
  if (request == nullptr) {
    server_->close(which, wire::close_code::protocol_error,
                   message ? "only follow is expected" : message.error().detail);
    return machine_.on_session_end(which);
  }
  feed([&](auto& out) { machine_.on_request(runtime::monotonic_now(), which, *request, out); });
}

void replica_service::on_closed(runtime::ws_server::session_id which,
                                const runtime::ws_server::outcome& why) {
  spdlog::debug("follower connection {} ended: {}: {}", which, why.word, why.detail);
  machine_.on_session_end(which);
  show();
}

void replica_service::on_refused(const model::ip_address& from,
                                 const runtime::ws_server::outcome& why) {
  refuse(from.text(), std::string(why.word), why.detail);
}

void replica_service::on_accept_error(const std::string& what) {
  told_.alarm("operator_accept", "cannot accept a connection of a follower: " + what);
}

void replica_service::refuse(const std::string& from, const std::string& reason,
                             const std::string& detail) {
  host_.counters()
      .counter("thor_operator_refused_total",
               "Connections to copy the operator's data that were not accepted, by reason.",
               {{"reason", reason}})
      .Increment();
  if (lines_.pass(reason + from, runtime::monotonic_now()))
    spdlog::warn("{} may not copy the operator's data, {}: {}", from, reason, detail);
}

// ---- the writer

void replica_service::on_opened(std::uint64_t number, const identity::peer& server,
                                const model::ip_address& /*local*/) {
  feed([&](auto& out) { machine_.on_connected(runtime::monotonic_now(), number, server.id, out); });
}

void replica_service::on_frame(std::uint64_t number, std::string_view text) {
  auto message = wire::decode_copy(text);
  if (!message)
    return connections_.at(number)->close_now("it says what cannot be read: " +
                                              message.error().detail);
  feed([&](auto& out) {
    machine_.on_message(runtime::monotonic_now(), number, *std::move(message), out);
  });
}

void replica_service::on_closed(std::uint64_t number, std::uint16_t /*code*/,
                                const std::string& why) {
  connections_.erase(number);
  feed([&](auto& out) { machine_.on_disconnected(runtime::monotonic_now(), number, why, out); });
}

// ---- effects

void replica_service::perform(replica::effects& effects) {
  for (auto& one : effects)
    std::visit([this](auto& which) { act(which); }, one);
  deadline_.arm(machine_.next_deadline());
  show();
}

void replica_service::act(replica::connect& e) {
  connections_.emplace(
      e.to, client::connection::open(host_.io(), host_.credentials(),
                                     {runtime::to_asio(e.address), e.port}, e.to, *this,
                                     {wire::copy_subprotocol, identity::check_dns_manager}));
}

void replica_service::act(replica::disconnect& e) {
  if (const auto found = connections_.find(e.from); found != connections_.end())
    found->second->close_now(e.why);
}

void replica_service::act(replica::ask& e) {
  if (const auto found = connections_.find(e.whom); found != connections_.end())
    found->second->send(std::make_shared<const std::string>(wire::encode(e.what)));
}

void replica_service::act(replica::answer& e) {
  server_->send(e.whom, std::make_shared<const std::string>(wire::encode(e.what)), false);
}

/// Not held to the bounds of a queue: the follower gets the next one when it has answered.
void replica_service::act(replica::send_copy& e) {
  for (const auto& text : copy_)
    server_->send(e.to, text, true);
}

void replica_service::act(replica::end_session& e) {
  server_->close(e.which, wire::close_code::going_away, e.why);
}

/// Runs `work` on the disk thread and `done` with its result here. The work must not refer to us:
/// we may be gone before the disk is.
template <class Work, class Done>
void replica_service::on_disk(Work work, Done done) {
  disk_.do_with_operator_data([&io = host_.io(), work = std::move(work),
                               done = std::move(done)](store::operator_store& data) {
    boost::asio::post(io, [done, result = work(data)]() mutable { done(std::move(result)); });
  });
}

void replica_service::act(replica::read_copy&) {
  on_disk(
      [of = machine_.claim()](store::operator_store& from) { return read(from, of); },
      [this](copy_to_send copy) {
        if (!copy.state)
          told_.alarm("operator_copy",
                      "followers get no copy of the operator's data: " + copy.trouble);
        copy_ = std::move(copy.frames);
        feed([&](auto& out) { machine_.on_copy_read(runtime::monotonic_now(), copy.state, out); });
        copy_.clear();
      });
}

void replica_service::act(replica::take_copy& e) {
  on_disk([copy = std::move(e.what)](store::operator_store& into) { return take(into, copy); },
          [this](const copy_outcome& outcome) {
            const bool taken = outcome.what == copy_outcome::kind::taken;
            host_.counters()
                .counter("thor_operator_copies_total", "Copies of the operator's data, by result.",
                         {{"result", taken ? "taken" : "refused"}})
                .Increment();
            feed(
                [&](auto& out) { machine_.on_copy_taken(runtime::monotonic_now(), outcome, out); });
          });
}

void replica_service::act(replica::become_follower& e) {
  on_disk([claim = e.of](store::operator_store& data) { return trouble_of(data.follow(claim)); },
          [this](const std::string& trouble) {
            if (!trouble.empty())
              told_.alarm("disk", "that another one writes is not remembered: " + trouble);
          });
}

void replica_service::act(replica::become_writer& e) {
  on_disk(
      [claim = e.as](store::operator_store& data) { return trouble_of(data.lead(claim)); },
      [this, claim = e.as](const std::string& trouble) {
        feed([&](auto& out) { machine_.on_writer(runtime::monotonic_now(), claim, trouble, out); });
      });
}

void replica_service::act(replica::tell_claim&) {
  told_.claim_changed();
}

void replica_service::act(note& e) {
  if (e.alarm)
    return told_.alarm(std::string(e.word), e.text);
  if (const auto held_back = lines_.pass(e.text, runtime::monotonic_now()))
    spdlog::info("{}", e.text);
}

// ---- what people see

void replica_service::show() {
  auto& counters = host_.counters();
  const auto data = machine_.data().value_or(model::data_state{});
  counters.gauge("thor_operator_revision", "Revision of the operator's data.")
      .Set(static_cast<double>(data.revision));
  counters
      .gauge("thor_operator_follower",
             "1 while the operator's data are a copy of another name server's.")
      .Set(machine_.writes() ? 0 : 1);
  counters
      .gauge("thor_operator_in_step",
             "1 while the operator's data are known to be those of their writer.")
      .Set(machine_.writes() || machine_.in_step_since() ? 1 : 0);
  counters
      .gauge("thor_operator_digest_mismatch",
             "1 while the last copy, or our own data, differ from those of the writer.")
      .Set(machine_.differs() ? 1 : 0);
  if (std::exchange(told_state_, machine_.data()) != machine_.data())
    told_.data_changed();
}

boost::json::object replica_service::describe() const {
  boost::json::object out{{"writer", machine_.claim().writer},
                          {"term", machine_.claim().term},
                          {"follows", !machine_.writes()}};
  if (const auto& data = machine_.data()) {
    out["revision"] = data->revision;
    out["digest"] = fmt::format("{:016x}", data->digest);
  }
  if (machine_.writes()) {
    boost::json::array followers;
    for (const auto& [which, one] : machine_.followers())
      followers.emplace_back(boost::json::object{
          {"id", one.id.text()}, {"in_step", one.has && one.has == machine_.data()}});
    out["followers"] = std::move(followers);
    return out;
  }
  out["in_step"] = machine_.in_step_since().has_value();
  if (const auto since = machine_.in_step_since()) {
    const auto ago = std::chrono::floor<std::chrono::seconds>(runtime::monotonic_now() - *since);
    out["in_step_since"] = (runtime::unix_now() - ago).time_since_epoch().count();
  } else if (!machine_.trouble().empty()) {
    out["trouble"] = machine_.trouble();
  }
  return out;
}

} // namespace thor::dns
