// A simulated service that dies, hangs or loses single answers at any moment, under any timing: how
// soon the check notices, and that it never does without cause.
#include "coordinator/health/check.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>

namespace thor::health {
namespace {

using std::chrono::milliseconds;

struct course {
  check_settings how;
  milliseconds answer_after{1}; ///< of a probe
};

rc::Gen<course> any_course() {
  return rc::gen::exec([] {
    course out;
    out.how.interval = milliseconds(*rc::gen::inRange(10, 5000));
    out.how.timeout =
        milliseconds(*rc::gen::inRange(2, static_cast<int>(out.how.interval.count())));
    out.how.confirm =
        milliseconds(*rc::gen::inRange(0, static_cast<int>(out.how.interval.count()) + 1));
    out.how.fall = *rc::gen::inRange(1U, 6U);
    out.how.rise = *rc::gen::inRange(1U, 6U);
    out.answer_after =
        milliseconds(*rc::gen::inRange(0, static_cast<int>(out.how.timeout.count())));
    return out;
  });
}

/// Carries out a check until `end`, every probe being answered by `ask(when it began)`: nothing is
/// silence. Returns when it went down first.
template <class Ask>
std::optional<model::time_point> run(check& subject, const course& c, model::time_point begin,
                                     model::time_point end, Ask ask) {
  std::optional<model::time_point> down;
  std::optional<model::time_point> answer_at;
  std::uint64_t probe = 0;
  bool good = false;
  auto now = begin;
  while (now < end) {
    std::vector<effect> effects;
    if (answer_at && now >= *answer_at) {
      answer_at.reset();
      subject.on_event(now, good ? input(succeeded{probe}) : input(failed{probe, "refused"}),
                       effects);
    } else {
      subject.on_deadline(now, effects);
    }
    for (const auto& what : effects) {
      if (const auto* begun = std::get_if<begin_probe>(&what)) {
        probe = begun->probe;
        const std::optional<bool> answer = ask(now);
        good = answer.value_or(false);
        answer_at = answer ? std::optional(now + c.answer_after) : std::nullopt;
      } else if (std::holds_alternative<give_up>(what)) {
        answer_at.reset();
      } else if (std::holds_alternative<went_down>(what) && !down) {
        down = now;
      }
    }
    const auto next = std::min(subject.next_deadline(), answer_at.value_or(model::never));
    now = std::max(now, next);
  }
  return down;
}

const model::time_point start{std::chrono::hours(1)};

RC_GTEST_PROP(CheckProperty, NoticesADeathWithinTheIntervalAndARowOfQuickProbes, ()) {
  const auto c = *any_course();
  const auto dies_at = start + c.how.interval + milliseconds(*rc::gen::inRange(0, 20'000));
  check subject(c.how);
  const auto down = run(subject, c, start, dies_at + std::chrono::hours(1),
                        [&](auto now) { return std::optional(now < dies_at); });
  // A probe that began before the death still succeeds; the next one begins an interval later.
  const auto bound =
      c.how.interval + c.how.fall * c.answer_after + (c.how.fall - 1) * c.how.confirm;
  RC_ASSERT(down.has_value());
  RC_ASSERT(*down >= dies_at);
  RC_ASSERT(*down - dies_at <= bound);
}

RC_GTEST_PROP(CheckProperty, NoticesSilenceWithinTheIntervalAndARowOfTimeouts, ()) {
  const auto c = *any_course();
  const auto hangs_at = start + c.how.interval + milliseconds(*rc::gen::inRange(0, 20'000));
  check subject(c.how);
  const auto down = run(subject, c, start, hangs_at + std::chrono::hours(1), [&](auto now) {
    return now < hangs_at ? std::optional(true) : std::nullopt;
  });
  const auto bound = c.how.interval + c.how.fall * c.how.timeout + (c.how.fall - 1) * c.how.confirm;
  RC_ASSERT(down.has_value());
  RC_ASSERT(*down - hangs_at <= bound);
}

RC_GTEST_PROP(CheckProperty, SaysNothingOfFewerFailuresThanItCounts, ()) {
  auto c = *any_course();
  c.how.fall = std::max(c.how.fall, 2U);
  unsigned number = 0;
  check subject(c.how);
  // All but one in `fall` are lost.
  const auto down = run(subject, c, start, start + 200 * c.how.interval, [&](auto) {
    return number++ % c.how.fall == 0 ? std::optional(true) : std::optional(false);
  });
  RC_ASSERT(!down.has_value());
  RC_ASSERT(subject.state() == health_state::up);
}

} // namespace
} // namespace thor::health
