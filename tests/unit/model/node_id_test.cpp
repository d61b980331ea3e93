#include "coordinator/model/node_id.hpp"

#include <gtest/gtest.h>

namespace thor::model {
namespace {

TEST(node_id, accepts_one_lower_case_ldh_label) {
  const std::string longest(63, 'a');
  for (const std::string_view text : {"a", "n1", "proxy-1", "1", "x--y", longest.c_str()}) {
    const auto id = node_id::parse(text);
    ASSERT_TRUE(id) << text;
    EXPECT_EQ(id->text(), text);
  }
}

TEST(node_id, refuses_what_is_no_dns_label) {
  for (const std::string& text :
       {std::string(), std::string("N1"), std::string("-a"), std::string("a-"), std::string("a.b"),
        std::string("a_b"), std::string("a b"), std::string("a\0b", 3), std::string("n\xc3\xa9"),
        std::string(64, 'a')}) {
    const auto id = node_id::parse(text);
    ASSERT_FALSE(id) << text;
    EXPECT_EQ(id.error().code, errc::bad_node_id);
    EXPECT_FALSE(id.error().detail.empty());
  }
}

TEST(printable, shows_hostile_input_safely) {
  EXPECT_EQ(printable("plain"), "\"plain\"");
  EXPECT_EQ(printable("a\x1b[2J\n\xff"), "\"a\\x1b[2J\\x0a\\xff\"");
  EXPECT_EQ(printable(std::string(65, 'a')), '"' + std::string(64, 'a') + "...\"");
}

} // namespace
} // namespace thor::model
