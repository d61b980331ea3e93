// Text from the network on its way to a terminal: nothing in it may steer the terminal, and all of
// it has a known width.
//
// How many columns a character takes, and whether the terminal can show it at all, is the
// terminal's business and arrives as a function. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace thor::monitor {

/// Columns of a character on the terminal: 0 (it combines with the one before), 1 or 2; below 0
/// when it cannot be shown. wcwidth(3) in the user's locale, for example.
using columns_of = int (*)(char32_t);

/// For terminals of which nothing is known but ASCII.
int ascii_columns(char32_t character);

struct code_point {
  char32_t value = 0;
  std::size_t octets = 0; ///< read from the text, at least 1
  bool valid = false;     ///< the octets are UTF-8 (RFC 3629)
};
/// The first character of `text`, which is not empty.
code_point first_code_point(std::string_view text);

/// `text` with everything that is not plainly visible spelt out: control characters and octets that
/// are not UTF-8 as \xNN; characters that reorder or hide others (bidirectional controls, zero
/// width) and those the terminal cannot show as \u{NNNN}.
std::string visible(std::string_view text, columns_of width);

/// Columns that visible text takes.
std::size_t columns(std::string_view visible_text, columns_of width);

/// Visible text in exactly `room` columns: filled with blanks, or cut, with '~' as the last
/// character.
std::string fit(std::string_view visible_text, std::size_t room, columns_of width);
/// The same without the blanks.
std::string cut(std::string_view visible_text, std::size_t room, columns_of width);

/// Valid JSON text in ASCII: every other character as \uNNNN (RFC 8259 section 7).
std::string ascii_json(std::string_view json);

} // namespace thor::monitor
