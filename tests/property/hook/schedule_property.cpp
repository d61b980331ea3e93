// Whatever happens in whatever order: a hook that succeeds in the end knows the network as it is,
// there is never more than one run, and what the runs that succeeded told adds up to what is there.
#include "coordinator/hook/schedule.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace thor::hook {
namespace {

using namespace std::chrono_literals;

constexpr unsigned nodes = 5;

model::presence presence_of(unsigned which, unsigned variant) {
  const auto octet = static_cast<std::uint8_t>(variant + 1);
  return {.id = model::node_id::parse("n" + std::to_string(which)).value(),
          .at = {1, variant + 1},
          .addresses = {model::ip_address::v4({192, 0, 2, octet})},
          .roles = {{variant % 2 == 0 ? "sip_proxy" : "media_relay", {}}},
          .site = {},
          .software = {},
          .attributes = {}};
}

/// A hook that believes what it is told, as a script that keeps a list does.
struct script {
  std::map<model::node_id, model::presence> known;

  void take(const run& what) {
    if (what.why == cause::start)
      known.clear();
    for (const auto& one : what.gone)
      RC_ASSERT(known.erase(one.last.what.id) == 1U);
    for (const auto& id : what.added)
      RC_ASSERT(known.emplace(id, what.members.at(id).what).second);
    for (const auto& id : what.changed)
      known.at(id) = what.members.at(id).what;
  }
};

class Story {
 public:
  explicit Story(settings how)
      : how_(how)
      , subject_(std::move(how)) {}

  void step() {
    switch (*rc::gen::inRange(0, 4)) {
    case 0:
      return change();
    case 1:
      return wait(std::chrono::milliseconds(*rc::gen::inRange(0, 3000)));
    case 2:
      return end(*rc::gen::element(outcome::taken, outcome::failed, outcome::refused));
    default:
      return end(outcome::taken);
    }
  }

  void finish() {
    // A refusal waits for a change: this is one.
    subject_.on_status(now_, view_);
    for (int i = 0; i < 10; ++i) {
      end(outcome::taken);
      wait(2min);
    }
    RC_ASSERT(!subject_.behind());
    RC_ASSERT(subject_.next_deadline() == model::never);
    std::map<model::node_id, model::presence> there;
    for (const auto& [id, m] : view_.members)
      if (how_.roles.empty() || how_.roles.contains(m.what.roles.begin()->first))
        there.emplace(id, m.what);
    RC_ASSERT(script_.known == there);
  }

 private:
  void change() {
    const auto p = presence_of(*rc::gen::inRange(0U, nodes), *rc::gen::inRange(0U, 4U));
    if (*rc::gen::inRange(0, 3) == 0) {
      subject_.on_gone(p.id, model::withdrawal::closed);
      view_.members.erase(p.id);
    } else {
      view_.members.insert_or_assign(p.id, model::member{p, {}});
    }
    ++view_.where.sequence;
    subject_.on_status(now_, view_);
  }

  void wait(model::duration how_long) {
    const auto until = now_ + how_long;
    while (subject_.next_deadline() <= until) {
      now_ = std::max(now_, subject_.next_deadline());
      if (auto started = subject_.on_deadline(now_, view_)) {
        RC_ASSERT(!under_way_);
        RC_ASSERT(started->number == ++runs_);
        under_way_ = std::move(started);
      }
    }
    now_ = until;
  }

  void end(outcome how) {
    if (!under_way_)
      return;
    if (how == outcome::taken)
      script_.take(*under_way_);
    under_way_.reset();
    subject_.on_done(now_, how);
  }

  settings how_;
  schedule subject_;
  model::view view_{.known = true, .where = {{1, "m1"}, 1}, .serial = 1, .members = {}};
  model::time_point now_{1h};
  std::optional<run> under_way_;
  std::uint64_t runs_ = 0;
  script script_;
};

RC_GTEST_PROP(hook_schedule, tells_all_of_it_in_the_end, ()) {
  const auto roles = *rc::gen::element(std::set<std::string>{}, std::set<std::string>{"sip_proxy"});
  Story story(settings{.roles = roles, .ignored_attributes = {}});
  const auto steps = *rc::gen::inRange(0, 60);
  for (int i = 0; i < steps; ++i)
    story.step();
  story.finish();
}

} // namespace
} // namespace thor::hook
