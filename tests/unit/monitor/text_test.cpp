#include "coordinator/monitor/text.hpp"
#include "tests/unit/monitor/support.hpp"

namespace thor::monitor {
namespace {

std::string seen(std::string_view text) {
  return visible(text, test_columns);
}

TEST(VisibleText, LeavesPlainTextAlone) {
  EXPECT_EQ("thor-node 0.1 (\xc3\xa4 \xe4\xb8\xad e\xcc\x81) ~",
            seen("thor-node 0.1 (\xc3\xa4 \xe4\xb8\xad e\xcc\x81) ~"));
}

TEST(VisibleText, SpellsOutWhatSteersATerminal) {
  EXPECT_EQ("\\x1b[2J\\x1b]0;x\\x07", seen("\x1b[2J\x1b]0;x\x07"));
  EXPECT_EQ("a\\x0d\\x0ab\\x09\\x08\\x7f", seen("a\r\nb\t\b\x7f"));
  EXPECT_EQ("\\x00", seen(std::string_view("\0", 1)));
  EXPECT_EQ("\\xc2\\x9b2J", seen("\xc2\x9b\x32J")) << "C1 control sequence introducer";
}

TEST(VisibleText, SpellsOutWhatIsNoUtf8) {
  EXPECT_EQ("\\x9b2J", seen("\x9b\x32J"));
  EXPECT_EQ("\\xc3(", seen("\xc3("));
  EXPECT_EQ("\\xc3", seen("\xc3")) << "cut off";
  EXPECT_EQ("\\xc0\\x9b", seen("\xc0\x9b")) << "overlong escape";
  EXPECT_EQ("\\xe0\\x80\\x9b", seen("\xe0\x80\x9b")) << "overlong escape";
  EXPECT_EQ("\\xed\\xa0\\x80", seen("\xed\xa0\x80")) << "surrogate";
  EXPECT_EQ("\\xf4\\x90\\x80\\x80", seen("\xf4\x90\x80\x80")) << "beyond Unicode";
  EXPECT_EQ("\\xff\\xfe", seen("\xff\xfe"));
}

TEST(VisibleText, SpellsOutWhatHidesOrReorders) {
  EXPECT_EQ("gw\\u{202e}1", seen("gw\xe2\x80\xae\x31"));
  EXPECT_EQ("gw\\u{200b}1", seen("gw\xe2\x80\x8b\x31"));
  EXPECT_EQ("\\u{2066}", visible("\xe2\x81\xa6", [](char32_t) { return 0; }));
  EXPECT_EQ("\\u{e0041}", visible("\xf3\xa0\x81\x81", [](char32_t) { return 0; }));
}

TEST(VisibleText, SpellsOutWhatTheTerminalCannotShow) {
  EXPECT_EQ("\\u{1f600}", seen("\xf0\x9f\x98\x80"));
  EXPECT_EQ("\\u{00e4}", visible("\xc3\xa4", ascii_columns));
}

TEST(Columns, CountsWideAndCombiningCharacters) {
  EXPECT_EQ(5U, columns("a\xe4\xb8\xad\x65\xcc\x81\xc3\xa4", test_columns));
  EXPECT_EQ(0U, columns("", test_columns));
}

TEST(Fit, FillsAndCutsToTheColumn) {
  EXPECT_EQ("ab  ", fit("ab", 4, test_columns));
  EXPECT_EQ("abcd", fit("abcd", 4, test_columns));
  EXPECT_EQ("abc~", fit("abcde", 4, test_columns));
  EXPECT_EQ("", fit("abc", 0, test_columns));
  EXPECT_EQ("~", fit("abc", 1, test_columns));
  EXPECT_EQ("a~ ", fit("a\xe4\xb8\xad\xe4\xb8\xad", 3, test_columns)) << "no half of a wide one";
  EXPECT_EQ("abc", cut("abc", 5, test_columns));
}

TEST(AsciiJson, WritesOthersAsEscapes) {
  EXPECT_EQ(R"(["a\u00e4\u4e2d\ud83d\ude00\u007f"])",
            ascii_json("[\"a\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80\x7f\"]"));
  EXPECT_EQ(R"("\ufffd")", ascii_json("\"\xff\""));
}

} // namespace
} // namespace thor::monitor
