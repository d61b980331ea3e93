// Base64 (RFC 4648 section 4): the standard alphabet, padded, without line breaks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace thor::wire {

std::string base64_encode(std::string_view octets);

/// The one canonical form only: no white space, padding present, unused bits zero (RFC 4648
/// section 3.5), so that each value has exactly one text.
std::optional<std::string> base64_decode(std::string_view text);

} // namespace thor::wire
