#include "coordinator/hook/schedule.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace thor::hook {

std::string_view to_string(cause why) {
  switch (why) {
  case cause::start:
    return "start";
  case cause::change:
    return "change";
  case cause::retry:
    return "retry";
  }
  return "unknown";
}

void schedule::on_status(model::time_point now, const model::view& all) {
  if (!told_ && !how_.on_start && runs_ == 0) {
    told_ = seen_of(all.members);
    return;
  }
  if (change_at_ == model::never)
    change_at_ = now + how_.debounce;
}

void schedule::on_gone(const model::node_id& id, std::optional<model::withdrawal> why) {
  if (why && (reasons_.size() < reasons_max || reasons_.contains(id)))
    reasons_.insert_or_assign(id, *why);
  else
    reasons_.erase(id);
}

void schedule::on_done(model::time_point now, outcome how) {
  if (!running_)
    return;
  auto told = *std::exchange(running_, std::nullopt);
  if (how == outcome::taken) {
    failures_ = 0;
    std::erase_if(reasons_, [&](const auto& reason) { return !told.contains(reason.first); });
    told_ = std::move(told);
    return;
  }
  const auto doublings = std::min(failures_++, 16U);
  if (how == outcome::failed)
    retry_at_ = now + std::min(retry_first * (1U << doublings), retry_max);
}

std::optional<run> schedule::on_deadline(model::time_point now, const model::view& all) {
  if (now < next_deadline())
    return std::nullopt;
  const bool again = retry_at_ <= now;
  change_at_ = model::never;
  run out;
  out.where = all.where;
  out.serial = all.serial;
  out.members = seen_of(all.members);
  std::erase_if(reasons_, [&](const auto& reason) { return all.members.contains(reason.first); });
  add_difference(out);
  const bool same = out.added.empty() && out.changed.empty() && out.gone.empty();
  if (same && told_ && failures_ == 0)
    return std::nullopt;
  retry_at_ = model::never;
  out.why = !told_ ? cause::start : again ? cause::retry : cause::change;
  out.number = ++runs_;
  running_ = out.members;
  return out;
}

model::time_point schedule::next_deadline() const {
  return running_ ? model::never : std::min(change_at_, retry_at_);
}

bool schedule::behind() const {
  return running_ || failures_ > 0 || change_at_ != model::never;
}

bool schedule::sees(const model::member& m) const {
  return how_.roles.empty() || std::ranges::any_of(m.what.roles, [this](const auto& role) {
           return how_.roles.contains(role.first);
         });
}

model::member_map schedule::seen_of(const model::member_map& all) const {
  model::member_map out;
  std::ranges::copy_if(all, std::inserter(out, out.end()),
                       [this](const auto& one) { return sees(one.second); });
  return out;
}

/// The version does not count: a process that started again and says the same is the same.
bool schedule::looks_the_same(const model::presence& a, const model::presence& b) const {
  const auto comparable = [this](model::presence p) {
    p.at = {};
    std::erase_if(p.attributes,
                  [this](const auto& one) { return how_.ignored_attributes.contains(one.first); });
    std::erase_if(p.roles, [this](const auto& role) {
      return !how_.roles.empty() && !how_.roles.contains(role.first);
    });
    return p;
  };
  return comparable(a) == comparable(b);
}

void schedule::add_difference(run& into) const {
  static const model::member_map nobody;
  const auto& before = told_ ? *told_ : nobody;
  for (const auto& [id, m] : into.members) {
    const auto found = before.find(id);
    if (found == before.end())
      into.added.push_back(id);
    else if (!looks_the_same(found->second.what, m.what))
      into.changed.push_back(id);
  }
  for (const auto& [id, m] : before) {
    if (into.members.contains(id))
      continue;
    const auto why = reasons_.find(id);
    into.gone.push_back({m, why == reasons_.end() ? std::nullopt : std::optional(why->second)});
  }
}

} // namespace thor::hook
