#include "backend/serve/journal.hpp"

#include "backend/serve/limits.hpp"

#include <utility>

namespace thor::backend {

std::string_view to_string(refusal reason) {
  switch (reason) {
  case refusal::bad_http:
    return "bad_http";
  case refusal::bad_json:
    return "bad_json";
  case refusal::bad_request:
    return "bad_request";
  case refusal::bad_target:
    return "bad_target";
  case refusal::wrong_token:
    return "wrong_token";
  case refusal::header_too_long:
    return "header_too_long";
  case refusal::body_too_long:
    return "body_too_long";
  case refusal::line_too_long:
    return "line_too_long";
  case refusal::slow_client:
    return "slow_client";
  case refusal::connection_limit:
    return "connection_limit";
  case refusal::peer:
    return "peer";
  case refusal::unsupported:
    return "unsupported";
  case refusal::write:
    return "write";
  case refusal::too_large:
    return "too_large";
  }
  return "unknown";
}

std::optional<std::uint64_t> flood_gate::pass(time_point now) {
  if (!begin_ || now - *begin_ >= period_) {
    begin_ = now;
    passed_ = 0;
  }
  if (passed_ == lines_) {
    ++held_;
    return std::nullopt;
  }
  ++passed_;
  return std::exchange(held_, 0);
}

journal::journal(serve_counters& counters, const log_sink& log)
    : counters_(counters)
    , log_(log)
    , gate_(log_lines_max, log_period) {}

void journal::refuse(refusal reason, std::string_view whom, std::string_view detail) {
  ++counters_.refusals[static_cast<std::size_t>(reason)];
  std::string text = "refused ";
  text += whom;
  text += " (";
  text += to_string(reason);
  text += "): ";
  text += detail;
  say(log_level::warning, std::move(text));
}

void journal::say(log_level level, std::string text) {
  const auto held = gate_.pass(std::chrono::steady_clock::now());
  if (!held) {
    return;
  }
  if (*held > 0) {
    text += " (" + std::to_string(*held) + " lines before this one were not logged)";
  }
  log_(level, std::move(text));
}

void journal::report(const std::exception_ptr& thrown) {
  if (!thrown) {
    return;
  }
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    say(log_level::error, std::string("a connection ended in an exception: ") + e.what());
  }
}

} // namespace thor::backend
