#include "coordinator/statistics/book.hpp"

#include <algorithm>
#include <utility>

namespace thor::statistics {

namespace json = boost::json;

namespace {

/// A member whose clock is ahead took its figures now.
model::unix_time taken_at(const book::entry& of, const std::string& name) {
  const auto said = of.what.taken.find(name);
  return said == of.what.taken.end() ? of.heard : std::min(said->second, of.heard);
}

/// When the last of its figures were taken.
model::unix_time latest(const book::entry& of) {
  if (of.what.taken.empty())
    return of.heard;
  const auto newest =
      std::ranges::max_element(of.what.taken, {}, [](const auto& one) { return one.second; });
  return std::min(newest->second, of.heard);
}

void add(sections& into, const sections& what) {
  for (const auto& [section, numbers] : what)
    for (const auto& [domain, number] : numbers)
      into[section][domain] += number;
}

} // namespace

book::verdict book::hear(const wire::statistics& what, model::unix_time now) {
  const auto known = entries_.find(what.id);
  const bool is_known = known != entries_.end();
  if (is_known && what.at != model::version{} && what.at <= known->second.what.at)
    return verdict::known;
  const auto before = is_known ? known->second.what.json.size() : 0;
  if (octets_ - before + what.json.size() > octets_max ||
      (!is_known && entries_.size() >= members_max))
    return verdict::full;
  octets_ = octets_ - before + what.json.size();
  entries_.insert_or_assign(what.id, entry{what, now});
  return verdict::kept;
}

void book::forget(const model::node_id& id) {
  if (const auto found = entries_.find(id); found != entries_.end())
    drop(found);
}

std::size_t book::expire(model::unix_time now) {
  const auto before = entries_.size();
  for (auto each = entries_.begin(); each != entries_.end();) {
    const auto one = each++;
    if (latest(one->second) + kept_max < now)
      drop(one);
  }
  return before - entries_.size();
}

void book::drop(std::map<model::node_id, entry>::iterator which) {
  octets_ -= which->second.what.json.size();
  entries_.erase(which);
}

std::map<std::string, group> book::of(const model::node_id& id, model::unix_time now) const {
  std::map<std::string, group> out;
  const auto found = entries_.find(id);
  if (found == entries_.end())
    return out;
  for (auto& [name, figures] : named_figures(found->second.what.json)) {
    const auto age = std::max(now - taken_at(found->second, name), std::chrono::seconds{0});
    if (age > kept_max)
      continue;
    auto numbers = numbers_of(figures);
    out.emplace(name, group{std::move(figures), std::move(numbers), age});
  }
  return out;
}

sums sums_of(const book& all, const model::member_map& members, model::unix_time now) {
  sums out;
  for (const auto& [id, m] : members)
    for (const auto& [name, what] : all.of(id, now))
      if (m.what.roles.contains(name))
        for (const auto& [section, numbers] : what.numbers)
          out[name][section] += sum_of(numbers);
  return out;
}

json::object member_statistics(const book& all, const model::node_id& id, model::unix_time now) {
  json::object out;
  for (auto& [name, what] : all.of(id, now))
    out[name] = json::object{{"age_s", what.age.count()}, {"figures", std::move(what.figures)}};
  return out;
}

json::object network_statistics(const book& all, const model::member_map& members,
                                model::unix_time now) {
  std::map<std::string, std::map<std::string, sections>> by_address;
  for (const auto& [id, m] : members)
    for (const auto& [name, what] : all.of(id, now))
      if (!what.numbers.empty())
        add(by_address[m.what.addresses.front().text()][name], what.numbers);
  json::object out;
  for (const auto& [address, names] : by_address) {
    auto& here = out[address].emplace_object();
    for (const auto& [name, what] : names) {
      auto& shown = here[name].emplace_object();
      for (const auto& [section, numbers] : what)
        shown[section] = to_json(numbers);
    }
  }
  auto& summary = out["summary"].emplace_object();
  for (const auto& [role, what] : sums_of(all, members, now)) {
    auto& shown = summary[role].emplace_object();
    for (const auto& [section, sum] : what)
      shown[section] = to_json(sum);
  }
  return out;
}

} // namespace thor::statistics
