#include "tests/unit/zone/support.hpp"

#include <gtest/gtest.h>

namespace thor::zone {
namespace {

struct round_trip {
  rr_type type;
  std::string given;
  std::string canonical;
};

class rdata_form : public testing::TestWithParam<round_trip> {};

TEST_P(rdata_form, is_read_and_written) {
  const auto& [type, given, canonical] = GetParam();
  const rdata read = value_of(parse_rdata(type, given));
  EXPECT_EQ(to_text(read), canonical);
  EXPECT_EQ(value_of(parse_rdata(type, canonical)), read);
}

INSTANTIATE_TEST_SUITE_P(
    all, rdata_form,
    testing::Values(
        round_trip{rr_type::a, "192.0.2.1", "192.0.2.1"},
        round_trip{rr_type::aaaa, "2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        round_trip{rr_type::ns, "NS1.example", "ns1.example."},
        round_trip{rr_type::cname, "a\\.b.example.", "a\\.b.example."},
        round_trip{rr_type::ptr, "n1.example.", "n1.example."},
        round_trip{rr_type::mx, "10  mail.example", "10 mail.example."},
        round_trip{rr_type::mx, "0 .", "0 ."},
        round_trip{rr_type::soa, "ns1.e. host.e. 1 2 3 4 5", "ns1.e. host.e. 1 2 3 4 5"},
        round_trip{rr_type::srv, "0010 100\t65535 n1.e", "10 100 65535 n1.e."},
        round_trip{rr_type::naptr, "10 100 s SIP+D2T \"\" _sip._tcp.e",
                   "10 100 \"s\" \"SIP+D2T\" \"\" _sip._tcp.e."},
        round_trip{rr_type::naptr, R"(100 10 "u" "E2U+sip" "!^(.*)$!sip:\\1@e!" .)",
                   R"(100 10 "u" "E2U+sip" "!^(.*)$!sip:\\1@e!" .)"},
        round_trip{rr_type::txt, "plain", "\"plain\""},
        round_trip{rr_type::txt, R"("a b" "" c\032d)", R"("a b" "" "c d")"},
        round_trip{rr_type::txt, R"-("quote \" slash \\ \000\255;()")-",
                   R"-("quote \" slash \\ \000\255;()")-"},
        round_trip{static_cast<rr_type>(257), "0   issue  \"a  b\"", "0 issue \"a  b\""},
        round_trip{static_cast<rr_type>(65280), "\\# 2\n0aff", "\\# 2 0aff"}));

struct bad_content {
  rr_type type;
  std::string given;
  std::string why;
};

class rdata_refusal : public testing::TestWithParam<bad_content> {};

TEST_P(rdata_refusal, says_which_field_and_why) {
  const auto& [type, given, why] = GetParam();
  const auto read = parse_rdata(type, given);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().detail, why);
}

INSTANTIATE_TEST_SUITE_P(
    all, rdata_refusal,
    testing::Values(
        bad_content{rr_type::a, "192.0.2.256", "A address: \"192.0.2.256\" is not an IPv4 address"},
        bad_content{rr_type::a, "192.0.2.1 x", "A content: \"x\" is one field too many"},
        bad_content{rr_type::a, "\"192.0.2.1\"", "A address: must not be quoted"},
        bad_content{rr_type::aaaa, "192.0.2.1",
                    "AAAA address: \"192.0.2.1\" is not an IPv6 address"},
        bad_content{rr_type::aaaa, "fe80::1%eth0",
                    "AAAA address: \"fe80::1%eth0\" is not an IPv6 address"},
        bad_content{rr_type::srv, "10 100 70000 n1.e", "SRV port: \"70000\" is above 65535"},
        bad_content{rr_type::srv, "10 100 99999999999999999999999 n1.e",
                    "SRV port: \"99999999999999999999999\" is above 65535"},
        bad_content{rr_type::srv, "-1 100 5060 n1.e", "SRV priority: \"-1\" is not a number"},
        bad_content{rr_type::srv, "10 100 5060", "SRV target: missing"},
        bad_content{rr_type::srv, "", "SRV: empty content"},
        bad_content{rr_type::srv, "10 100 5060 a..b", "SRV target: name \"a..b\": empty label"},
        bad_content{rr_type::txt, "\"open", "TXT: a quotation mark that is not closed"},
        bad_content{rr_type::txt, "a\"b", "TXT: a quotation mark inside a word"},
        bad_content{rr_type::txt, "\"a\"b", "TXT: no space after a closing quotation mark"},
        bad_content{rr_type::txt, "a ; comment",
                    "TXT: \";\", \"(\" and \")\" stand only inside quotation marks"},
        bad_content{rr_type::txt, "\"a\nb\"", "TXT: a control character; write it as \\DDD"},
        bad_content{rr_type::txt, "\"a\\\nb\"", "TXT: a control character; write it as \\DDD"},
        bad_content{rr_type::txt, "\"\\300\"",
                    "TXT text: a backslash needs a character or three digits up to 255"},
        bad_content{rr_type::txt, "a\\", "TXT: a backslash at the end"},
        bad_content{rr_type::txt, '"' + std::string(256, 'x') + '"',
                    "TXT text: a string of 256 octets; at most 255 each, write several quoted "
                    "strings"},
        bad_content{rr_type::any, "x", "ANY is not a type of data"},
        bad_content{static_cast<rr_type>(257), "0 issue \"a",
                    "CAA: a quotation mark that is not closed"}));

TEST(rdata_text, is_bounded) {
  EXPECT_FALSE(parse_rdata(rr_type::txt, std::string(300'000, 'x')));
}

TEST(rdata_text, an_error_shows_only_the_start_of_a_long_word) {
  const auto read = parse_rdata(rr_type::a, std::string(5000, '1'));
  ASSERT_FALSE(read);
  EXPECT_LT(read.error().detail.size(), 200U);
}

} // namespace
} // namespace thor::zone
