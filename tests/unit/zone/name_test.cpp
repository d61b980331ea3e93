#include "tests/unit/zone/support.hpp"
#include "zone/model/name.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace thor::zone {
namespace {

using namespace std::string_literals;

errc code_of(std::string_view text) {
  const auto parsed = name::parse(text);
  EXPECT_FALSE(parsed) << text;
  return parsed ? errc{} : parsed.error().code;
}

TEST(name, is_absolute_and_lower_case) {
  EXPECT_EQ(("SIP.eXample.COM"_n).text(), "sip.example.com.");
  EXPECT_EQ("sip.example.com."_n, "SIP.EXAMPLE.com"_n);
  EXPECT_EQ(("a.bc"_n).wire(), "\1a\2bc\0"s);
}

TEST(name, keeps_octets_above_ascii_and_lowers_only_ascii) {
  EXPECT_EQ(("\\195\\132.x"_n).text(), "\\195\\132.x.");
}

TEST(name, root) {
  EXPECT_TRUE(("."_n).is_root());
  EXPECT_EQ(name(), "."_n);
  EXPECT_EQ(name().text(), ".");
  EXPECT_EQ(name().parent(), name());
  EXPECT_EQ(name().first_label(), "");
  EXPECT_EQ(name().label_count(), 0U);
}

TEST(name, reads_escapes_and_writes_them_where_needed) {
  EXPECT_EQ((R"(a\.b.c)"_n).first_label(), "a.b");
  EXPECT_EQ((R"(\097\066)"_n).text(), "ab.");
  EXPECT_EQ((R"(alice\@home.x)"_n).text(), R"(alice\@home.x.)");
  EXPECT_EQ(("a b.x"_n).text(), R"(a\032b.x.)");
  EXPECT_EQ((R"(\000\255\".\\\;\(\)\$.x)"_n).text(), R"(\000\255\".\\\;\(\)\$.x.)");
  EXPECT_EQ((R"(a\\.b)"_n).label_count(), 2U) << "an escaped backslash, then a dot";
}

TEST(name, refuses_what_is_no_name) {
  for (const char* text :
       {"", "..", ".a", "a..b", "a.b..", "a\\", "a\\1", "a\\12", "a\\256", "a\\12x"}) {
    EXPECT_EQ(code_of(text), errc::bad_name) << text;
  }
}

TEST(name, is_bounded) {
  const std::string label(63, 'a');
  EXPECT_TRUE(name::parse(label));
  EXPECT_EQ(code_of(label + "a"), errc::name_too_long);
  const std::string longest = label + '.' + label + '.' + label + '.' + std::string(61, 'b');
  EXPECT_EQ(value_of(name::parse(longest)).wire().size(), name_octets_max);
  EXPECT_EQ(code_of(longest + "b"), errc::name_too_long);
}

TEST(name, errors_say_which_name_and_why) {
  EXPECT_EQ(name::parse("a..b").error().detail, "name \"a..b\": empty label");
}

TEST(name, child_takes_raw_octets) {
  EXPECT_EQ(value_of(("example"_n).child("A.b")).text(), R"(a\.b.example.)");
  EXPECT_FALSE(("example"_n).child(""));
  EXPECT_FALSE(("example"_n).child(std::string(64, 'a')));
  const name deep = value_of(name::parse(std::string(63, 'a') + '.' + std::string(63, 'a') + '.' +
                                         std::string(63, 'a') + '.' + std::string(59, 'a')));
  EXPECT_TRUE(deep.child("a"));
  EXPECT_EQ(deep.child("aa").error().code, errc::name_too_long);
}

TEST(name, descendant_takes_presentation_form) {
  EXPECT_EQ(value_of(("example"_n).descendant("_sip._udp")), "_sip._udp.example"_n);
  EXPECT_EQ(value_of(("example"_n).descendant("@")), "example"_n);
  EXPECT_EQ(value_of(("example"_n).descendant("")), "example"_n);
  EXPECT_FALSE(("example"_n).descendant("a."));
  EXPECT_FALSE(("example"_n).descendant(R"(a\\.)"));
  EXPECT_EQ(value_of(("example"_n).descendant(R"(a\.)")).first_label(), "a.");
}

TEST(name, relative_text) {
  EXPECT_EQ(("example"_n).relative_text("example"_n), "@");
  EXPECT_EQ(("_sip._udp.example"_n).relative_text("example"_n), "_sip._udp");
  EXPECT_EQ(("a.b"_n).relative_text(name()), "a.b");
}

TEST(name, at_or_below_needs_whole_labels) {
  EXPECT_TRUE(("a.example"_n).is_at_or_below("example"_n));
  EXPECT_TRUE(("example"_n).is_at_or_below("example"_n));
  EXPECT_TRUE(("example"_n).is_at_or_below(name()));
  EXPECT_FALSE(("example"_n).is_at_or_below("a.example"_n));
  EXPECT_FALSE(("notexample"_n).is_at_or_below("example"_n));
  // "\003com" inside a label looks like a length and a label, but is neither.
  EXPECT_FALSE((R"(x\003com)"_n).is_at_or_below("com"_n));
}

TEST(name, canonical_order_of_rfc_4034) {
  // RFC 4034 section 6.1.
  const std::vector<name> in_order = {
      "example"_n,           "a.example"_n,      "yljkjljk.a.example"_n,
      "Z.a.example"_n,       "zABC.a.EXAMPLE"_n, "z.example"_n,
      R"(\001.z.example)"_n, "*.z.example"_n,    R"(\200.z.example)"_n,
  };
  EXPECT_TRUE(std::ranges::is_sorted(in_order));
  std::vector<name> shuffled = in_order;
  std::ranges::reverse(shuffled);
  std::ranges::sort(shuffled);
  EXPECT_EQ(shuffled, in_order);
}

TEST(name, order_agrees_with_equality) {
  EXPECT_EQ("A.b"_n <=> "a.B"_n, std::strong_ordering::equal);
  EXPECT_LT(name(), "a"_n);
  EXPECT_LT("a.a"_n, "aa.a"_n);
  EXPECT_LT("b.a"_n, "a.b"_n);
}

TEST(inline_name, reads_what_a_name_reads) {
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b') + ".";
  for (const std::string& text : {std::string("."), std::string("Www.Example.com"),
                                  std::string(R"(a\.b.\255.example.)"), longest}) {
    const auto read = inline_name::parse(text);
    const auto same = name::parse(text);
    ASSERT_TRUE(read && same) << text;
    EXPECT_EQ(read->wire(), same->wire());
    EXPECT_EQ(name(*read), *same);
    EXPECT_EQ(*read, inline_name(*same));
  }
  EXPECT_EQ(inline_name().wire(), name().wire());
  for (const std::string& text :
       {std::string(), std::string("a..b"), std::string(R"(a\)"), "b" + longest, "b." + longest,
        label + "a.", label + label + label + label + label, std::string(2000, 'a')}) {
    const auto read = inline_name::parse(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error(), name::parse(text).error());
  }
}

} // namespace
} // namespace thor::zone
