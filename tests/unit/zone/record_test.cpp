#include "tests/unit/zone/support.hpp"
#include "zone/model/record.hpp"

#include <gtest/gtest.h>

namespace thor::zone {
namespace {

TEST(rr_type, has_mnemonics_in_any_case) {
  EXPECT_EQ(to_string(rr_type::naptr), "NAPTR");
  EXPECT_EQ(value_of(parse_type("naptr")), rr_type::naptr);
  EXPECT_EQ(value_of(parse_type("ANY")), rr_type::any);
}

TEST(rr_type, has_a_generic_form) {
  EXPECT_EQ(to_string(static_cast<rr_type>(65280)), "TYPE65280");
  EXPECT_EQ(value_of(parse_type("type65280")), static_cast<rr_type>(65280));
  EXPECT_EQ(value_of(parse_type("TYPE33")), rr_type::srv);
}

TEST(rr_type, every_value_is_read_back) {
  for (std::uint32_t number = 0; number <= 0xffff; ++number) {
    const auto type = static_cast<rr_type>(number);
    ASSERT_EQ(value_of(parse_type(to_string(type))), type) << number;
  }
}

TEST(rr_type, refuses_what_is_no_type) {
  for (const char* text :
       {"", "SRVX", "TYPE", "TYPE65536", "TYPE-1", "TYPE1 ", "A\n", "AVERYLONGWORDTHATISNOTYPE"}) {
    const auto parsed = parse_type(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, errc::bad_type);
  }
  EXPECT_EQ(parse_type("SRVX").error().detail, "\"SRVX\" is not a record type");
}

TEST(rr_type, data_types_are_those_that_records_can_have) {
  EXPECT_TRUE(is_data_type(rr_type::a));
  EXPECT_TRUE(is_data_type(value_of(parse_type("CAA"))));
  for (const char* text : {"TYPE0", "OPT", "TSIG", "AXFR", "ANY"}) {
    EXPECT_FALSE(is_data_type(value_of(parse_type(text)))) << text;
  }
}

} // namespace
} // namespace thor::zone
