#include "coordinator/runtime/log.hpp"

#include <gmock/gmock.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace thor::runtime {
namespace {

using namespace std::chrono_literals;
using testing::MatchesRegex;

std::string line_of(log_level level, const std::function<void()>& say) {
  testing::internal::CaptureStderr();
  start_log(level);
  say();
  return testing::internal::GetCapturedStderr();
}

TEST(Log, HasTimeAndLevelOnATerminal) {
  ::unsetenv("JOURNAL_STREAM");
  EXPECT_THAT(line_of(log_level::info, [] { spdlog::warn("low on {}", "luck"); }),
              MatchesRegex("20..-..-..T..:..:..\\....Z warn  low on luck\n"));
}

TEST(Log, HasAPriorityUnderJournald) {
  testing::internal::CaptureStderr();
  struct stat ours{};
  ASSERT_EQ(::fstat(STDERR_FILENO, &ours), 0);
  ::setenv("JOURNAL_STREAM",
           (std::to_string(ours.st_dev) + ":" + std::to_string(ours.st_ino)).c_str(), 1);
  start_log(log_level::info);
  spdlog::error("bad");
  spdlog::info("good");
  ::unsetenv("JOURNAL_STREAM");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "<3>bad\n<6>good\n");
}

TEST(Log, AJournalOfSomebodyElseDoesNotCount) {
  ::setenv("JOURNAL_STREAM", "1:1", 1);
  EXPECT_THAT(line_of(log_level::info, [] { spdlog::info("x"); }), MatchesRegex("20.* info  x\n"));
  ::unsetenv("JOURNAL_STREAM");
}

TEST(Log, KeepsToItsLevel) {
  EXPECT_EQ(line_of(log_level::warn, [] { spdlog::info("chatter"); }), "");
  EXPECT_NE(line_of(log_level::debug, [] { spdlog::debug("detail"); }), "");
}

TEST(Log, AMessageIsOneLineWhateverAPeerSent) {
  const auto line =
      line_of(log_level::info, [] { spdlog::info("name \"{}\"", "x\n<0>forged\x1b[2J"); });
  EXPECT_THAT(line, MatchesRegex(".* name \"x\\\\x0a<0>forged\\\\x1b\\[2J\"\n"));
}

TEST(EscapeControls, LeavesTextAlone) {
  EXPECT_EQ(escape_controls("Zürich: 5 €, \\ \"quoted\""), "Zürich: 5 €, \\ \"quoted\"");
  EXPECT_EQ(escape_controls(std::string("\0\t\x7f", 3)), "\\x00\\x09\\x7f");
  EXPECT_EQ(escape_controls("a\xc2\x9b"
                            "2Jb"),
            "a\\x9b2Jb")
      << "C1 controls drive terminals, too";
}

TEST(LogLimiter, LetsOneThroughAndCountsTheRest) {
  log_limiter limiter(60s);
  model::time_point now{1h};
  EXPECT_EQ(limiter.pass("a", now), 0U);
  EXPECT_EQ(limiter.pass("a", now + 1s), std::nullopt);
  EXPECT_EQ(limiter.pass("a", now + 59s), std::nullopt);
  EXPECT_EQ(limiter.pass("b", now + 59s), 0U) << "another line";
  EXPECT_EQ(limiter.pass("a", now + 60s), 2U);
  EXPECT_EQ(limiter.pass("a", now + 120s), 0U);
}

TEST(LogLimiter, IsBoundedAndForgetsTheOldestFirst) {
  log_limiter limiter(1h);
  model::time_point now{1h};
  for (std::size_t i = 0; i <= log_limiter::keys_max; ++i) {
    EXPECT_EQ(limiter.pass("key " + std::to_string(i), now + std::chrono::milliseconds(i)), 0U);
  }
  EXPECT_EQ(limiter.pass("key 0", now + 10s), 0U) << "forgotten";
  EXPECT_EQ(limiter.pass("key " + std::to_string(log_limiter::keys_max), now + 10s), std::nullopt);
}

} // namespace
} // namespace thor::runtime
