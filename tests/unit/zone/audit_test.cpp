#include "tests/unit/zone/support.hpp"
#include "zone/build/audit.hpp"
#include "zone/build/build.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::zone {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> findings_in(std::vector<rrset> rrsets) {
  rrsets.push_back(set_of("ns1.example", rr_type::aaaa, {"2001:db8::53"}));
  std::vector<std::string> all;
  for (const finding& f : audit(*build(input_of(std::move(rrsets)), nullptr).zone)) {
    all.push_back(f.owner.text() + " " + to_string(f.type) + ": " + f.what);
  }
  return all;
}

TEST(audit, a_zone_whose_targets_have_addresses_is_in_order) {
  EXPECT_THAT(findings_in({set_of("example", rr_type::ns, {"ns1.example", "ns.elsewhere.org"}),
                           set_of("example", rr_type::naptr,
                                  {R"(10 100 "s" "SIP+D2U" "" _sip._udp.example)"}),
                           set_of("_sip._udp.example", rr_type::srv, {"1 1 5060 n1.example"}),
                           set_of("n1.example", rr_type::a, {"192.0.2.1"}),
                           set_of("www.example", rr_type::cname, {"n1.example"})}),
              IsEmpty());
}

TEST(audit, says_which_target_leads_nowhere) {
  EXPECT_THAT(
      findings_in(
          {set_of("example", rr_type::naptr, {R"(10 100 "s" "SIP+D2U" "" _sip._tcp.example)"}),
           set_of("_sip._udp.example", rr_type::srv,
                  {"1 1 5060 gone.example", "2 1 5060 text.example", "3 1 5060 www.example"}),
           set_of("text.example", rr_type::txt, {"\"no address\""}),
           set_of("www.example", rr_type::cname, {"lost.example"})}),
      ElementsAre("example. NAPTR: its replacement _sip._tcp.example. does not exist",
                  "_sip._udp.example. SRV: its target gone.example. does not exist",
                  "_sip._udp.example. SRV: its target text.example. has no address",
                  "_sip._udp.example. SRV: its target www.example. is an alias",
                  "www.example. CNAME: its target lost.example. does not exist"));
}

TEST(audit, no_target_and_targets_of_others_are_their_own_business) {
  EXPECT_THAT(findings_in({set_of("_sip._udp.example", rr_type::srv, {"0 0 0 ."}),
                           set_of("_sip._tcp.example", rr_type::srv, {"1 1 1 n.elsewhere.org"}),
                           set_of("sub.example", rr_type::ns, {"ns.sub.example"}),
                           set_of("_xcap._tcp.example", rr_type::srv, {"1 1 1 x.sub.example"}),
                           set_of("*.any.example", rr_type::a, {"192.0.2.1"}),
                           set_of("_ngnpro._tcp.example", rr_type::srv, {"1 1 1 x.any.example"})}),
              IsEmpty());
}

} // namespace
} // namespace thor::zone
