#include "coordinator/client/network.hpp"

#include "coordinator/lookup/key.hpp"
#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/metrics.hpp"
#include "coordinator/wire/codec.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace thor::client {
namespace {

/// The same complaint is logged once in this time.
constexpr std::chrono::seconds log_interval{60};

void pass_on(member_observer& who, const model::view& all, const model::status_note& note) {
  if (std::holds_alternative<model::status_began>(note)) {
    who.on_synced(all);
  } else if (const auto* gone = std::get_if<model::member_gone>(&note)) {
    who.on_gone(gone->last, gone->why);
  } else if (const auto* changed = std::get_if<model::member_changed>(&note)) {
    who.on_changed(changed->before, changed->now);
  } else if (const auto* joined = std::get_if<model::member_joined>(&note)) {
    who.on_joined(joined->now);
  } else {
    who.on_settled(all);
  }
}

} // namespace

network::network(client& link, runtime::metrics* counters, std::shared_ptr<spdlog::logger> log)
    : link_(link)
    , counters_(counters)
    , log_(std::move(log))
    , limiter_(log_interval) {}

void network::on_server_up(const std::string& server) {
  follower_.on_server_down(server); // what it retains comes first
}

void network::on_server_down(const std::string& server) {
  follower_.on_server_down(server);
}

void network::on_message(const std::string& server, const wire::server_message& message) {
  if (const auto* event = std::get_if<wire::event>(&message)) {
    if (event->what.about == wire::topic::members) {
      on_status(server, event->what.body);
    }
  } else if (const auto* end = std::get_if<wire::synced>(&message)) {
    if (end->about == wire::topic::members) {
      std::vector<model::status_note> notes;
      follower_.on_synced(server, notes);
      perform(notes);
    }
  }
}

void network::on_status(const std::string& server, const std::string& body) {
  const auto status = wire::decode_status(body);
  if (!status) {
    count_refused("malformed");
    log_often(fmt::format("event server {} passed on a network status that cannot be read: {}",
                          server, status.error().detail));
    return;
  }
  std::vector<model::status_note> notes;
  const auto verdict = follower_.on_status(server, *status, runtime::unix_now(), notes);
  rings_are_of_view_ = rings_are_of_view_ && verdict != model::verdict::applied;
  switch (verdict) {
  case model::verdict::gap:
    link_.resubscribe(server);
    break;
  case model::verdict::far_future:
    count_refused("far_future");
    log_often(fmt::format("manager {} is refused: its epoch is more than an hour ahead of the "
                          "clock here; look at both clocks",
                          model::position_of(*status).at.manager));
    break;
  case model::verdict::stale:
    count_refused("stale");
    break;
  case model::verdict::applied:
  case model::verdict::current:
    break;
  }
  perform(notes);
}

const thor::lookup::rings& network::rings() const {
  if (!std::exchange(rings_are_of_view_, true)) {
    rings_ = thor::lookup::rings(view().members);
  }
  return rings_;
}

std::vector<const model::member*> network::lookup(std::string_view role, std::string_view key,
                                                  std::size_t count,
                                                  thor::lookup::placement what_for) const {
  std::vector<const model::member*> out;
  for (const auto id : rings().of(role).order(thor::lookup::key_hash(key), count, what_for)) {
    out.push_back(&view().members.at(*model::node_id::parse(id)));
  }
  return out;
}

void network::perform(const std::vector<model::status_note>& notes) {
  for (const auto& note : notes) {
    for (auto* who : observers_) {
      pass_on(*who, view(), note);
    }
  }
}

void network::count_refused(const std::string& reason) {
  if (counters_ != nullptr) {
    counters_
        ->counter("thor_client_refused_statuses_total",
                  "Network statuses that were not taken: older than what is known, from a manager "
                  "whose clock is wrong, or unreadable",
                  {{"reason", reason}})
        .Increment();
  }
}

void network::log_often(const std::string& text) {
  if (const auto held_back = limiter_.pass(text, runtime::monotonic_now())) {
    const auto more = *held_back == 0 ? "" : fmt::format(" ({} more like this)", *held_back);
    auto& log = log_ ? *log_ : *spdlog::default_logger_raw();
    log.warn("{}{}", text, more);
  }
}

} // namespace thor::client
