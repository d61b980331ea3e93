// A command of the operator's: a program with arguments, run without a shell and without blocking
// the loop.
//
// It runs as the same user, in "/", in a process group of its own, with signals as a new process
// has them and no descriptor of ours but its three: standard input holds the given text (or is
// /dev/null), standard output and error are kept up to a bound and read on beyond it. The
// environment is ours without what belongs to our service manager (NOTIFY_SOCKET, LISTEN_FDS, ...).
// When it ends, what is left of its process group is killed: what is to outlive it needs setsid(1).
// No zombie stays behind.
//
// Whoever makes a `command` owns it; one thread, that of the io_context. SIGPIPE becomes ignored
// in this process.
#pragma once

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace thor::runtime {

inline constexpr std::size_t command_words_max = 64;
inline constexpr std::size_t command_word_octets_max = 4096;
/// Kept of standard output, and as much of standard error.
inline constexpr std::size_t command_output_octets_max = 64U << 10;

struct command_line {
  /// The program, as an absolute path or a name to be found in PATH, and its arguments.
  std::vector<std::string> argv;
  std::string input;                   ///< for its standard input
  std::chrono::milliseconds timeout{}; ///< then SIGTERM to its group
  std::chrono::milliseconds grace{};   ///< and SIGKILL after this; 0 = SIGKILL at once
};

enum class command_end : std::uint8_t {
  exited,      ///< `code` is its exit code
  signalled,   ///< `code` is the signal that ended it
  timed_out,   ///< it was killed, or is being killed
  not_started, ///< `why` says why
};

struct command_result {
  command_end how = command_end::not_started;
  int code = 0;
  std::string output;
  std::string errors;
  bool cut = false; ///< there was more output, or errors, than was kept
  std::string why;

  [[nodiscard]] bool ok() const { return how == command_end::exited && code == 0; }
  /// "exit code 3", "killed by signal 11", "was not done in time", "cannot be run: No such file or
  /// directory".
  [[nodiscard]] std::string text() const;
};

/// Whether these words can be a command line; the error is the end of a sentence about them.
std::expected<void, std::string> check_argv(const std::vector<std::string>& argv);

class command {
 public:
  using handler = std::function<void(const command_result&)>;

  /// Starts it. `done` is called once, never from within: when it ended, at the latest `timeout` +
  /// `grace` from now. It may destroy the command.
  command(boost::asio::io_context& io, command_line what, handler done);
  /// Kills it when it runs; `done` is not called any more.
  ~command();
  command(const command&) = delete;
  command& operator=(const command&) = delete;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace thor::runtime
