// Short words for zones in tests. What cannot be read is a mistake of the test and throws.
#pragma once

#include "zone/build/build.hpp"
#include "zone/text/rdata_text.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace thor::zone {

template <typename T>
T value_of(std::expected<T, error>&& result) {
  if (!result) {
    throw std::invalid_argument(result.error().detail);
  }
  return *std::move(result);
}

inline name operator""_n(const char* text, std::size_t size) {
  return value_of(name::parse({text, size}));
}

inline rrset set_of(std::string_view owner, rr_type type, const std::vector<std::string>& contents,
                    std::uint32_t ttl_s = 30) {
  rrset set{.owner = value_of(name::parse(owner)), .type = type, .ttl_s = ttl_s};
  for (const std::string& content : contents) {
    set.records.push_back(value_of(parse_rdata(type, content)));
  }
  return set;
}

/// An SRV set of _sip._udp.example with records at home in views: {"10 100 5060 a.example", 1};
/// what clients elsewhere get is the record of priority 20.
inline rrset homed_set(const std::vector<std::pair<std::string, std::uint16_t>>& records) {
  rrset set{.owner = value_of(name::parse("_sip._udp.example")), .type = rr_type::srv, .ttl_s = 30};
  for (const auto& [content, view] : records) {
    set.records.push_back(value_of(parse_rdata(rr_type::srv, content)));
    auto elsewhere = std::get<srv_rdata>(set.records.back());
    elsewhere.priority = 20;
    set.homes.push_back({.view = view, .elsewhere = elsewhere});
  }
  return set;
}

/// The zone example. with serial, SOA and NS, and these RRsets.
inline zone_input input_of(std::vector<rrset> rrsets, std::uint32_t serial = 1) {
  zone_input input{
      .apex = "example"_n,
      .id = 1,
      .soa = {"ns1.example"_n, "hostmaster.example"_n, serial, 3600, 600, 1209600, 15},
      .soa_ttl_s = 300,
      .rrsets = {set_of("example", rr_type::ns, {"ns1.example"}, 3600)},
  };
  for (rrset& set : rrsets) {
    input.rrsets.push_back(std::move(set));
  }
  return input;
}

inline std::vector<std::string> owners(const contents& zone) {
  std::vector<std::string> texts;
  for (const auto& n : zone.nodes) {
    texts.push_back(n->owner.text());
  }
  return texts;
}

} // namespace thor::zone
