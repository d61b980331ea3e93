#include "coordinator/client/incarnation.hpp"

#include "coordinator/runtime/atomic_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace thor::client {
namespace {

constexpr std::size_t file_octets_max = 32;
/// The largest integer of the wire.
constexpr std::uint64_t incarnation_max = (std::uint64_t{1} << 53) - 1;

std::uint64_t last_incarnation(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) {
    return 0;
  }
  const auto text = runtime::read_file(file, file_octets_max);
  if (!text) {
    throw std::runtime_error(text.error());
  }
  std::uint64_t last = 0;
  const auto* end = text->data() + text->size();
  const auto [stop, failure] = std::from_chars(text->data(), end, last);
  if (failure != std::errc() || std::string_view(stop, end) != "\n" || last >= incarnation_max) {
    throw std::runtime_error(
        fmt::format("{} holds no incarnation; remove it to begin anew", file.string()));
  }
  return last;
}

} // namespace

std::uint64_t take_incarnation(const std::filesystem::path& file,
                               std::chrono::sys_time<std::chrono::milliseconds> now) {
  std::error_code failure;
  if (file.has_parent_path()) {
    std::filesystem::create_directories(file.parent_path(), failure);
  }
  const auto clock = static_cast<std::uint64_t>(now.time_since_epoch().count());
  const auto taken = std::max(last_incarnation(file) + 1, clock);
  if (const auto stored = runtime::write_file_atomically(file, fmt::format("{}\n", taken));
      !stored) {
    throw std::runtime_error(stored.error());
  }
  return taken;
}

} // namespace thor::client
