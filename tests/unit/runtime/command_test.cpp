#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/command.hpp"
#include "coordinator/runtime/loop.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/steady_timer.hpp>
#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sstream>

namespace thor::runtime {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using testing::HasSubstr;

constexpr auto long_enough = 60s;

command_line shell(std::string script, std::string input = {}) {
  return {.argv = {"/bin/sh", "-c", std::move(script)},
          .input = std::move(input),
          .timeout = long_enough,
          .grace = 0s};
}

command_result run(command_line what) {
  asio::io_context io;
  std::optional<command_result> got;
  command subject(io, std::move(what), [&](const command_result& r) {
    EXPECT_FALSE(got);
    got = r;
  });
  EXPECT_FALSE(got);
  io.run();
  return got.value();
}

std::string words_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::stringstream all;
  all << in.rdbuf();
  return all.str();
}

/// Runs the loop until `holds`, which other processes bring about.
template <class Condition>
void run_until(asio::io_context& io, Condition holds) {
  asio::steady_timer tick(io);
  while (!holds()) {
    tick.expires_after(1ms);
    tick.async_wait([](auto) {});
    io.restart();
    io.run_one();
  }
}

bool is_gone(pid_t pid) {
  return ::kill(pid, 0) != 0 && errno == ESRCH;
}

/// Ended, though perhaps still in the table of whoever inherited it.
bool is_dead(pid_t pid) {
  const auto stat = words_of("/proc/" + std::to_string(pid) + "/stat");
  return stat.empty() || stat.find(") Z") != std::string::npos;
}

TEST(Command, GivesWhatItWroteAndHowItEnded) {
  const auto r = run(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(r.how, command_end::exited);
  EXPECT_EQ(r.code, 3);
  EXPECT_EQ(r.output, "out\n");
  EXPECT_EQ(r.errors, "err\n");
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.text(), "exit code 3");
  EXPECT_TRUE(run(shell("exit 0")).ok());
}

TEST(Command, ReadsMoreInputThanAPipeHolds) {
  const std::string input(1U << 20, 'x');
  EXPECT_EQ(run(shell("wc -c", input)).output, std::to_string(input.size()) + "\n");
}

TEST(Command, NeedNotReadItsInput) {
  EXPECT_TRUE(run(shell("exec <&-; echo done", std::string(1U << 20, 'x'))).ok());
}

TEST(Command, HasAnEmptyInputWhenThereIsNoText) {
  EXPECT_EQ(run(shell("cat; readlink /proc/self/fd/0")).output, "/dev/null\n");
}

TEST(Command, IsNotHeldUpByMoreOutputThanIsKept) {
  const auto r = run(shell("head -c 1000000 /dev/zero; head -c 10 /dev/zero >&2"));
  EXPECT_TRUE(r.ok());
  EXPECT_TRUE(r.cut);
  EXPECT_EQ(r.output.size(), command_output_octets_max);
  EXPECT_EQ(r.errors.size(), 10U);
}

TEST(Command, ThatDoesNotExistSaysWhy) {
  const auto r = run({.argv = {"/nonexistent/program"}, .input = {}, .timeout = 1s});
  EXPECT_EQ(r.how, command_end::not_started);
  EXPECT_EQ(r.text(), "cannot be run: No such file or directory");
}

TEST(Command, ThatCrashesTellsTheSignal) {
  const auto r = run(shell("kill -SEGV $$"));
  EXPECT_EQ(r.how, command_end::signalled);
  EXPECT_EQ(r.code, SIGSEGV);
  EXPECT_EQ(r.text(), "killed by signal 11");
}

TEST(Command, IsKilledWithItsChildrenWhenItsTimeIsOver) {
  support::temporary_directory directory;
  const auto file = (directory.path() / "pids").string();
  auto what = shell("sleep 1000 & echo $! $$ > " + file + "; wait");
  what.timeout = 300ms;
  const auto r = run(what);
  EXPECT_EQ(r.how, command_end::timed_out);
  EXPECT_EQ(r.text(), "was not done in time");
  pid_t child = 0;
  pid_t leader = 0;
  std::istringstream(words_of(file)) >> child >> leader;
  ASSERT_GT(child, 0);
  EXPECT_TRUE(is_gone(leader));
  asio::io_context io;
  run_until(io, [&] { return is_dead(child); });
}

TEST(Command, MayEndInOrderWithinItsGrace) {
  auto what = shell("trap 'echo bye; exit 0' TERM; sleep 1000 & wait");
  what.timeout = 300ms;
  what.grace = long_enough;
  const auto r = run(what);
  EXPECT_EQ(r.how, command_end::timed_out);
  EXPECT_EQ(r.output, "bye\n");
}

