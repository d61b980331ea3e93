#include "zone/build/build.hpp"
#include "zone/text/digest.hpp"
#include "zone/text/zonefile.hpp"

#include <gtest/gtest.h>

namespace thor::zone {
namespace {

name n(std::string_view text) {
  return *name::parse(text);
}

zone_input small() {
  zone_input input{
      .apex = n("sip.example"),
      .id = 1,
      .soa = {n("ns1.sip.example"), n("hostmaster.sip.example"), 7, 3600, 600, 1209600, 15},
      .soa_ttl_s = 300};
  input.rrsets = {{n("sip.example"), rr_type::ns, 3600, {ns_rdata{n("ns1.sip.example")}}, 0},
                  {n("a.sip.example"), rr_type::a, 60, {a_rdata{{192, 0, 2, 1}}}, 0}};
  return input;
}

std::uint64_t of(const zone_input& input) {
  return digest(*build(input, nullptr).zone);
}

TEST(zone_digest, is_that_of_the_specification) {
  // The exclusive or of XXH64 over its three lines, as the specification writes them.
  EXPECT_EQ(of(small()), 0x87739e79e87d751dU);
}

TEST(zone_digest, ignores_the_serial_and_sees_everything_else) {
  const auto same = of(small());
  auto other = small();
  other.soa.serial = 8;
  EXPECT_EQ(of(other), same);
  other = small(), other.soa.refresh_s = 1;
  EXPECT_NE(of(other), same);
  other = small(), other.rrsets[1].ttl_s = 61;
  EXPECT_NE(of(other), same);
  other = small(), other.rrsets[1].records = {a_rdata{{192, 0, 2, 2}}};
  EXPECT_NE(of(other), same);
  other = small(), other.rrsets[1].owner = n("b.sip.example");
  EXPECT_NE(of(other), same);
  other = small(), other.rrsets.pop_back();
  EXPECT_NE(of(other), same);
}

} // namespace
} // namespace thor::zone
