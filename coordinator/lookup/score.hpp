// How near a node is to a key: arithmetic of unsigned integers, so that every language comes to the
// same. README.md specifies it.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace thor::lookup {

/// The lot that a node draws for a key, evenly distributed over 64 bits: SplitMix64 of the
/// exclusive or of their hashes. The highest is the nearest, among nodes of equal weight.
constexpr std::uint64_t draw(std::uint64_t key_hash, std::uint64_t node_hash) {
  std::uint64_t z = (key_hash ^ node_hash) + 0x9e37'79b9'7f4a'7c15;
  z = (z ^ z >> 30) * 0xbf58'476d'1ce4'e5b9;
  z = (z ^ z >> 27) * 0x94d0'49bb'1331'11eb;
  return z ^ z >> 31;
}

/// log2(1 + i / 1024) in units of 2^-32, for i of 0..1024.
inline constexpr std::array<std::uint64_t, 1025> log2_table = [] {
  constexpr std::uint64_t two = std::uint64_t{1} << 32; // x is in units of 2^-31
  std::array<std::uint64_t, 1025> table{};
  for (std::uint64_t i = 0; i < 1024; ++i) {
    std::uint64_t x = (1024 + i) << 21;
    std::uint64_t bits = 0;
    for (int n = 0; n < 32; ++n) {
      x = x * x >> 31;
      bits <<= 1;
      if (x >= two) {
        x >>= 1;
        ++bits;
      }
    }
    table[i] = bits;
  }
  table[1024] = two;
  return table;
}();

/// -log2(draw / 2^64) in units of 2^-32: 0..2^38, never greater for a greater draw. Divided by the
/// node's weight it is exponentially distributed with that weight as its rate, so that each node is
/// the nearest to a share of the keys in proportion to its weight.
constexpr std::uint64_t distance(std::uint64_t draw) {
  constexpr std::uint64_t farthest = std::uint64_t{64} << 32;
  if (draw == 0) {
    return farthest;
  }
  const auto zeros = static_cast<unsigned>(std::countl_zero(draw));
  const std::uint64_t mantissa = draw << zeros;
  const std::uint64_t i = mantissa >> 53 & 1023;
  const std::uint64_t rest = mantissa >> 21 & 0xffff'ffff;
  const std::uint64_t fraction = log2_table[i] + ((log2_table[i + 1] - log2_table[i]) * rest >> 32);
  return farthest - (std::uint64_t{63 - zeros} << 32) - fraction;
}

} // namespace thor::lookup
