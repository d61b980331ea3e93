// The records of a zone whose owner or content fits a pattern, as rows. Pure.
#pragma once

#include "zone/model/contents.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace thor::backend {

/// Octets of a pattern: no name is longer, and the time a long one takes is others' time.
inline constexpr std::size_t pattern_octets_max = 1024;

/// Whether all of `text` fits: '*' stands for any characters, '?' for one, and ASCII case does not
/// count.
bool fits(std::string_view pattern, std::string_view text);

/// Appends at most `records_max` rows, each with a comma before it; returns how many. An owner is
/// compared without its last dot, with which the pattern may be written; a content as PowerDNS
/// writes it.
std::size_t append_matches(std::string& out, const zone::contents& zone, std::string_view pattern,
                           std::size_t records_max);

} // namespace thor::backend
