#include "coordinator/client/incarnation.hpp"
#include "coordinator/runtime/atomic_file.hpp"
#include "tests/support/temporary_directory.hpp"

#include <gmock/gmock.h>

namespace thor::client {
namespace {

using moment = std::chrono::sys_time<std::chrono::milliseconds>;
constexpr moment clock_ms{std::chrono::milliseconds(1'700'000'000'000)};

class Incarnation : public testing::Test {
 protected:
  support::temporary_directory directory_;
  std::filesystem::path file_ = directory_.path() / "state" / "thor-node.incarnation";
};

TEST_F(Incarnation, IsTheClockTheFirstTime) {
  EXPECT_EQ(take_incarnation(file_, clock_ms), 1'700'000'000'000U);
}

TEST_F(Incarnation, GrowsEvenWhenTheClockStandsStillOrGoesBack) {
  take_incarnation(file_, clock_ms);
  EXPECT_EQ(take_incarnation(file_, clock_ms), 1'700'000'000'001U);
  EXPECT_EQ(take_incarnation(file_, clock_ms - std::chrono::hours(24)), 1'700'000'000'002U);
  EXPECT_EQ(take_incarnation(file_, clock_ms + std::chrono::hours(1)), 1'700'003'600'000U);
}

TEST_F(Incarnation, AFileThatHoldsSomethingElseIsNotGuessedAt) {
  take_incarnation(file_, clock_ms);
  for (const std::string text : {"", "12", "x\n", "-1\n", "1 2\n", "9007199254740991\n"}) {
    ASSERT_TRUE(runtime::write_file_atomically(file_, text));
    EXPECT_THROW(take_incarnation(file_, clock_ms), std::runtime_error) << text;
  }
}

TEST_F(Incarnation, IsNotUsedWhenItCannotBeStored) {
  EXPECT_THROW(take_incarnation("/proc/thor/incarnation", clock_ms), std::runtime_error);
}

} // namespace
} // namespace thor::client
