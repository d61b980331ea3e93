#include "tests/unit/zone/support.hpp"
#include "zone/text/zonefile.hpp"

#include <gtest/gtest.h>

namespace thor::zone {
namespace {

TEST(zonefile, has_the_soa_first_and_the_rest_in_canonical_order) {
  const contents zone =
      *build(input_of({
                 set_of("_sip._udp.example", rr_type::srv, {"10 100 5060 n1.example"}),
                 set_of("example", rr_type::a, {"192.0.2.1"}),
                 set_of("n1.example", rr_type::txt, {"b", "a"}),
             }),
             nullptr)
           .zone;
  EXPECT_EQ(to_zonefile(zone),
            "example. 300 IN SOA ns1.example. hostmaster.example. 1 3600 600 1209600 15\n"
            "example. 30 IN A 192.0.2.1\n"
            "example. 3600 IN NS ns1.example.\n"
            "_sip._udp.example. 30 IN SRV 10 100 5060 n1.example.\n"
            "n1.example. 30 IN TXT \"a\"\n"
            "n1.example. 30 IN TXT \"b\"\n");
}

} // namespace
} // namespace thor::zone
