#include "coordinator/lookup/key.hpp"

// SHA256_Init() and its like work on the stack, from any thread. EVP allocates a context for every
// key, which costs more than the hash.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <array>
#include <cstddef>

namespace thor::lookup {
namespace {

constexpr std::string_view prefix = "k-";
constexpr std::string_view digits = "0123456789abcdef";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

} // namespace

std::uint64_t key_hash(std::string_view key) {
  SHA256_CTX state;
  SHA256_Init(&state);
  std::array<char, SHA256_CBLOCK> piece;
  while (!key.empty()) {
    const std::string_view head = key.substr(0, piece.size());
    for (std::size_t i = 0; i < head.size(); ++i)
      piece[i] = lower(head[i]);
    SHA256_Update(&state, piece.data(), head.size());
    key.remove_prefix(head.size());
  }
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256_Final(digest.data(), &state);

  std::uint64_t out = 0;
  for (std::size_t i = 0; i < sizeof out; ++i)
    out = out << 8 | digest[i];
  return out;
}

std::string hash_label(std::uint64_t hash) {
  std::string out(prefix);
  for (int shift = 60; shift >= 0; shift -= 4)
    out += digits[hash >> shift & 0xf];
  return out;
}

std::optional<std::uint64_t> parse_hash_label(std::string_view label) {
  if (label.size() != hash_label_octets || lower(label[0]) != prefix[0] || label[1] != prefix[1])
    return std::nullopt;
  std::uint64_t out = 0;
  for (const char c : label.substr(prefix.size())) {
    const std::size_t value = digits.find(lower(c));
    if (value == std::string_view::npos)
      return std::nullopt;
    out = out << 4 | value;
  }
  return out;
}

std::uint64_t hash_of_label(std::string_view label) {
  const auto hash = parse_hash_label(label);
  return hash ? *hash : key_hash(label);
}

} // namespace thor::lookup
