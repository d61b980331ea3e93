#include "coordinator/runtime/command.hpp"

#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/loop.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string_view>
#include <system_error>
#include <utility>

namespace thor::runtime {
namespace {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;
using boost::system::error_code;

/// Read in one turn of the loop, so that a command that never stops writing leaves room for others.
constexpr int reads_per_turn_max = 16;
/// Read when the command has ended: what the pipe still holds (64 KiB), and not what a process that
/// left its group may go on writing.
constexpr int reads_at_the_end_max = 32;
constexpr std::size_t read_octets = 4096;

/// What our service manager told us, and no child of ours.
constexpr std::array<std::string_view, 6> private_variables{
    "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};

std::vector<char*> environment() {
  std::vector<char*> out;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view variable = *each;
    if (std::ranges::find(private_variables, variable.substr(0, variable.find('='))) ==
        private_variables.end()) {
      out.push_back(*each);
    }
  }
  out.push_back(nullptr);
  return out;
}

std::string system_reason(int number) {
  return std::generic_category().message(number);
}

/// glibc 2.36 declares pidfd_open(2) without C linkage.
int open_pidfd(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

/// The two ends of a pipe, closed by whoever still holds them.
struct pipe_ends {
  int reading = -1;
  int writing = -1;

  pipe_ends() = default;
  pipe_ends(const pipe_ends&) = delete;
  pipe_ends& operator=(const pipe_ends&) = delete;
  ~pipe_ends() {
    close_end(reading);
    close_end(writing);
  }

  bool open() {
    std::array<int, 2> both{};
    if (::pipe2(both.data(), O_CLOEXEC) != 0) {
      return false;
    }
    reading = both[0];
    writing = both[1];
    return true;
  }
  static void close_end(int& end) {
    if (end >= 0) {
      ::close(std::exchange(end, -1));
    }
  }
};

/// How the new process differs from this one.
class spawn_rules {
 public:
  spawn_rules() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                 POSIX_SPAWN_SETSIGDEF);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
  }
  ~spawn_rules() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  spawn_rules(const spawn_rules&) = delete;
  spawn_rules& operator=(const spawn_rules&) = delete;

