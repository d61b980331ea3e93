#include "coordinator/monitor/screen.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace thor::monitor {
namespace {

/// A terminal for which some of everything is wide, combines, or cannot be shown.
int some_columns(char32_t c) {
  return c < 0x80 ? 1 : static_cast<int>(c % 4) - 1;
}

bool is_harmless(std::string_view text) {
  while (!text.empty()) {
    const auto c = first_code_point(text);
    const bool control = c.value < 0x20 || (c.value >= 0x7f && c.value < 0xa0);
    if (!c.valid || control || some_columns(c.value) < 0)
      return false;
    text.remove_prefix(c.octets);
  }
  return true;
}

rc::Gen<std::string> octets() {
  // Plenty of what begins and continues UTF-8 sequences, and of what steers terminals.
  return rc::gen::container<std::string>(
      rc::gen::oneOf(rc::gen::arbitrary<char>(), rc::gen::element('\x1b', '\xc2', '\x9b', '\xe2',
                                                                  '\x80', '\xae', '\xf0', '\xbf')));
}

RC_GTEST_PROP(VisibleText, HoldsNothingThatSteersATerminal, ()) {
  RC_ASSERT(is_harmless(visible(*octets(), some_columns)));
}

RC_GTEST_PROP(VisibleText, FitsIntoExactlyItsRoom, ()) {
  const auto text = visible(*octets(), some_columns);
  const auto room = *rc::gen::inRange<std::size_t>(0, 40);
  const auto fitted = fit(text, room, some_columns);
  RC_ASSERT(is_harmless(fitted));
  RC_ASSERT(columns(fitted, some_columns) == room);
  RC_ASSERT(columns(cut(text, room, some_columns), some_columns) <= room);
}

RC_GTEST_PROP(AsciiJson, IsAscii, ()) {
  const auto out = ascii_json(*octets());
  RC_ASSERT(std::ranges::all_of(out, [](char c) { return static_cast<unsigned char>(c) < 0x7f; }));
}

RC_GTEST_PROP(Screen, HoldsNothingThatSteersATerminalWhateverIsSaidAndTyped, ()) {
  screen at({.self = {*octets(), *model::node_id::parse("n1"), {}, {}},
             .width = some_columns,
             .local_time = [](model::unix_time) { return std::string("now"); }});
  const auto rows = *rc::gen::inRange<std::size_t>(0, 40);
  const auto wide = *rc::gen::inRange<std::size_t>(0, 100);
  at.on_resize(rows, wide);
  network empty;
  std::vector<effect> effects;
  empty.on_event({}, {}, server_failed{*octets(), *octets()}, effects);
  for (const auto& text : *rc::gen::container<std::vector<std::string>>(octets()))
    at.on_change({change_kind::complaint, {}, text, text});
  for (const auto which :
       *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::inRange<std::uint8_t>(0, 11)))
    (void)at.on_key({static_cast<key>(which), *rc::gen::inRange<char32_t>(0, 0x110000)});
  const auto drawn = at.draw(empty, {}, {});
  RC_ASSERT(drawn.rows.size() == rows);
  for (const auto& row : drawn.rows) {
    std::string line;
    for (const auto& part : row)
      line += part.text;
    RC_ASSERT(is_harmless(line));
    RC_ASSERT(columns(line, some_columns) <= wide);
  }
}

} // namespace
} // namespace thor::monitor
