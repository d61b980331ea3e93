// A zone as the overlay makes it, of any size: what benches, static_backend and tests serve.
//
//   sip.example.com.   SOA, NS, NAPTR; _sip._udp, _sip._tcp, _sips._tcp SRV of all members;
//                      proxy A and AAAA of all members; xcap TXT; _xcap._tcp, which promises SRV
//                      and has none; n<i>.node A, AAAA and TXT of member i
#pragma once

#include "zone/build/build.hpp"
#include "zone/text/rdata_text.hpp"

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thor::test {

struct synthetic_zone {
  std::string apex = "sip.example.com.";
  std::uint32_t id = 1;
  std::uint32_t serial = 2'025'010'101;
  unsigned members = 10;
  /// Records of a role in one answer, 0 = all.
  std::uint16_t slice = 8;
  /// False: nobody knows the members.
  bool known = true;
  /// Member i is at home in view i % sites + 1; 0 = nobody is anywhere.
  unsigned sites = 0;
};

inline zone::name name_of(std::string_view text) {
  auto parsed = zone::name::parse(text);
  if (!parsed) {
    throw std::invalid_argument(parsed.error().detail);
  }
  return *std::move(parsed);
}

inline zone::rrset rrset_of(std::string_view owner, zone::rr_type type, std::uint32_t ttl_s,
                            const std::vector<std::string>& contents, std::uint16_t slice = 0) {
  zone::rrset out{
      .owner = name_of(owner), .type = type, .ttl_s = ttl_s, .records = {}, .slice = slice};
  for (const std::string& content : contents) {
    auto parsed = zone::parse_rdata(type, content);
    if (!parsed) {
      throw std::invalid_argument(parsed.error().detail);
    }
    out.records.push_back(*std::move(parsed));
  }
  return out;
}

/// The content of a row as zone::to_text writes it; PowerDNS's rows lack the last dot.
inline std::string as_we_write(std::string_view type, std::string_view content) {
  return zone::to_text(zone::parse_rdata(zone::parse_type(type).value(), content).value());
}

inline std::string member_name(const synthetic_zone& of, unsigned member) {
  return "n" + std::to_string(member) + ".node." + of.apex;
}

/// Gives SRV records of members 0, 1, ... their homes: elsewhere their priority is 20.
inline zone::rrset at_home(zone::rrset set, unsigned sites) {
  for (std::size_t i = 0; sites != 0 && i < set.records.size(); ++i) {
    auto elsewhere = std::get<zone::srv_rdata>(set.records[i]);
    elsewhere.priority = 20;
    set.homes.push_back(
        {.view = static_cast<std::uint16_t>(i % sites + 1), .elsewhere = elsewhere});
  }
  return set;
}

inline zone::zone_input describe(const synthetic_zone& of) {
  using enum zone::rr_type;
  constexpr std::uint32_t dynamic_ttl_s = 30;
  constexpr std::uint32_t static_ttl_s = 3600;
  zone::zone_input out{.apex = name_of(of.apex),
                       .id = of.id,
                       .soa = {.mname = name_of("ns1." + of.apex),
                               .rname = name_of("hostmaster." + of.apex),
                               .serial = of.serial,
                               .refresh_s = 3600,
                               .retry_s = 600,
                               .expire_s = 1'209'600,
                               .minimum_s = 15},
                       .soa_ttl_s = 300,
                       .rrsets = {},
                       .promised = {},
                       .dynamic_known = of.known};
  const auto add = [&](const std::string& relative, zone::rr_type type, std::uint32_t ttl_s,
                       const std::vector<std::string>& contents, std::uint16_t slice = 0) {
    out.rrsets.push_back(rrset_of(relative + of.apex, type, ttl_s, contents, slice));
  };
  add("", ns, static_ttl_s, {"ns1." + of.apex, "ns2." + of.apex});
  add("ns1.", a, static_ttl_s, {"192.0.2.53"});
  add("ns2.", a, static_ttl_s, {"198.51.100.53"});
  add("", naptr, static_ttl_s,
      {R"(10 100 "s" "SIPS+D2T" "" _sips._tcp.)" + of.apex,
       R"(20 100 "s" "SIP+D2T" "" _sip._tcp.)" + of.apex,
       R"(30 100 "s" "SIP+D2U" "" _sip._udp.)" + of.apex});
  add("xcap.", txt, static_ttl_s, {"\"https://xcap." + of.apex + "/xcap-root\""});

  std::vector<std::string> sip;
  std::vector<std::string> sips;
  std::vector<std::string> v4;
  std::vector<std::string> v6;
  for (unsigned i = 0; i < (of.known ? of.members : 0); ++i) {
    const std::string node = member_name(of, i);
    sip.push_back("10 100 5060 " + node);
    sips.push_back("10 100 5061 " + node);
    v4.push_back("10." + std::to_string(i / 65536) + "." + std::to_string(i / 256 % 256) + "." +
                 std::to_string(i % 256));
    constexpr std::string_view hex = "0123456789abcdef";
    std::string group;
    for (int shift = 12; shift >= 0; shift -= 4) {
      group += hex[i >> shift & 0xf];
    }
    v6.push_back("2001:db8:1::" + group);
    out.rrsets.push_back(rrset_of(node, a, dynamic_ttl_s, {v4.back()}));
    out.rrsets.push_back(rrset_of(node, aaaa, dynamic_ttl_s, {v6.back()}));
    out.rrsets.push_back(rrset_of(node, txt, dynamic_ttl_s, {"\"sip_proxy\""}));
  }
  const auto add_service = [&](const std::string& relative, const std::vector<std::string>& all) {
    out.rrsets.push_back(
        at_home(rrset_of(relative + of.apex, srv, dynamic_ttl_s, all, of.slice), of.sites));
  };
  add_service("_sip._udp.", sip);
  add_service("_sip._tcp.", sip);
  add_service("_sips._tcp.", sips);
  add("proxy.", a, dynamic_ttl_s, v4, of.slice);
  add("proxy.", aaaa, dynamic_ttl_s, v6, of.slice);
  for (const char* const promised :
       {"_sip._udp.", "_sip._tcp.", "_sips._tcp.", "_xcap._tcp.", "proxy.", "node."}) {
    out.promised.push_back({.owner = name_of(promised + of.apex), .dynamic = true});
  }
  return out;
}

/// Builds the zone; `previous` may be nullptr.
inline std::shared_ptr<const zone::contents> build(const synthetic_zone& of,
                                                   const zone::contents* previous = nullptr) {
  zone::built made = zone::build(describe(of), previous);
  if (!made.rejected.empty()) {
    throw std::logic_error("synthetic zone: " + made.rejected.front().reason.detail);
  }
  return std::move(made.zone);
}

inline std::shared_ptr<const zone::snapshot>
snapshot_of(std::vector<std::shared_ptr<const zone::contents>> zones) {
  auto out = std::make_shared<zone::snapshot>();
  out->zones = std::move(zones);
  return out;
}

} // namespace thor::test
