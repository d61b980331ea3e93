#include "coordinator/health/check.hpp"

#include <algorithm>

namespace thor::health {

std::string_view to_string(health_state state) {
  switch (state) {
  case health_state::unknown:
    return "unknown";
  case health_state::unseen:
    return "unseen";
  case health_state::up:
    return "up";
  case health_state::down:
    return "down";
  }
  return "unknown";
}

void check::on_event(model::time_point now, const input& what, std::vector<effect>& out) {
  const auto probe = std::visit([](const auto& ended) { return ended.probe; }, what);
  if (!probing_ || probe != probes_)
    return;
  const auto* failure = std::get_if<failed>(&what);
  end_probe(now, failure == nullptr ? "" : failure->why.empty() ? "failed" : failure->why, out);
}

void check::on_deadline(model::time_point now, std::vector<effect>& out) {
  if (probing_ && now >= begun_at_ + how_.timeout) {
    out.emplace_back(give_up{probes_});
    if (now >= begun_at_ + how_.timeout + stall_min) {
      probing_ = false; // whether there was an answer in time nobody can tell any more
      next_at_ = now;
    } else {
      end_probe(now, "no answer within " + std::to_string(how_.timeout.count()) + " ms", out);
    }
  }
  if (!probing_ && now >= next_at_) {
    if (probes_ == 0)
      grace_ends_at_ = now + how_.start_grace;
    begun_at_ = now;
    next_at_ = now + how_.interval;
    probing_ = true;
    out.emplace_back(begin_probe{++probes_});
  }
}

model::time_point check::next_deadline() const {
  return probing_ ? begun_at_ + how_.timeout : next_at_;
}

void check::end_probe(model::time_point now, std::string trouble, std::vector<effect>& out) {
  probing_ = false;
  judged_ = true;
  trouble_ = std::move(trouble);
  if (trouble_.empty())
    on_success(out);
  else
    on_failure(now, out);
}

void check::on_success(std::vector<effect>& out) {
  if (state_ == health_state::up) {
    against_ = 0;
    return;
  }
  if (state_ == health_state::down && ++against_ < how_.rise)
    return;
  against_ = 0;
  state_ = health_state::up;
  out.emplace_back(went_up{});
}

void check::on_failure(model::time_point now, std::vector<effect>& out) {
  switch (state_) {
  case health_state::down:
    against_ = 0;
    return;
  case health_state::unseen:
    return;
  case health_state::unknown:
    if (now < grace_ends_at_)
      return;
    break;
  case health_state::up:
    if (++against_ < how_.fall) {
      next_at_ = std::min(next_at_, now + how_.confirm);
      return;
    }
    break;
  }
  against_ = 0;
  state_ = health_state::down;
  out.emplace_back(went_down{trouble_});
}

} // namespace thor::health
