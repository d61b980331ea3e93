#include "backend/answer/slice.hpp"

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace thor::backend {

std::uint64_t server_seed(std::string_view server_id) {
  return XXH3_64bits(server_id.data(), server_id.size());
}

slice_share share_slice(std::size_t size, std::size_t own, std::size_t others) {
  constexpr std::size_t fallback = 2;
  const std::size_t preferred = size > fallback + 1 ? size - fallback : 1;
  const std::size_t from_others = std::min(others, size - std::min(own, preferred));
  return {.own = std::min(own, size - from_others), .others = from_others};
}

std::size_t slice_start(const slice_turn& turn, std::size_t members, std::size_t size) {
  // Each term is reduced by itself: a sum that wrapped at 2^64 would break the even turn.
  const std::size_t origin =
      XXH3_64bits_withSeed(&turn.serial, sizeof turn.serial, turn.server_seed) % members;
  return (origin + turn.unix_time_s % members * size) % members;
}

} // namespace thor::backend
