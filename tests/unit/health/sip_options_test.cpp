#include "coordinator/health/sip_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::health {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const sip_options asked{"UDP", "192.0.2.1:5060", "127.0.0.1:40000", "0123abcd"};

std::string response(std::string_view status, std::string_view headers) {
  return std::string("SIP/2.0 ").append(status).append("\r\n").append(headers).append("\r\n");
}

const std::string ours = "Via: SIP/2.0/UDP 127.0.0.1:40000;rport=40000;branch=z9hG4bK0123abcd\r\n"
                         "CSeq: 1 OPTIONS\r\n";

TEST(SipOptions, HasTheHeaderFieldsThatRfc3261Section811AsksFor) {
  const auto request = sip_request(asked);
  EXPECT_THAT(request, StartsWith("OPTIONS sip:192.0.2.1:5060 SIP/2.0\r\n"));
  for (const auto* field : {"\r\nVia: SIP/2.0/UDP 127.0.0.1:40000;rport;branch=z9hG4bK0123abcd\r\n",
                            "\r\nMax-Forwards: 0\r\n", "\r\nTo: <sip:192.0.2.1:5060>\r\n",
                            "\r\nFrom: <sip:thor-node@127.0.0.1>;tag=0123abcd\r\n",
                            "\r\nCall-ID: 0123abcd@127.0.0.1\r\n", "\r\nCSeq: 1 OPTIONS\r\n",
                            "\r\nContent-Length: 0\r\n"})
    EXPECT_THAT(request, HasSubstr(field));
  EXPECT_TRUE(request.ends_with("\r\n\r\n"));
}

TEST(SipOptions, WritesIPv6AddressesInBrackets) {
  const auto request = sip_request({"TLS", "[2001:db8::1]:5061", "[2001:db8::2]:40000", "a"});
  EXPECT_THAT(request, StartsWith("OPTIONS sip:[2001:db8::1]:5061 SIP/2.0\r\n"));
  EXPECT_THAT(request, HasSubstr("Via: SIP/2.0/TLS [2001:db8::2]:40000;"));
  EXPECT_THAT(request, HasSubstr("From: <sip:thor-node@[2001:db8::2]>;"));
}

TEST(SipOptions, ReadsAResponse) {
  const auto got = parse_sip_response(response("200 All is well", ours + "Content-Length: 12\r\n"));
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ(200U, got->status);
  EXPECT_EQ("All is well", got->reason);
  EXPECT_EQ("z9hG4bK0123abcd", got->branch);
  EXPECT_EQ("OPTIONS", got->cseq_method);
  EXPECT_EQ(12U, got->body_octets);
  EXPECT_TRUE(is_final_answer(*got, asked));
}

TEST(SipOptions, ReadsCompactAndFoldedFieldsInAnyCase) {
  const auto got = parse_sip_response(
      response("404 ", "v: SIP / 2.0 / UDP 127.0.0.1:40000\r\n ; Branch = z9hG4bK0123ABCD ;x=y\r\n"
                       "VIA: SIP/2.0/UDP other;branch=z9hG4bKother\r\n"
                       "cseq:\t1\r\n  OPTIONS\r\nl: 5\r\n"));
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ("z9hG4bK0123ABCD", got->branch) << "of the topmost Via";
  EXPECT_EQ(5U, got->body_octets);
  EXPECT_TRUE(is_final_answer(*got, asked));
}

TEST(SipOptions, TakesNoBranchFromQuotesOrFromAnotherValue) {
  const auto got = parse_sip_response(
      response("200 OK", "Via: SIP/2.0/UDP h;c=\";branch=no\", SIP/2.0/UDP i;branch=neither\r\n"));
  ASSERT_TRUE(got);
  EXPECT_EQ("", got->branch);
}

TEST(SipOptions, KnowsWhatIsNoAnswerToItsRequest) {
  const auto is_ours = [](std::string_view status, std::string headers) {
    return is_final_answer(*parse_sip_response(response(status, headers)), asked);
  };
  EXPECT_TRUE(is_ours("503 Service Unavailable", ours));
  EXPECT_FALSE(is_ours("100 Trying", ours)) << "it is provisional";
  EXPECT_FALSE(is_ours("200 OK", "CSeq: 1 OPTIONS\r\n"));
  EXPECT_FALSE(is_ours("200 OK", "Via: SIP/2.0/UDP h;branch=z9hG4bKold\r\nCSeq: 1 OPTIONS\r\n"));
  EXPECT_FALSE(
      is_ours("200 OK", "Via: SIP/2.0/UDP h;branch=z9hG4bK0123abcd\r\nCSeq: 1 INVITE\r\n"));
}

TEST(SipOptions, RefusesWhatIsNoResponse) {
  for (const auto* wrong :
       {"", "\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "OPTIONS sip:a SIP/2.0\r\n\r\n",
        "SIP/2.0 99 No\r\n\r\n", "SIP/2.0 700 No\r\n\r\n", "SIP/2.0 2000 No\r\n\r\n",
        "SIP/2.0 +20 No\r\n\r\n", "SIP/2.0 200 OK\r\nno colon\r\n\r\n",
        "SIP/2.0 200 OK\r\nContent-Length: -1\r\n\r\n",
        "SIP/2.0 200 OK\r\nl: 99999999999999999999\r\n\r\n"})
    EXPECT_FALSE(parse_sip_response(wrong)) << wrong;
}

TEST(SipOptions, FindsTheEndOfAHeaderInAStream) {
  EXPECT_EQ(std::nullopt, sip_header_octets("SIP/2.0 200 OK\r\n"));
  EXPECT_EQ(18U, sip_header_octets("SIP/2.0 200 OK\r\n\r\nbody"));
}

} // namespace
} // namespace thor::health
