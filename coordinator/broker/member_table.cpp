#include "coordinator/broker/member_table.hpp"

#include <utility>

namespace thor::broker {

using wire::fact_state;

const record* member_table::find(const model::node_id& id) const {
  const auto found = records_.find(id);
  return found != records_.end() ? &found->second : nullptr;
}

bool member_table::has_room_for(const model::node_id& id) const {
  return records_.size() < members_max || records_.contains(id);
}

void member_table::wait_until(const model::node_id& id, record& r, model::time_point due) {
  if (r.due != model::never)
    due_.erase({r.due, id});
  r.due = due;
  if (due != model::never)
    due_.insert({due, id});
}

void member_table::present(const model::node_id& id, const model::version& at,
                           wire::signed_body what, session_id session, model::time_point now) {
  auto& r = records_[id];
  r.at = at;
  r.presence = std::move(what);
  r.leave.reset();
  r.session = session;
  r.state = fact_state::connected;
  r.since = now;
  wait_until(id, r, now + late_after);
}

void member_table::leave(const model::node_id& id, const model::version& at, frame what,
                         model::duration hold, model::time_point now) {
  auto& r = records_[id];
  r.at = at;
  r.presence.reset();
  r.leave = std::move(what);
  r.statistics.reset();
  r.session.reset();
  r.since = now;
  wait_until(id, r, now + ended_kept + hold);
}

void member_table::keep_statistics(const model::node_id& id, frame what) {
  records_.at(id).statistics = std::move(what);
}

bool member_table::heard(const model::node_id& id, model::time_point now) {
  auto& r = records_.at(id);
  const auto before = std::exchange(r.state, fact_state::connected);
  r.since = now;
  wait_until(id, r, now + late_after);
  return before == fact_state::late;
}

void member_table::rebind(const model::node_id& id, session_id session) {
  records_.at(id).session = session;
}

void member_table::end(const model::node_id& id, fact_state how, model::time_point now) {
  auto& r = records_.at(id);
  r.session.reset();
  r.state = how;
  r.since = now;
  wait_until(id, r, now + ended_kept);
}

void member_table::forgive(model::duration pause) {
  for (auto& [id, r] : records_) {
    if (!r.live())
      continue;
    r.since += pause;
    if (r.state == fact_state::connected)
      wait_until(id, r, r.since + late_after);
  }
}

std::vector<model::node_id> member_table::on_deadline(model::time_point now) {
  std::vector<model::node_id> late;
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto id = due_.begin()->second;
    auto& r = records_.at(id);
    wait_until(id, r, model::never);
    if (r.live()) {
      r.state = fact_state::late;
      late.push_back(id);
    } else {
      records_.erase(id);
    }
  }
  return late;
}

model::time_point member_table::next_deadline() const {
  return due_.empty() ? model::never : due_.begin()->first;
}

member_table::live_set member_table::live() const {
  live_set set;
  for (const auto& [id, r] : records_) {
    if (!r.live())
      continue;
    ++set.members;
    set.digest ^= model::digest_of(id, r.at);
  }
  return set;
}

} // namespace thor::broker
