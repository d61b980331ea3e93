// Where log lines go: standard error, one line a message, in the form that journald or a person
// reads best.
//
// Programs log with spdlog::debug/info/warn/error after start_log(). PURE code never logs.
#pragma once

#include "coordinator/model/time.hpp"

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace thor::runtime {

enum class log_level : std::uint8_t { debug, info, warn, error };

/// Sets spdlog's default logger. Under journald (JOURNAL_STREAM names our standard error) a line
/// begins with its priority, "<6>"; elsewhere with UTC time and level. Control characters in a
/// message are escaped, so that what a peer sent can neither forge a line nor drive a terminal.
void start_log(log_level level);
void set_log_level(log_level level);

/// The message with every control character (C0, DEL, C1 in UTF-8) written as \xNN. Pure.
std::string escape_controls(std::string_view message);

/// Holds back lines that repeat: one a key and interval, and how many were held back since.
/// Bounded: beyond keys_max keys the one that was silent longest is forgotten.
class log_limiter {
 public:
  static constexpr std::size_t keys_max = 256;

  explicit log_limiter(model::duration interval)
      : interval_(interval) {}
  ~log_limiter() = default;
  log_limiter(const log_limiter&) = delete;
  log_limiter& operator=(const log_limiter&) = delete;

  /// Nothing when the line is to be held back, otherwise how many lines of this key were held back
  /// since the last one.
  std::optional<std::uint64_t> pass(std::string_view key, model::time_point now);

 private:
  struct entry {
    std::string key;
    model::time_point last;
    std::uint64_t held_back = 0;
  };
  model::duration interval_;
  std::list<entry> entries_; ///< the one that was silent longest comes first
  std::unordered_map<std::string_view, std::list<entry>::iterator>
      by_key_; ///< keys lie in entries_
};

} // namespace thor::runtime
