#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/loop.hpp"

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>

#include <csignal>

namespace thor::runtime {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

TEST(DeadlineTimer, IsDueOnceAndNotBefore) {
  asio::io_context io;
  int calls = 0;
  const auto wanted = monotonic_now() + 2ms;
  deadline_timer timer(io, [&](model::time_point now) {
    ++calls;
    EXPECT_GE(now, wanted);
  });
  timer.arm(wanted);
  io.run();
  EXPECT_EQ(calls, 1);
}

TEST(DeadlineTimer, ATimeThatHasPassedIsDueFromTheLoopNotFromArm) {
  asio::io_context io;
  int calls = 0;
  deadline_timer timer(io, [&](model::time_point) { ++calls; });
  timer.arm(monotonic_now() - 1h);
  EXPECT_EQ(calls, 0);
  io.run();
  EXPECT_EQ(calls, 1);
}

TEST(DeadlineTimer, ALaterTimeReplacesAnEarlierOne) {
  asio::io_context io;
  const auto later = monotonic_now() + 20ms;
  std::vector<model::time_point> calls;
  deadline_timer timer(io, [&](model::time_point now) { calls.push_back(now); });
  timer.arm(later - 19ms);
  timer.arm(later);
  io.run();
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_GE(calls[0], later);
}

TEST(DeadlineTimer, AnEarlierTimeReplacesALaterOne) {
  asio::io_context io;
  int calls = 0;
  deadline_timer timer(io, [&](model::time_point) {
    ++calls;
    io.stop();
  });
  timer.arm(monotonic_now() + 1h);
  timer.arm(monotonic_now());
  io.run();
  EXPECT_EQ(calls, 1);
}

TEST(DeadlineTimer, NeverDisarms) {
  asio::io_context io;
  deadline_timer timer(io, [](model::time_point) { FAIL() << "was disarmed"; });
  timer.arm(monotonic_now());
  timer.arm(model::never);
  io.run();
}

TEST(DeadlineTimer, MayArmItselfAgain) {
  asio::io_context io;
  int calls = 0;
  deadline_timer* again = nullptr;
  deadline_timer timer(io, [&](model::time_point now) {
    if (++calls < 3) {
      again->arm(now);
    }
  });
  again = &timer;
  timer.arm(monotonic_now());
  io.run();
  EXPECT_EQ(calls, 3);
}

TEST(DeadlineTimer, IsNotCalledAfterItsEnd) {
  asio::io_context io;
  auto timer = std::make_unique<deadline_timer>(io, [](model::time_point) { FAIL(); });
  timer->arm(monotonic_now());
  timer.reset();
  io.run();
}

TEST(SignalWatch, TermStopsOnceAndHangupReloads) {
  asio::io_context io;
  int stops = 0;
  int reloads = 0;
  const signal_watch signals(
      io, [&] { ++stops, io.stop(); }, [&] { ++reloads, std::raise(SIGTERM); });
  asio::post(io, [] { std::raise(SIGHUP); });
  io.run();
  EXPECT_EQ(reloads, 1);
  EXPECT_EQ(stops, 1);
}

TEST(SignalWatchDeath, ASecondTermEndsAStopThatHangs) {
  EXPECT_EXIT(
      {
        asio::io_context io;
        const signal_watch signals(io, [] { std::raise(SIGTERM); }, [] {});
        asio::post(io, [] { std::raise(SIGTERM); });
        io.run();
      },
      testing::ExitedWithCode(1), "");
}

TEST(Clock, Runs) {
  const auto before = monotonic_now();
  EXPECT_GE(monotonic_now(), before);
  EXPECT_GT(unix_now(), model::unix_time(std::chrono::sys_days(std::chrono::year(2024) / 1 / 1)));
}

} // namespace
} // namespace thor::runtime
