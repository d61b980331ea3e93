#include "coordinator/election/election.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace thor::election {

std::string_view to_string(reason why) {
  switch (why) {
  case reason::no_incumbent:
    return "no_incumbent";
  case reason::own_epoch:
    return "own_epoch";
  case reason::incumbent_gone:
    return "incumbent_gone";
  case reason::incumbent_silent:
    return "incumbent_silent";
  case reason::higher_epoch:
    return "higher_epoch";
  case reason::majority_lost:
    return "majority_lost";
  case reason::replaced:
    return "replaced";
  }
  return "unknown";
}

std::string_view to_string(role r) {
  switch (r) {
  case role::starting:
    return "starting";
  case role::standby:
    return "standby";
  case role::minority:
    return "minority";
  case role::active:
    return "active";
  case role::retired:
    return "retired";
  }
  return "unknown";
}

void election::on_event(model::time_point now, model::unix_time wall, const input& in,
                        std::vector<effect>& out) {
  notice_call(now, wall, out);
  std::visit([&](const auto& i) { on(now, wall, i, out); }, in);
  decide(now, wall, out);
}

void election::on_deadline(model::time_point now, model::unix_time wall, std::vector<effect>& out) {
  notice_call(now, wall, out);
  decide(now, wall, out);
}

model::time_point election::next_deadline() const {
  if (retired_ || called_at_ == model::never)
    return model::never;
  return std::min(due_, called_at_ + tick);
}

role election::state() const {
  if (retired_)
    return role::retired;
  if (active_)
    return role::active;
  if (!seen_.able)
    return role::starting;
  return may_lead() ? role::standby : role::minority;
}

// ---- what each input does

void election::on(model::time_point now, model::unix_time, const outlook& in,
                  std::vector<effect>&) {
  if (in.able && !seen_.able)
    listening_from_ = now + return_max;
  if (seen_.rivals.contains(highest_.manager) && !in.rivals.contains(highest_.manager))
    gone_at_ = now;
  seen_ = in;
}

void election::on(model::time_point now, model::unix_time wall, const heard_status& in,
                  std::vector<effect>& out) {
  if (in.at < highest_)
    return;
  if (in.at > highest_) {
    if (model::is_far_future(in.at, wall)) {
      if (std::exchange(refused_, in.at) != in.at)
        out.emplace_back(refused_epoch{in.at});
      return;
    }
    highest_ = in.at;
    heard_at_ = gone_at_ = model::time_point::min();
    // While we watched somebody took over: our judge may be yet to hear that it lives.
    if (seen_.able)
      heard_at_ = now;
    if (active_)
      follow(reason::higher_epoch, out);
  }
  if (!in.retained)
    heard_at_ = now;
}

void election::on(model::time_point, model::unix_time, const retire&, std::vector<effect>& out) {
  retired_ = true;
  if (active_)
    follow(reason::replaced, out);
}

// ---- what follows

void election::notice_call(model::time_point now, model::unix_time wall, std::vector<effect>& out) {
  if (called_at_ == model::never) {
    if (model::is_far_future(how_.kept, wall))
      out.emplace_back(refused_epoch{how_.kept});
    else
      highest_ = how_.kept;
  } else if (now > called_at_ + pause_max && seen_.able) {
    listening_from_ = now;
  }
  called_at_ = now;
}

void election::decide(model::time_point now, model::unix_time wall, std::vector<effect>& out) {
  due_ = model::never;
  if (retired_)
    return;
  if (!may_lead()) {
    vacant_from_ = model::never;
    if (active_ || seen_.able)
      reunited_from_ = model::never;
    if (active_)
      follow(reason::majority_lost, out);
    return;
  }
  if (reunited_from_ == model::never)
    reunited_from_ = now + incumbent_silence_max;
  if (active_)
    return;
  if (!seen_.able) {
    vacant_from_ = model::never;
    return;
  }
  const auto why = vacancy(now);
  if (!why) {
    vacant_from_ = model::never;
    due_ = silent_from();
    return;
  }
  vacant_from_ = std::min(vacant_from_, now);
  due_ = *why == reason::own_epoch ? std::max(vacant_from_, reunited_from_)
                                   : vacant_from_ + managers_before_us() * succession_step;
  if (due_ <= now)
    lead(wall, *why, out);
}

void election::lead(model::unix_time wall, reason why, std::vector<effect>& out) {
  const auto clock = std::max<std::int64_t>(0, wall.time_since_epoch().count());
  highest_ = {std::max(highest_.counter + 1, static_cast<std::uint64_t>(clock)), how_.id};
  active_ = true;
  vacant_from_ = due_ = model::never;
  out.emplace_back(take_over{highest_, why});
}

void election::follow(reason why, std::vector<effect>& out) {
  active_ = false;
  out.emplace_back(step_down{why});
}

// ---- how things stand

/// We ourselves count only where others can hear us.
bool election::may_lead() const {
  const auto timely = static_cast<std::size_t>(
      std::ranges::count_if(seen_.rivals, [](const auto& r) { return r.second.timely; }));
  return how_.rule.allows(timely + (seen_.able ? 1 : 0));
}

std::optional<reason> election::vacancy(model::time_point now) const {
  if (highest_.counter == 0)
    return reason::no_incumbent;
  if (highest_.manager == how_.id)
    return reason::own_epoch;
  const bool silent = now >= silent_from();
  if (seen_.rivals.contains(highest_.manager))
    return silent ? std::optional(reason::incumbent_silent) : std::nullopt;
  // What it publishes shows that it lives, too.
  return silent || heard_at_ <= gone_at_ ? std::optional(reason::incumbent_gone) : std::nullopt;
}

model::time_point election::silent_from() const {
  return std::max(heard_at_, listening_from_) + incumbent_silence_max;
}

std::int64_t election::managers_before_us() const {
  const auto us = std::tie(how_.priority, how_.id);
  return std::ranges::count_if(seen_.rivals, [&](const auto& r) {
    return r.first != highest_.manager && std::tie(r.second.priority, r.first) < us;
  });
}

} // namespace thor::election
