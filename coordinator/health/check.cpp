#include "coordinator/health/check.hpp"

#include <algorithm>

namespace thor::health {

std::string_view to_string(health_state state) {
  switch (state) {
  case health_state::unknown:
    return "unknown";
  case health_state::up:
    return "up";
  case health_state::down:
    return "down";
  }
  return "unknown";
}

void check::on_event(model::time_point, const input& what, std::vector<effect>& out) {
  const auto probe = std::visit([](const auto& ended) { return ended.probe; }, what);
  if (!probing_ || probe != probes_)
    return;
  const auto* failure = std::get_if<failed>(&what);
  end_probe(failure == nullptr ? "" : failure->why.empty() ? "failed" : failure->why, out);
}

void check::on_deadline(model::time_point now, std::vector<effect>& out) {
  if (probing_ && now >= begun_at_ + how_.timeout) {
    out.emplace_back(give_up{probes_});
    end_probe("no answer within " + std::to_string(how_.timeout.count()) + " ms", out);
  }
  if (!probing_ && now >= next_at_) {
    begun_at_ = now;
    next_at_ = now + how_.interval;
    probing_ = true;
    out.emplace_back(begin_probe{++probes_});
  }
}

model::time_point check::next_deadline() const {
  return probing_ ? begun_at_ + how_.timeout : next_at_;
}

void check::end_probe(std::string trouble, std::vector<effect>& out) {
  probing_ = false;
  trouble_ = std::move(trouble);
  const auto seen = trouble_.empty() ? health_state::up : health_state::down;
  if (seen == state_) {
    against_ = 0;
    return;
  }
  const auto needed = state_ == health_state::unknown ? 1U
                      : seen == health_state::up      ? how_.rise
                                                      : how_.fall;
  if (++against_ < needed)
    return;
  against_ = 0;
  state_ = seen;
  if (seen == health_state::up)
    out.emplace_back(went_up{});
  else
    out.emplace_back(went_down{trouble_});
}

} // namespace thor::health
