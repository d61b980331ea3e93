#include "schema/store/name_text.hpp"

#include <string_view>

namespace thor::store {
namespace {

void append_label(std::string& out, std::string_view label) {
  for (const char c : label) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '.' || c == '\\') {
      out += '\\';
      out += c;
    } else if (octet > ' ' && octet < 0x7f) {
      out += c;
    } else {
      out += '\\';
      out += static_cast<char>('0' + octet / 100);
      out += static_cast<char>('0' + octet / 10 % 10);
      out += static_cast<char>('0' + octet % 10);
    }
  }
}

} // namespace

std::string name_text(const zone::name& n) {
  if (n.is_root()) {
    return ".";
  }
  std::string out;
  for (std::string_view rest = n.wire(); rest.front() != '\0';) {
    const auto length = static_cast<unsigned char>(rest.front());
    if (!out.empty()) {
      out += '.';
    }
    append_label(out, rest.substr(1, length));
    rest.remove_prefix(1U + length);
  }
  return out;
}

} // namespace thor::store
