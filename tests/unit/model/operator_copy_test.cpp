#include "coordinator/model/operator_copy.hpp"

#include <gtest/gtest.h>

namespace thor::model {
namespace {

TEST(writer_claim, of_a_later_term_outranks_and_then_the_greater_id) {
  EXPECT_TRUE(outranks({1, "a"}, {0, "z"}));
  EXPECT_TRUE(outranks({2, "a"}, {1, "z"}));
  EXPECT_TRUE(outranks({1, "b"}, {1, "a"}));
  EXPECT_FALSE(outranks({1, "a"}, {1, "b"}));
  EXPECT_FALSE(outranks({1, "a"}, {1, "a"}));
}

TEST(writer_claim, of_a_configuration_outranks_nobody) {
  EXPECT_FALSE(outranks({0, "b"}, {0, "a"}));
  EXPECT_FALSE(outranks({0, "b"}, {0, ""}));
}

TEST(writer_claim, has_a_text) {
  for (const writer_claim& claim : {writer_claim{0, "dns1"}, writer_claim{9007199254740991, "a-b"}})
    EXPECT_EQ(parse_claim(to_text(claim)), claim);
  for (const auto* bad : {"", "1", "1 ", " dns1", "-1 dns1", "1  dns1", "1 Dns1", "x dns1",
                          "1x dns1", "9007199254740992 dns1", "99999999999999999999 dns1"})
    EXPECT_EQ(parse_claim(bad), std::nullopt) << bad;
}

} // namespace
} // namespace thor::model