  /// Returns 0, or the reason why there is no process.
  int spawn(pid_t& pid, const std::vector<std::string>& argv, int input, int output, int errors) {
    if (input >= 0) {
      ::posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    } else {
      ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, errors, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    ::posix_spawn_file_actions_addchdir_np(&actions_, "/");
    std::vector<char*> words;
    for (const auto& word : argv) {
      words.push_back(const_cast<char*>(word.c_str())); // NOLINT: POSIX promises not to write
    }
    words.push_back(nullptr);
    auto variables = environment();
    return ::posix_spawnp(&pid, words.front(), &actions_, &attributes_, words.data(),
                          variables.data());
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

} // namespace

struct command::state {
  struct stream {
    stream_descriptor from;
    std::string text;
  };

  asio::io_context& io;
  command_line what;
  handler done;
  command_result result;
  stream output;
  stream errors;
  stream_descriptor input;
  stream_descriptor process; ///< pidfd: readable when it ended
  deadline_timer deadline;
  pid_t pid = -1; ///< of the leader of the group until it is reaped, which keeps both numbers ours

  state(asio::io_context& on, command_line line, handler then)
      : io(on)
      , what(std::move(line))
      , done(std::move(then))
      , output{stream_descriptor(on), {}}
      , errors{stream_descriptor(on), {}}
      , input(on)
      , process(on)
      , deadline(on, [this](model::time_point) { give_up(); }) {}
  ~state() { signal_group(SIGKILL); }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  static void start(const std::shared_ptr<state>& self) {
    if (const int failure = self->spawn(); failure != 0) {
      self->result.why = system_reason(failure);
      asio::post(self->io, [self] { self->report(); });
      return;
    }
    self->deadline.arm(monotonic_now() + self->what.timeout);
    await_end(self);
    await_text(self, &state::output);
    await_text(self, &state::errors);
    if (self->input.is_open()) {
      asio::async_write(self->input, asio::buffer(self->what.input),
                        [self](error_code, std::size_t) { close(self->input); });
    }
  }

  int spawn() {
    std::signal(SIGPIPE, SIG_IGN);
    pipe_ends in;
    pipe_ends out;
    pipe_ends err;
    const bool wanted = !what.input.empty();
    if (!out.open() || !err.open() || (wanted && !in.open())) {
      return errno;
    }
    if (const int failure =
            spawn_rules().spawn(pid, what.argv, in.reading, out.writing, err.writing);
        failure != 0) {
      pid = -1;
      return failure;
    }
    const int watch = open_pidfd(pid);
    if (watch < 0) {
      const int failure = errno;
      signal_group(SIGKILL);
      reap();
      return failure;
    }
    process.assign(watch);
    take(output.from, out.reading);
    take(errors.from, err.reading);
    if (wanted) {
      take(input, in.writing);
    }
    return 0;
  }

  static void take(stream_descriptor& into, int& end) {
    into.assign(std::exchange(end, -1));
    into.native_non_blocking(true);
  }
  static void close(stream_descriptor& what) {
    error_code ignored;
    what.close(ignored);
  }

  void signal_group(int signal) const {
    if (pid > 0) {
      ::kill(-pid, signal);
    }
  }

  void reap() {
    siginfo_t how{};
    if (::waitid(P_PID, static_cast<id_t>(pid), &how, WEXITED) == 0 &&
        result.how != command_end::timed_out) {
      result.how = how.si_code == CLD_EXITED ? command_end::exited : command_end::signalled;
      result.code = how.si_status;
    }
    pid = -1;
  }

  // ---- its output

  static void await_text(const std::shared_ptr<state>& self, stream state::* which) {
    ((*self).*which)
        .from.async_wait(stream_descriptor::wait_read, [self, which](error_code failure) {
          if (!failure && self->read(self.get()->*which, reads_per_turn_max)) {
            await_text(self, which);
          }
        });
  }

  /// Returns whether more may come.
  bool read(stream& into, int times) {
    std::array<char, read_octets> chunk{};
    for (; times > 0 && into.from.is_open(); --times) {
      const auto count = ::read(into.from.native_handle(), chunk.data(), chunk.size());
      if (count == 0) {
        return false;
      }
      if (count < 0) {
        return errno == EAGAIN || errno == EINTR;
      }
      const auto got = static_cast<std::size_t>(count);
      const auto kept = std::min(got, command_output_octets_max - into.text.size());
      into.text.append(chunk.data(), kept);
      result.cut = result.cut || kept < got;
    }
    return into.from.is_open();
  }

  // ---- its end

  static void await_end(const std::shared_ptr<state>& self) {
    self->process.async_wait(stream_descriptor::wait_read, [self](error_code failure) {
      if (!failure) {
        self->end();
      }
    });
  }

  void end() {
    signal_group(SIGKILL); // before the leader is reaped: its number cannot be another's yet
    reap();
    report();
  }

  void give_up() {
    if (result.how == command_end::timed_out || what.grace == what.grace.zero()) {
      result.how = command_end::timed_out;
      signal_group(SIGKILL);
      report(); // a process that even this does not end now is reaped whenever it does
      return;
    }
    result.how = command_end::timed_out;
    signal_group(SIGTERM);
    deadline.arm(monotonic_now() + what.grace);
  }

  void report() {
    deadline.arm(model::never);
    for (auto* stream : {&output, &errors}) {
      read(*stream, reads_at_the_end_max);
      close(stream->from);
    }
    close(input);
    result.output = std::move(output.text);
    result.errors = std::move(errors.text);
    if (const auto then = std::exchange(done, nullptr)) {
      then(result);
    }
  }

  void abandon() {
    done = nullptr;
    signal_group(SIGKILL);
    deadline.arm(model::never);
    for (auto* each : {&output.from, &errors.from, &input}) {
      close(*each);
    }
  }
};

command::command(asio::io_context& io, command_line what, handler done)
    : state_(std::make_shared<state>(io, std::move(what), std::move(done))) {
  state::start(state_);
}

command::~command() {
  state_->abandon();
}

std::string command_result::text() const {
  switch (how) {
  case command_end::exited:
    return fmt::format("exit code {}", code);
  case command_end::signalled:
    return fmt::format("killed by signal {}", code);
  case command_end::timed_out:
    return "was not done in time";
  case command_end::not_started:
    break;
  }
  return "cannot be run: " + why;
}

std::expected<void, std::string> check_argv(const std::vector<std::string>& argv) {
  if (argv.empty() || argv.front().empty()) {
    return std::unexpected("names no program, such as [\"/usr/bin/program\", \"argument\"]");
  }
  if (argv.front().contains('/') && !argv.front().starts_with('/')) {
    return std::unexpected("must name its program by an absolute path, or by a name in PATH");
  }
  if (argv.size() > command_words_max) {
    return std::unexpected(fmt::format("has more than {} words", command_words_max));
  }
  for (const auto& word : argv) {
    if (word.size() > command_word_octets_max || word.contains('\0')) {
      return std::unexpected(
          fmt::format("has a word of more than {} octets, or with a NUL", command_word_octets_max));
    }
  }
  return {};
}

} // namespace thor::runtime
