#include "coordinator/daemon/node/drain.hpp"

#include "coordinator/runtime/atomic_file.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace thor::node {
namespace {

constexpr std::size_t file_octets_max = 32;

std::optional<model::unix_time> parse_time(std::string_view text) {
  std::int64_t seconds = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, seconds);
  if (failure != std::errc() || std::string_view(stop, end) != "\n") {
    return std::nullopt;
  }
  return model::unix_time(std::chrono::seconds(seconds));
}

} // namespace

drain_state::drain_state(std::filesystem::path file, model::unix_time now)
    : file_(std::move(file)) {
  std::error_code ignored;
  if (!std::filesystem::exists(file_, ignored)) {
    return;
  }
  const auto text = runtime::read_file(file_, file_octets_max);
  const auto until = text ? parse_time(*text) : std::nullopt;
  if (!until) {
    problem_ = text ? file_.string() + " holds no time; taken as not draining" : text.error();
  } else if (*until > now) {
    until_ = std::min(*until, now + drain_max);
  }
}

std::expected<void, std::string> drain_state::begin(model::unix_time until) {
  const auto text = std::to_string(until.time_since_epoch().count()) + "\n";
  if (auto stored = runtime::write_file_atomically(file_, text); !stored) {
    return stored;
  }
  until_ = until;
  return {};
}

std::expected<void, std::string> drain_state::end() {
  std::error_code failure;
  std::filesystem::remove(file_, failure);
  if (failure) {
    return std::unexpected("cannot remove " + file_.string() + ": " + failure.message());
  }
  until_.reset();
  return {};
}

bool drain_state::expire(model::unix_time now) {
  if (!until_ || *until_ > now) {
    return false;
  }
  until_.reset();
  std::error_code ignored; // a time that has passed means nothing to the next process either
  std::filesystem::remove(file_, ignored);
  return true;
}

} // namespace thor::node
