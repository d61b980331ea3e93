// Several managers and whatever can happen to them. Where they may lead, in the end exactly one
// does, and stays; and nobody leads with the same epoch twice.
#include "coordinator/election/election.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace thor::election {
namespace {

using namespace std::chrono_literals;

constexpr model::unix_time wall_start{std::chrono::seconds{1'750'000'000}};
constexpr auto step = 10ms;
/// From when on a manager that is not heard is late, and is gone, by the others' judgement.
constexpr auto late_after = 1500ms;
constexpr auto gone_after = 3000ms;

/// A manager: the machine, what of its network it sees, and whether its process runs.
struct node {
  std::string id;
  options how;
  election machine;
  std::size_t side = 0; ///< of a partition
  bool running = true;
  bool paused = false;
  std::map<std::string, model::time_point> seen{}; ///< the others, when last
  std::deque<std::pair<model::time_point, heard_status>> inbox{};
  model::time_point beat_at = model::never;
  model::epoch taken{}; ///< the last one that it led with

  [[nodiscard]] bool works() const { return running && !paused; }
};

class world {
 public:
  world(std::size_t managers, model::partition_rule rule)
      : rule_(rule) {
    for (std::size_t i = 1; i <= managers; ++i) {
      const options how{.id = "m" + std::to_string(i), .rule = rule};
      all.push_back({.id = how.id, .how = how, .machine = election(how)});
    }
  }

  std::vector<node> all;

  void run(model::duration time) {
    for (const auto end = now_ + time; now_ < end; now_ += step)
      for (auto& n : all)
        if (n.works())
          call(n);
  }

  /// With what it kept on its disk.
  void restart(node& n) {
    n.running = true;
    n.paused = false;
    n.how.kept = n.machine.epoch();
    n.machine = election(n.how);
    n.seen.clear();
    n.inbox.clear();
    n.beat_at = model::never;
  }

  [[nodiscard]] std::vector<const node*> leaders() const {
    std::vector<const node*> out;
    for (const auto& n : all)
      if (n.works() && n.machine.active())
        out.push_back(&n);
    return out;
  }
  [[nodiscard]] std::size_t on_side(std::size_t side) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(all, [&](const node& n) { return n.works() && n.side == side; }));
  }
  [[nodiscard]] const model::partition_rule& rule() const { return rule_; }

 private:
  void call(node& n) {
    std::vector<effect> out;
    while (!n.inbox.empty() && n.inbox.front().first <= now_) {
      n.machine.on_event(now_, wall(), n.inbox.front().second, out);
      n.inbox.pop_front();
    }
    n.machine.on_event(now_, wall(), look(n), out);
    for (const auto& e : out)
      if (const auto* lead = std::get_if<take_over>(&e))
        begin(n, lead->at);
    if (n.machine.active() && now_ >= n.beat_at)
      beat(n);
  }

  outlook look(node& n) {
    outlook out{.able = true, .rivals = {}};
    for (const auto& other : all) {
      if (other.id == n.id)
        continue;
      if (other.works() && other.side == n.side)
        n.seen[other.id] = now_;
      if (const auto seen = n.seen.find(other.id);
          seen != n.seen.end() && now_ < seen->second + gone_after)
        out.rivals[other.id] = {50, now_ < seen->second + late_after};
    }
    return out;
  }

  void begin(node& n, const model::epoch& at) {
    RC_ASSERT(n.taken < at);
    n.taken = at;
    n.beat_at = now_;
  }

  void beat(node& n) {
    n.beat_at = now_ + 1s;
    for (auto& other : all)
      if (other.running && other.side == n.side)
        other.inbox.emplace_back(now_ + 20ms, heard_status{n.machine.epoch()});
  }

  [[nodiscard]] model::unix_time wall() const {
    return wall_start + std::chrono::duration_cast<std::chrono::seconds>(now_.time_since_epoch());
  }

  model::partition_rule rule_;
  model::time_point now_{1h};
};

void happen(world& w) {
  auto& n = w.all[*rc::gen::inRange<std::size_t>(0, w.all.size())];
  switch (*rc::gen::inRange(0, 6)) {
  case 0:
    n.running = false;
    break;
  case 1:
    w.restart(n);
    break;
  case 2:
    n.paused = true;
    break;
  case 3:
    n.paused = false;
    break;
  case 4:
    n.side = *rc::gen::inRange<std::size_t>(0, 2);
    break;
  default:
    break;
  }
  w.run(std::chrono::milliseconds(*rc::gen::inRange(0, 8000)));
}

void play(world& w) {
  w.run(std::chrono::milliseconds(*rc::gen::inRange(0, 3000)));
  for (auto left = *rc::gen::inRange(0, 20); left > 0; --left)
    happen(w);
}

/// From now on nothing fails any more.
void heal(world& w) {
  for (auto& n : w.all) {
    n.side = 0;
    n.paused = false;
    if (!n.running)
      w.restart(n);
  }
  w.run(20s);
}

RC_GTEST_PROP(several_managers, end_with_exactly_one_that_leads, ()) {
  const auto policy =
      *rc::gen::element(model::partition_policy::available, model::partition_policy::majority);
  const auto managers = *rc::gen::inRange<std::size_t>(1, 6);
  world w(managers, {policy, managers});
  play(w);
  heal(w);
  RC_ASSERT(w.leaders().size() == 1U);
  const auto epoch = w.leaders().front()->machine.epoch();
  for (const auto& n : w.all)
    RC_ASSERT(n.machine.epoch() == epoch);
  w.run(60s);
  RC_ASSERT(w.leaders().size() == 1U);
  RC_ASSERT(w.leaders().front()->machine.epoch() == epoch);
}

RC_GTEST_PROP(several_managers, lead_where_they_may_and_nowhere_else, ()) {
  const auto policy =
      *rc::gen::element(model::partition_policy::available, model::partition_policy::majority);
  const auto managers = *rc::gen::inRange<std::size_t>(1, 6);
  world w(managers, {policy, managers});
  play(w);
  w.run(20s);
  for (std::size_t side = 0; side < 2; ++side) {
    const auto there = w.on_side(side);
    const auto leaders =
        std::ranges::count_if(w.leaders(), [&](const node* n) { return n->side == side; });
    RC_ASSERT(leaders == (there > 0 && w.rule().allows(there) ? 1 : 0));
  }
}

} // namespace
} // namespace thor::election