TEST(Command, ThatIgnoresItsEndIsKilledAfterTheGrace) {
  auto what = shell("trap '' TERM; while :; do sleep 1000; done");
  what.timeout = 50ms;
  what.grace = 50ms;
  EXPECT_EQ(run(what).how, command_end::timed_out);
}

TEST(Command, LeavesNothingOfItsGroupBehind) {
  const auto r = run(shell("sleep 1000 >/dev/null 2>&1 & echo $!"));
  EXPECT_TRUE(r.ok());
  const auto child = static_cast<pid_t>(std::stol(r.output));
  asio::io_context io;
  run_until(io, [&] { return is_dead(child); });
}

TEST(Command, IsDoneThoughAProcessThatLeftItsGroupHoldsItsOutput) {
  const auto r = run(shell("setsid sleep 1000 & echo $!"));
  EXPECT_TRUE(r.ok());
  ::kill(static_cast<pid_t>(std::stol(r.output)), SIGKILL);
}

TEST(Command, DestroyedIsKilledReapedAndSilent) {
  support::temporary_directory directory;
  const auto file = directory.path() / "pid";
  asio::io_context io;
  std::optional<command> subject;
  subject.emplace(io, shell("echo $$ > " + file.string() + "; exec sleep 1000"),
                  [](const command_result&) { FAIL() << "told of a command that was dropped"; });
  run_until(io, [&] { return words_of(file).ends_with('\n'); });
  subject.reset();
  io.restart();
  io.run();
  EXPECT_TRUE(is_gone(static_cast<pid_t>(std::stol(words_of(file)))));
}

TEST(Command, MayBeDestroyedByItsOwnHandler) {
  asio::io_context io;
  std::optional<command> subject;
  subject.emplace(io, shell("exit 0"), [&](const command_result& r) {
    EXPECT_TRUE(r.ok());
    subject.reset();
  });
  io.run();
  EXPECT_FALSE(subject);
}

TEST(Command, InheritsNoDescriptorAndIgnoresNoSignal) {
  const int open_here = ::open("/dev/zero", O_RDONLY); // NOLINT: without O_CLOEXEC on purpose
  ASSERT_GT(open_here, 2);
  const auto r = run(shell("ls /proc/$$/fd; pwd; sed -n 's/^SigIgn:\t//p' /proc/$$/status"));
  ::close(open_here);
  ASSERT_THAT(r.output, testing::StartsWith("0\n1\n2\n/\n"));
  const auto ignored = std::stoull(r.output.substr(8), nullptr, 16);
  EXPECT_EQ(ignored & 0x7fffffffU, 0U); // above are the two that the C library keeps for itself
}

TEST(Command, DoesNotSpeakToOurServiceManager) {
  ::setenv("NOTIFY_SOCKET", "/run/systemd/notify", 1);
  ::setenv("OF_THE_OPERATOR", "kept", 1);
  const auto r = run(shell("env"));
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("OF_THE_OPERATOR");
  EXPECT_THAT(r.output, HasSubstr("OF_THE_OPERATOR=kept\n"));
  EXPECT_THAT(r.output, testing::Not(HasSubstr("NOTIFY_SOCKET")));
}

TEST(Command, LeavesNoDescriptorsAndNoZombies) {
  const auto count_descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto before = count_descriptors();
  for (int i = 0; i < 20; ++i) {
    run(shell("cat", "text"));
  }
  EXPECT_EQ(count_descriptors(), before);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(CommandLine, IsChecked) {
  EXPECT_TRUE(check_argv({"/usr/bin/true"}));
  EXPECT_TRUE(check_argv({"systemctl", "is-active", "kamailio"}));
  EXPECT_THAT(check_argv({}).error(), HasSubstr("names no program"));
  EXPECT_THAT(check_argv({""}).error(), HasSubstr("names no program"));
  EXPECT_THAT(check_argv({"bin/x"}).error(), HasSubstr("absolute path"));
  EXPECT_THAT(check_argv({"x", std::string("a\0b", 3)}).error(), HasSubstr("NUL"));
  EXPECT_THAT(check_argv(std::vector<std::string>(command_words_max + 1, "x")).error(),
              HasSubstr("more than 64 words"));
  EXPECT_THAT(check_argv({"x", std::string(command_word_octets_max + 1, 'x')}).error(),
              HasSubstr("4096 octets"));
}

} // namespace
} // namespace thor::runtime
