#include "coordinator/model/error.hpp"

namespace thor::model {

std::string_view to_string(errc code) {
  switch (code) {
  case errc::bad_node_id:
    return "bad_node_id";
  case errc::bad_role:
    return "bad_role";
  case errc::bad_address:
    return "bad_address";
  case errc::bad_value:
    return "bad_value";
  }
  return "unknown";
}

std::string printable(std::string_view text) {
  constexpr std::size_t shown_octets_max = 64;
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, shown_octets_max)) {
    if (c >= 0x20 && c < 0x7f) {
      out += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    out.append("\\x").append({hex[octet >> 4], hex[octet & 0x0f]});
  }
  return out += text.size() > shown_octets_max ? "...\"" : "\"";
}

} // namespace thor::model
