#include "coordinator/monitor/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace thor::monitor {
namespace {

constexpr char32_t code_point_max = 0x10ffff;

struct range {
  char32_t first;
  char32_t last;
};

/// Characters that change how others are shown, or hide among them: soft hyphen, the bidirectional
/// controls (UAX 9), zero width characters, line separators, interlinear annotations, tags.
constexpr std::array<range, 11> deceptive{{{0x00ad, 0x00ad},
                                           {0x034f, 0x034f},
                                           {0x061c, 0x061c},
                                           {0x115f, 0x1160},
                                           {0x180b, 0x180e},
                                           {0x200b, 0x200f},
                                           {0x2028, 0x202e},
                                           {0x2060, 0x206f},
                                           {0xfeff, 0xfeff},
                                           {0xfff9, 0xfffb},
                                           {0xe0000, 0xe0fff}}};

bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

bool is_deceptive(char32_t c) {
  return std::ranges::any_of(deceptive, [c](range r) { return r.first <= c && c <= r.last; });
}

std::string hex(std::uint32_t value, std::size_t digits_min) {
  std::array<char, 8> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr;
  std::string out(digits.data(), end);
  return out.size() < digits_min ? std::string(digits_min - out.size(), '0') + out : out;
}

void append_octets(std::string& out, std::string_view octets) {
  for (const char c : octets)
    out.append("\\x").append(hex(static_cast<unsigned char>(c), 2));
}

/// Octets that follow the lead octet `lead`; nothing may follow one that leads nowhere.
std::size_t continuation_count(unsigned char lead) {
  return lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
}

} // namespace

int ascii_columns(char32_t character) {
  return character < 0x80 ? 1 : -1;
}

code_point first_code_point(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80)
    return {lead, 1, true};
  if (lead < 0xc2 || lead > 0xf4)
    return {lead, 1, false};
  const auto more = continuation_count(lead);
  char32_t value = lead & (0x3fU >> more);
  for (std::size_t i = 1; i <= more; ++i) {
    const auto octet = i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    if ((octet & 0xc0U) != 0x80U)
      return {lead, 1, false};
    value = (value << 6U) | (octet & 0x3fU);
  }
  constexpr std::array<char32_t, 4> least{0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < least.at(more) || value > code_point_max || surrogate)
    return {lead, 1, false};
  return {value, more + 1, true};
}

std::string visible(std::string_view text, columns_of width) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto c = first_code_point(text);
    const auto octets = text.substr(0, c.octets);
    if (!c.valid || is_control(c.value))
      append_octets(out, octets);
    else if (is_deceptive(c.value) || width(c.value) < 0)
      out.append("\\u{").append(hex(c.value, 4)).append("}");
    else
      out.append(octets);
    text.remove_prefix(c.octets);
  }
  return out;
}

std::size_t columns(std::string_view visible_text, columns_of width) {
  std::size_t sum = 0;
  while (!visible_text.empty()) {
    const auto c = first_code_point(visible_text);
    sum += static_cast<std::size_t>(std::max(0, width(c.value)));
    visible_text.remove_prefix(c.octets);
  }
  return sum;
}

std::string cut(std::string_view visible_text, std::size_t room, columns_of width) {
  if (columns(visible_text, width) <= room)
    return std::string(visible_text);
  if (room == 0)
    return {};
  std::string out;
  std::size_t used = 0;
  while (!visible_text.empty()) {
    const auto c = first_code_point(visible_text);
    used += static_cast<std::size_t>(std::max(0, width(c.value)));
    if (used > room - 1) // the last column is that of the mark
      break;
    out.append(visible_text.substr(0, c.octets));
    visible_text.remove_prefix(c.octets);
  }
  return out += '~';
}

std::string fit(std::string_view visible_text, std::size_t room, columns_of width) {
  auto out = cut(visible_text, room, width);
  out.append(room - columns(out, width), ' ');
  return out;
}

std::string ascii_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    const auto c = first_code_point(json);
    const char32_t value = c.valid ? c.value : 0xfffd;
    if (value < 0x7f) {
      out.append(json.substr(0, c.octets));
    } else if (value < 0x10000) {
      out.append("\\u").append(hex(value, 4));
    } else {
      const auto rest = value - 0x10000;
      out.append("\\u").append(hex(0xd800 + (rest >> 10U), 4));
      out.append("\\u").append(hex(0xdc00 + (rest & 0x3ffU), 4));
    }
    json.remove_prefix(c.octets);
  }
  return out;
}

} // namespace thor::monitor
