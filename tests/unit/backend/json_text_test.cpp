#include "backend/protocol/json_text.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <string>

namespace thor::backend {
namespace {

std::string read_again(std::string_view text) {
  const auto value = read_json(text, {});
  return value ? boost::json::serialize(*value) : value.error().detail;
}

errc refusal_of(std::string_view text) {
  const auto value = read_json(text, {});
  EXPECT_FALSE(value) << text;
  return value ? errc::bad_target : value.error().code;
}

TEST(json_text, reads_every_kind_of_value) {
  const std::string text =
      R"({"s":"a\"\\b","n":-1,"u":18446744073709551615,"t":true,"z":null,"a":[1,[2],{"k":{}}]})";
  EXPECT_EQ(read_again(text), text);
}

TEST(json_text, reads_strings_that_the_parser_hands_over_in_parts) {
  std::string text = "\"";
  for (int i = 0; i < 5000; ++i) {
    text += "\\u0041\\n";
  }
  text += '"';
  const auto value = read_json(text, {});
  ASSERT_TRUE(value);
  EXPECT_EQ(value->get_string().size(), 10000U);
}

TEST(json_text, allows_white_space_around_and_nothing_else) {
  EXPECT_EQ(read_again(" {\"a\":1}\r\n"), R"({"a":1})");
  EXPECT_EQ(refusal_of("{} {}"), errc::bad_json);
  EXPECT_EQ(refusal_of("{}x"), errc::bad_json);
  EXPECT_EQ(refusal_of(""), errc::bad_json);
  EXPECT_EQ(refusal_of("{\"a\":1"), errc::bad_json);
  EXPECT_EQ(refusal_of("<html>"), errc::bad_json);
}

TEST(json_text, says_where_the_text_goes_wrong) {
  EXPECT_EQ(read_again("{\"a\":!}"), "not JSON: syntax error at octet 5");
  EXPECT_EQ(read_again("{}x"), "not JSON: something follows the text at octet 2");
}

TEST(json_text, refuses_a_member_that_is_named_twice_at_any_depth) {
  EXPECT_EQ(refusal_of(R"({"a":1,"a":1})"), errc::bad_json);
  EXPECT_EQ(refusal_of(R"({"x":[{"y":{"a":1,"b":2,"a":3}}]})"), errc::bad_json);
  EXPECT_EQ(read_again(R"({"a":{"a":1}})"), R"({"a":{"a":1}})");
}

TEST(json_text, refuses_what_is_deeper_than_the_bound) {
  EXPECT_TRUE(read_json(std::string(json_depth_max, '[') + std::string(json_depth_max, ']'), {}));
  EXPECT_EQ(refusal_of(std::string(json_depth_max + 1, '[') + std::string(json_depth_max + 1, ']')),
            errc::bad_json);
}

TEST(json_text, refuses_what_is_wider_than_the_bounds) {
  std::string object = "{";
  for (std::size_t i = 0; i <= json_members_max; ++i) {
    object += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
  }
  EXPECT_EQ(refusal_of(object + "}"), errc::bad_json);
  std::string array = "[0";
  for (std::size_t i = 0; i < json_elements_max; ++i) {
    array += ",0";
  }
  EXPECT_EQ(refusal_of(array + "]"), errc::bad_json);
}

TEST(json_text, refuses_octets_that_are_not_utf8) {
  EXPECT_EQ(refusal_of("\"\xff\xfe\""), errc::bad_json);
}

TEST(json_text, writes_strings_that_read_back) {
  const std::string text = "plain \"quoted\" back\\slash \n\t\x01 \x7f caf\xc3\xa9";
  std::string out;
  append_json_string(out, text);
  const auto value = read_json(out, {});
  ASSERT_TRUE(value) << out;
  EXPECT_EQ(value->get_string(), boost::json::string_view(text));
}

TEST(json_text, quotes_strange_input_harmlessly) {
  EXPECT_EQ(excerpt("a\nb\x1b\xff"), "\"a?b??\"");
  EXPECT_EQ(excerpt(std::string(100, 'x')), "\"" + std::string(64, 'x') + "...\"");
}

} // namespace
} // namespace thor::backend
