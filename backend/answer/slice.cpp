#include "backend/answer/slice.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace thor::backend {

std::uint64_t server_seed(std::string_view server_id) {
  return XXH3_64bits(server_id.data(), server_id.size());
}

std::size_t slice_start(const slice_turn& turn, std::size_t members, std::size_t size) {
  // Each term is reduced by itself: a sum that wrapped at 2^64 would break the even turn.
  const std::size_t origin =
      XXH3_64bits_withSeed(&turn.serial, sizeof turn.serial, turn.server_seed) % members;
  return (origin + turn.unix_time_s % members * size) % members;
}

} // namespace thor::backend
