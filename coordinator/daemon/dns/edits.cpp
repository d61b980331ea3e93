#include "coordinator/daemon/dns/edits.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <variant>

namespace thor::dns {

namespace {

/// Steps of an edit that its line in the log names.
constexpr std::size_t named_steps_max = 5;

constexpr std::array kinds{"records", "metadata", "dnssec_key", "tsig_key"};
constexpr std::array outcomes{"done", "refused", "failed"};

/// A word of PowerDNS's, fit for a line of a log.
std::string_view word(std::string_view text) {
  constexpr std::size_t octets_max = 64;
  const bool fits = text.size() <= octets_max && std::ranges::all_of(text, [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '.';
                    });
  return fits ? text : "?";
}

std::string describe_step(const zone::rrset_edit& step) {
  if (step.how == zone::rrset_edit::kind::add) {
    const auto type = step.records.empty() ? "nothing" : word(step.records.front().type);
    return fmt::format("{} {} added", step.owner.text(), type);
  }
  return fmt::format("{} {} {}", step.owner.text(), word(step.type),
                     step.records.empty() ? "removed" : "replaced");
}

std::string describe_steps(const zone::zone_edit& wanted) {
  std::string text;
  for (std::size_t i = 0; i < wanted.steps.size() && i < named_steps_max; ++i)
    text += (i == 0 ? "" : ", ") + describe_step(wanted.steps[i]);
  if (wanted.steps.size() > named_steps_max)
    text += fmt::format(", {} more", wanted.steps.size() - named_steps_max);
  return text;
}

std::string_view participle(zone::key_edit::action what) {
  using enum zone::key_edit::action;
  switch (what) {
  case remove:
    return "removed";
  case activate:
    return "activated";
  case deactivate:
    return "deactivated";
  case publish:
    return "published";
  case unpublish:
    return "unpublished";
  }
  return "changed";
}

} // namespace

edits::edits(boost::asio::io_context& io, disk& databases, runtime::metrics& counters,
             callbacks ask)
    : io_(io)
    , disk_(databases)
    , counters_(counters)
    , ask_(std::move(ask)) {
  for (const auto* kind : kinds)
    for (const auto* outcome : outcomes)
      count(kind, outcome, 0);
}

void edits::submit(zone::edit wanted, std::function<void(zone::edit_outcome)> told) {
  boost::asio::post(io_, [this, wanted = std::move(wanted), told = std::move(told)]() mutable {
    begin(std::move(wanted), std::move(told));
  });
}

void edits::begin(zone::edit wanted, teller told) {
  auto what = describe(wanted);
  if (waiting_ >= edits_waiting_max)
    return finish(what, {{.done = false, .key_id = 0, .notes = {"too many edits wait"}}, true},
                  told);
  ++waiting_;
  disk_.apply(std::move(wanted), std::make_shared<const zone_plan>(ask_.plan()),
              [this, what = std::move(what), told = std::move(told)](edit_result result) {
                --waiting_;
                finish(what, std::move(result), told);
              });
}

void edits::finish(const description& what, edit_result result, const teller& told) {
  auto& [outcome, failed] = result;
  count(what.kind, outcome.done ? "done" : failed ? "failed" : "refused", 1);
  if (outcome.done)
    spdlog::info("edit of {}{}", what.text,
                 outcome.key_id == 0 ? "" : fmt::format(": key {}", outcome.key_id));
  else
    spdlog::warn("edit of {} {}", what.text, failed ? "failed" : "refused");
  for (const auto& note : outcome.notes)
    spdlog::log(outcome.done ? spdlog::level::info : spdlog::level::warn, "edit of {}: {}",
                what.text, note);
  if (outcome.done && ask_.publication_pending())
    unpublished_.emplace_back(told, std::move(outcome));
  else
    told(std::move(outcome));
}

void edits::on_published() {
  for (auto& [told, outcome] : std::exchange(unpublished_, {}))
    told(std::move(outcome));
}

void edits::count(const std::string& kind, const std::string& outcome, double by) {
  counters_
      .counter("thor_dns_edits_total", "Edits of the operator's data through PowerDNS, by outcome.",
               {{"kind", kind}, {"outcome", outcome}})
      .Increment(by);
}

edits::description edits::describe(const zone::edit& wanted) {
  if (const auto* zone = std::get_if<zone::zone_edit>(&wanted))
    return {"records",
            zone->whole_zone
                ? fmt::format("{} as a whole, {} steps", zone->apex.text(), zone->steps.size())
                : fmt::format("{} ({})", zone->apex.text(), describe_steps(*zone))};
  if (const auto* metadata = std::get_if<zone::metadata_edit>(&wanted))
    return {"metadata", fmt::format("{} (metadata {}, {} values)", metadata->apex.text(),
                                    word(metadata->kind), metadata->values.size())};
  if (const auto* added = std::get_if<zone::key_addition>(&wanted))
    return {"dnssec_key",
            fmt::format("{} (key with flags {} added)", added->apex.text(), added->key.flags)};
  if (const auto* key = std::get_if<zone::key_edit>(&wanted))
    return {"dnssec_key",
            fmt::format("{} (key {} {})", key->apex.text(), key->id, participle(key->what))};
  const auto& tsig = std::get<zone::tsig_edit>(wanted);
  return {"tsig_key", fmt::format("TSIG key {} ({})", tsig.owner.text(),
                                  tsig.secret ? word(tsig.algorithm) : "removed")};
}

} // namespace thor::dns
