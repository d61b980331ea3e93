// The hashes of RFC 5155 and how a zone wants them. Pure.
#pragma once

#include "zone/model/error.hpp"
#include "zone/model/name.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thor::zone {

/// More iterations than these are taken as these, as PowerDNS does (its setting
/// max-nsec3-iterations); RFC 9276 section 3.1 wants none.
inline constexpr std::uint16_t nsec3_iterations_max = 100;

/// What a zone's NSEC3PARAM says (RFC 5155 section 4).
struct nsec3_parameters {
  std::uint16_t iterations = 0; ///< additional ones, at most nsec3_iterations_max
  std::string salt{};           ///< raw octets, at most 255
  /// Insecure delegations have no NSEC3 (RFC 5155 section 6).
  bool opt_out = false;

  friend bool operator==(const nsec3_parameters&, const nsec3_parameters&) = default;
};

/// Reads "1 0 0 -", the RDATA of an NSEC3PARAM in presentation form: algorithm 1 (SHA-1), flags 0
/// or 1 (opt-out, which PowerDNS keeps here), iterations, salt in hexadecimal or "-" for none.
std::expected<nsec3_parameters, error> parse_nsec3param(std::string_view text);

using nsec3_hash = std::array<std::uint8_t, 20>;

/// A hash as the label of an NSEC3's owner: base32hex without padding, lower-case (RFC 4648 section
/// 7). 32 characters.
using nsec3_label = std::array<char, 32>;
nsec3_label to_label(const nsec3_hash& hash);
/// Reads a label of 32 characters, lower-case.
std::optional<nsec3_hash> parse_nsec3_label(std::string_view label);

/// The hashes of those names (RFC 5155 section 5), in their order.
std::vector<nsec3_hash> hash_names(const std::vector<const name*>& names,
                                   const nsec3_parameters& how);

} // namespace thor::zone
