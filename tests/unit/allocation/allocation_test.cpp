// What PowerDNS asks for every DNS query is read and answered without the heap. A program of its
// own, because it counts what operator new is asked for.
#include "backend/answer/answer_table.hpp"
#include "backend/protocol/read.hpp"
#include "tests/support/synthetic_zone.hpp"
#include "zone/build/build.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::size_t allocations = 0; // one thread

} // namespace

// All other forms of operator new come here.
void* operator new(std::size_t octets) {
  ++allocations;
  if (void* const memory = std::malloc(octets == 0 ? 1 : octets)) {
    return memory;
  }
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace thor::backend {
namespace {

class three_hosts final : public zone::synthesis {
 public:
  std::size_t find(std::string_view /*label*/, std::span<const host*> out) const override {
    std::ranges::fill(out, &host_);
    return out.size();
  }
  [[nodiscard]] std::uint32_t ttl_s() const override { return 30; }
  [[nodiscard]] bool is_same_as(const zone::synthesis& other) const override {
    return this == &other;
  }

 private:
  host host_{.port = 5060,
             .target = test::name_of("a.member.with.a.long.name.node.example.com."),
             .addresses = {zone::a_rdata{{192, 0, 2, 1}},
                           zone::aaaa_rdata{{0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, 0xee, 0xee, 0xdd,
                                             0xdd, 0xcc, 0xcc, 0xbb, 0xbb, 0xaa, 0xaa}}}};
};

std::shared_ptr<const zone::contents> lookup_zone() {
  zone::zone_input out{
      .apex = test::name_of("lookup.example."), .id = 3, .soa = {}, .soa_ttl_s = 300};
  out.promised = {{test::name_of("sip_proxy.lookup.example."), true,
                   std::make_shared<const three_hosts>(), true}};
  return zone::build(out, nullptr).zone;
}

std::shared_ptr<const answer_table> table() {
  auto metadata = std::make_shared<std::map<zone::name, zone_metadata>>();
  (*metadata)[test::name_of("sip.example.com.")]["TSIG-ALLOW-DNSUPDATE"] = {
      "a.long.key.example.org"};
  return answer_table::build(
      {.zones = test::snapshot_of({build(test::synthetic_zone{.members = 40, .sites = 3}),
                                   build(test::synthetic_zone{.apex = "other.example.", .id = 2}),
                                   lookup_zone()}),
       .metadata = metadata,
       .server_id = "ns1",
       .networks = std::make_shared<const networks>(std::vector<viewing_network>{
           {.where = ip_prefix::parse("192.0.2.0/24").value(), .view = 2}}),
       .complete = true},
      nullptr);
}

std::string lookup(std::string_view qname, std::string_view qtype, std::string_view zone_id = "1") {
  return R"({"method":"lookup","parameters":{"local":"0.0.0.0","qname":")" + std::string(qname) +
         R"(","qtype":")" + std::string(qtype) +
         R"(","real-remote":"192.0.2.1/32","remote":"192.0.2.1","zone-id":)" +
         std::string(zone_id) + "}}";
}

std::string long_name() {
  std::string out;
  while (out.size() + 60 < 230) {
    out += std::string(50, 'x') + ".";
  }
  return out + "sip.example.com.";
}

std::vector<std::string> questions() {
  const std::string zone = R"("parameters":{"name":"sip.example.com."}})";
  return {
      lookup("sip.example.com.", "ANY", "-1"),
      lookup("SIP.Example.com.", "SOA", "-1"),
      lookup("n3.node.sip.example.com.", "ANY"),
      lookup("_sip._udp.sip.example.com.", "ANY"), // sliced and viewed
      lookup("_sip._udp.sip.example.com.", "SRV"),
      lookup("_udp.sip.example.com.", "ANY"), // has no records
      lookup("nobody.with.a.long.name.in.this.zone.sip.example.com.", "ANY"),
      lookup(long_name(), "A"),
      lookup("*.sip.example.com.", "ANY"),
      lookup(R"(a.user@with.a.long.name.example.com.sip_proxy.lookup.example.)", "ANY", "3"),
      lookup(R"(a\\@b\\.example\\.com.sip_proxy.lookup.example.)", "ANY", "3"),
      lookup("www.elsewhere.example.org.", "ANY", "-1"),
      R"({"method":"getDomainInfo",)" + zone,
      R"({"method":"getDomainInfo","parameters":{"name":"a.zone.of.others.example.org."}})",
      R"({"method":"getAllDomainMetadata",)" + zone,
      R"({"method":"getDomainMetadata","parameters":)"
      R"({"name":"sip.example.com.","kind":"TSIG-ALLOW-DNSUPDATE"}})",
      R"({"method":"getDomainMetadata","parameters":)"
      R"({"name":"sip.example.com.","kind":"FORWARD-DNSUPDATE-NONE"}})",
      R"({"method":"getDomainKeys",)" + zone,
  };
}

/// How often the heap was asked to answer `text` as it comes over HTTP and as a line.
std::size_t allocations_of(const answer_table& zones, const std::string& text, std::string& out) {
  const std::size_t before = allocations;
  const auto where = read_target("/0123456789abcdef/");
  const auto posted = read_http({.verb = "POST", .where = *where, .body = text, .zone_id = {}});
  out.clear();
  answer(&zones, *posted, std::chrono::seconds(1'736'000'000), connector::http, out);
  const auto line = read_envelope(text);
  out.clear();
  answer(&zones, *line, std::chrono::seconds(1'736'000'000), connector::unix_socket, out);
  return allocations - before;
}

TEST(allocation, a_question_of_powerdns_is_answered_without_the_heap) {
  const auto zones = table();
  std::string out;
  out.reserve(std::size_t{64} * 1024);
  for (const std::string& question : questions()) {
    EXPECT_EQ(allocations_of(*zones, question, out), 0U) << question;
    EXPECT_TRUE(out.starts_with(R"({"result":)")) << out;
  }
}

TEST(allocation, is_counted) {
  const std::size_t before = allocations;
  const auto made = std::make_unique<std::string>(100, 'x');
  EXPECT_EQ(allocations - before, 2U) << *made;
}

} // namespace
} // namespace thor::backend
