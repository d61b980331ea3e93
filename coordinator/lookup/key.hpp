// The key of a lookup as a number, and that number as a DNS label. Every surface (libthor,
// thor-lookup, the text port, DNS) begins with these.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace thor::lookup {

/// "k-" and 16 hexadecimal digits.
inline constexpr std::size_t hash_label_octets = 18;

/// The first 8 octets, big-endian, of the SHA-256 of the key's octets with A to Z in lower case.
/// Keys are octets: no other normalisation, and the empty key is one as well. Allocates nothing.
std::uint64_t key_hash(std::string_view key);

/// `k-0123456789abcdef`.
std::string hash_label(std::uint64_t hash);

/// The hash of such a label, digits and the k in either case; nothing of any other text.
std::optional<std::uint64_t> parse_hash_label(std::string_view label);

/// What a question about `label`, the octets of one DNS label, asks for: the hash in it, or that of
/// the key that it is.
std::uint64_t hash_of_label(std::string_view label);

} // namespace thor::lookup
