#include "coordinator/statistics/collector.hpp"

#include "coordinator/wire/codec.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

namespace thor::statistics {

namespace json = boost::json;

namespace {

/// Unix times have at most this many digits (thor.v1: integers up to 2^53 - 1), and so has the
/// sequence: room for them is kept free.
constexpr std::uint64_t longest_number = (std::uint64_t{1} << 53U) - 1;

} // namespace

void collector::configure(model::time_point now, std::vector<source> sources) {
  std::vector<asked> before = std::exchange(sources_, {});
  for (auto& what : sources)
    sources_.push_back({std::move(what), now});
  const auto dropped = std::erase_if(figures_, [&](const auto& one) {
    const bool was =
        std::ranges::any_of(before, [&](const auto& each) { return each.what.name == one.first; });
    return was && !is_source(one.first);
  });
  if (dropped > 0)
    publish_soon(now);
}

bool collector::is_source(std::string_view name) const {
  return std::ranges::any_of(sources_, [&](const auto& each) { return each.what.name == name; });
}

// ---- what is handed in

std::expected<void, std::string> collector::on_answer(model::time_point now, model::unix_time wall,
                                                      std::size_t which, std::string_view text) {
  done(now, which);
  return take(now, wall, sources_[which].what.name, text);
}

void collector::on_failure(model::time_point now, std::size_t which) {
  done(now, which);
}

std::expected<void, std::string> collector::on_hand_in(model::time_point now, model::unix_time wall,
                                                       const std::string& name,
                                                       std::string_view text) {
  if (!is_name(name))
    return std::unexpected("\"" + name + "\" is no name for figures: a role or a word such as " +
                           "sip_proxy, but not " + std::string(reserved_name));
  if (is_source(name))
    return std::unexpected(name + " comes from a source of the configuration");
  return take(now, wall, name, text);
}

std::expected<void, std::string> collector::take(model::time_point now, model::unix_time wall,
                                                 const std::string& name, std::string_view text) {
  auto figures = parse_figures(text);
  if (!figures)
    return std::unexpected("no figures: " + figures.error());
  if (figures->empty()) {
    if (figures_.erase(name) > 0)
      publish_soon(now);
    return {};
  }
  auto with_it = figures_;
  with_it.insert_or_assign(name, taken{*std::move(figures), wall, now + kept_max});
  if (with_it.size() > names_max)
    return std::unexpected("there are figures of " + std::to_string(names_max) + " names already");
  const auto body = body_of(with_it, longest_number);
  if (body.size() > wire::statistics_octets_max)
    return std::unexpected("too long: all figures of a node are " +
                           std::to_string(wire::statistics_octets_max) +
                           " octets at most, with these they are " + std::to_string(body.size()));
  if (const auto readable = wire::decode_statistics(body); !readable)
    return std::unexpected("no figures: " + readable.error().detail);
  figures_ = std::move(with_it);
  publish_soon(now);
  return {};
}

void collector::done(model::time_point now, std::size_t which) {
  auto& one = sources_[which];
  one.under_way = false;
  one.next_at = std::max(one.next_at, now);
}

// ---- time

void collector::publish_soon(model::time_point now) {
  const auto earliest = published_at_ == model::time_point::min()
                            ? now
                            : std::max(now, published_at_ + publish_spacing);
  publish_at_ = std::min(publish_at_, earliest);
}

void collector::on_deadline(model::time_point now, std::vector<effect>& out) {
  for (std::size_t which = 0; which < sources_.size(); ++which) {
    auto& one = sources_[which];
    if (one.under_way || now < one.next_at)
      continue;
    one.under_way = true;
    one.next_at = now + one.what.interval;
    out.emplace_back(ask{which});
  }
  if (std::erase_if(figures_, [&](const auto& one) { return one.second.dropped_at <= now; }) > 0)
    publish_soon(now);
  if (now < publish_at_)
    return;
  publish_at_ = model::never;
  published_at_ = now;
  body_ = body_of(figures_, ++sequence_);
  out.emplace_back(publish{});
}

model::time_point collector::next_deadline() const {
  auto next = publish_at_;
  for (const auto& one : sources_)
    if (!one.under_way)
      next = std::min(next, one.next_at);
  for (const auto& [name, one] : figures_)
    next = std::min(next, one.dropped_at);
  return next;
}

// ---- what is said

std::string collector::body_of(const all_figures& what, std::uint64_t sequence) const {
  wire::statistics out{.id = id_, .json = {}, .at = {incarnation_, sequence}};
  json::object all;
  for (const auto& [name, one] : what) {
    out.taken.emplace(name, one.at);
    all.emplace(name, one.figures);
  }
  out.json = json::serialize(all);
  return wire::encode_body(out);
}

json::object collector::describe() const {
  json::object out;
  for (const auto& [name, one] : figures_)
    out[name] =
        json::object{{"taken", one.at.time_since_epoch().count()}, {"figures", one.figures}};
  return out;
}

} // namespace thor::statistics
