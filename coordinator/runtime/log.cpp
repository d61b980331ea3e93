#include "coordinator/runtime/log.hpp"

#include <fmt/chrono.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <iterator>
#include <memory>
#include <utility>

namespace thor::runtime {
namespace {

/// JOURNAL_STREAM is inherited by children whose standard error goes elsewhere, so it counts only
/// when it names ours (systemd.exec(5)).
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat ours{};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &ours) != 0) {
    return false;
  }
  return fmt::format("{}:{}", ours.st_dev, ours.st_ino) == stream;
}

/// sd-daemon(3) priorities.
char journal_priority(spdlog::level::level_enum level) {
  switch (level) {
  case spdlog::level::critical:
    return '2';
  case spdlog::level::err:
    return '3';
  case spdlog::level::warn:
    return '4';
  case spdlog::level::info:
    return '6';
  default:
    return '7';
  }
}

std::string_view level_name(spdlog::level::level_enum level) {
  switch (level) {
  case spdlog::level::critical:
  case spdlog::level::err:
    return "error";
  case spdlog::level::warn:
    return "warn ";
  case spdlog::level::info:
    return "info ";
  default:
    return "debug";
  }
}

class line_formatter final : public spdlog::formatter {
 public:
  explicit line_formatter(bool journal)
      : journal_(journal) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) override {
    const auto out = std::back_inserter(line);
    if (journal_) {
      fmt::format_to(out, "<{}>", journal_priority(message.level));
    } else {
      const auto at = std::chrono::floor<std::chrono::milliseconds>(message.time);
      const auto second = std::chrono::floor<std::chrono::seconds>(at);
      fmt::format_to(out, "{:%Y-%m-%dT%H:%M:%S}.{:03}Z {} ",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(second)),
                     (at - second).count(), level_name(message.level));
    }
    const std::string_view payload(message.payload.data(), message.payload.size());
    fmt::format_to(out, "{}\n", escape_controls(payload));
  }

  [[nodiscard]] std::unique_ptr<formatter> clone() const override {
    return std::make_unique<line_formatter>(journal_);
  }

 private:
  bool journal_;
};

spdlog::level::level_enum to_spdlog(log_level level) {
  switch (level) {
  case log_level::debug:
    return spdlog::level::debug;
  case log_level::info:
    return spdlog::level::info;
  case log_level::warn:
    return spdlog::level::warn;
  case log_level::error:
    return spdlog::level::err;
  }
  return spdlog::level::info;
}

} // namespace

void start_log(log_level level) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>("thor", std::move(sink));
  logger->set_formatter(std::make_unique<line_formatter>(stderr_is_journal()));
  logger->set_level(to_spdlog(level));
  spdlog::set_default_logger(std::move(logger));
}

void set_log_level(log_level level) {
  spdlog::set_level(to_spdlog(level));
}

std::string escape_controls(std::string_view message) {
  std::string out;
  out.reserve(message.size());
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(message[i]); };
  for (std::size_t i = 0; i < message.size(); ++i) {
    const bool c1 =
        octet(i) == 0xC2 && i + 1 < message.size() && octet(i + 1) >= 0x80 && octet(i + 1) <= 0x9F;
    if (c1) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", octet(++i));
    } else if (octet(i) < 0x20 || octet(i) == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", octet(i));
    } else {
      out += message[i];
    }
  }
  return out;
}

std::optional<std::uint64_t> log_limiter::pass(std::string_view key, model::time_point now) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    const auto known = found->second;
    if (now - known->last < interval_) {
      ++known->held_back;
      return std::nullopt;
    }
    entries_.splice(entries_.end(), entries_, known);
    known->last = now;
    return std::exchange(known->held_back, 0);
  }
  if (entries_.size() == keys_max) {
    by_key_.erase(entries_.front().key);
    entries_.pop_front();
  }
  entries_.push_back({std::string(key), now});
  by_key_.emplace(entries_.back().key, std::prev(entries_.end()));
  return 0;
}

} // namespace thor::runtime
