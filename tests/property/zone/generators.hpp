// Random names, records and zones. Small alphabets, so that names collide and nest.
#pragma once

#include "zone/build/build.hpp"
#include "zone/model/record.hpp"

#include <rapidcheck.h>

#include <string>
#include <vector>

namespace thor::zone {

/// Any octets, the awkward ones often.
inline rc::Gen<std::string> any_label(int octets_max = 20) {
  const auto octet = rc::gen::weightedOneOf<char>(
      {{3, rc::gen::inRange('a', 'd')},
       {2, rc::gen::element('.', '\\', '"', ';', '(', ')', '@', '$', ' ', '\0', '\3', '*', 'A')},
       {1, rc::gen::arbitrary<char>()}});
  return rc::gen::mapcat(rc::gen::inRange(1, octets_max + 1), [octet](int size) {
    return rc::gen::container<std::string>(static_cast<std::size_t>(size), octet);
  });
}

inline name below(const name& apex, const std::vector<std::string>& labels) {
  name n = apex;
  for (const std::string& label : labels) {
    n = n.child(label).value();
  }
  return n;
}

/// Up to five labels of any octets.
inline rc::Gen<name> any_name() {
  return rc::gen::map(rc::gen::mapcat(rc::gen::inRange(0, 6),
                                      [](int size) {
                                        return rc::gen::container<std::vector<std::string>>(
                                            static_cast<std::size_t>(size), any_label());
                                      }),
                      [](const std::vector<std::string>& labels) { return below(name(), labels); });
}

/// A name at or below `example.`, from so few labels that zones are dense.
inline rc::Gen<name> zone_name() {
  return rc::gen::map(rc::gen::mapcat(rc::gen::inRange(0, 4),
                                      [](int size) {
                                        return rc::gen::container<std::vector<std::string>>(
                                            static_cast<std::size_t>(size),
                                            rc::gen::element<std::string>("a", "b", "*", "_udp"));
                                      }),
                      [](const std::vector<std::string>& labels) {
                        return below(name::parse("example").value(), labels);
                      });
}

/// One RRset of the kinds that nest, repeat, conflict and cut.
inline rrset any_set() {
  rrset set{.owner = *zone_name(), .type = rr_type::a, .ttl_s = 30};
  switch (*rc::gen::inRange(0, 9)) {
  case 0:
    set.type = rr_type::ns;
    set.records = {ns_rdata{*zone_name()}};
    break;
  case 1:
    set.type = rr_type::cname;
    set.records = {cname_rdata{*zone_name()}};
    break;
  case 2:
    set.type = rr_type::dname;
    set.records = {opaque_rdata{(*zone_name()).text()}};
    break;
  default:
    set.ttl_s = *rc::gen::element<std::uint32_t>(30, 60);
    for (int left = *rc::gen::inRange(0, 4); left > 0; --left) {
      set.records.emplace_back(a_rdata{{192, 0, 2, *rc::gen::inRange<std::uint8_t>(0, 4)}});
    }
  }
  return set;
}

inline rc::Gen<zone_input> any_input() {
  return rc::gen::exec([] {
    zone_input input{.apex = name::parse("example").value(), .id = 1, .soa = {}, .soa_ttl_s = 300};
    input.soa.serial = *rc::gen::arbitrary<std::uint32_t>();
    input.dynamic_known = *rc::gen::arbitrary<bool>();
    for (int left = *rc::gen::inRange(0, 20); left > 0; --left) {
      input.rrsets.push_back(any_set());
    }
    for (int left = *rc::gen::inRange(0, 5); left > 0; --left) {
      input.promised.push_back({*zone_name(), *rc::gen::arbitrary<bool>()});
    }
    return input;
  });
}

} // namespace thor::zone
