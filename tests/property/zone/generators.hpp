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

template <typename T>
rc::Gen<T> any() {
  return rc::gen::arbitrary<T>();
}

/// Any record of one of the types that are spelled out, with its type.
inline rc::Gen<std::pair<rr_type, rdata>> any_record() {
  using typed = std::pair<rr_type, rdata>;
  const auto u16 = any<std::uint16_t>();
  const auto u32 = any<std::uint32_t>();
  const auto of = [](rr_type type) {
    return [type](auto&& value) { return typed{type, std::forward<decltype(value)>(value)}; };
  };
  return rc::gen::oneOf(
      rc::gen::map(rc::gen::build<a_rdata>(
                       rc::gen::set(&a_rdata::octets, any<std::array<std::uint8_t, 4>>())),
                   of(rr_type::a)),
      rc::gen::map(rc::gen::build<aaaa_rdata>(
                       rc::gen::set(&aaaa_rdata::octets, any<std::array<std::uint8_t, 16>>())),
                   of(rr_type::aaaa)),
      rc::gen::map(rc::gen::build<ns_rdata>(rc::gen::set(&ns_rdata::target, any_name())),
                   of(rr_type::ns)),
      rc::gen::map(rc::gen::build<cname_rdata>(rc::gen::set(&cname_rdata::target, any_name())),
                   of(rr_type::cname)),
      rc::gen::map(rc::gen::build<ptr_rdata>(rc::gen::set(&ptr_rdata::target, any_name())),
                   of(rr_type::ptr)),
      rc::gen::map(rc::gen::build<mx_rdata>(rc::gen::set(&mx_rdata::preference, u16),
                                            rc::gen::set(&mx_rdata::exchange, any_name())),
                   of(rr_type::mx)),
      rc::gen::map(
          rc::gen::build<soa_rdata>(
              rc::gen::set(&soa_rdata::mname, any_name()),
              rc::gen::set(&soa_rdata::rname, any_name()), rc::gen::set(&soa_rdata::serial, u32),
              rc::gen::set(&soa_rdata::refresh_s, u32), rc::gen::set(&soa_rdata::retry_s, u32),
              rc::gen::set(&soa_rdata::expire_s, u32), rc::gen::set(&soa_rdata::minimum_s, u32)),
          of(rr_type::soa)),
      rc::gen::map(rc::gen::build<srv_rdata>(rc::gen::set(&srv_rdata::priority, u16),
                                             rc::gen::set(&srv_rdata::weight, u16),
                                             rc::gen::set(&srv_rdata::port, u16),
                                             rc::gen::set(&srv_rdata::target, any_name())),
                   of(rr_type::srv)),
      rc::gen::map(rc::gen::build<naptr_rdata>(rc::gen::set(&naptr_rdata::order, u16),
                                               rc::gen::set(&naptr_rdata::preference, u16),
                                               rc::gen::set(&naptr_rdata::flags, any_label()),
                                               rc::gen::set(&naptr_rdata::service, any_label()),
                                               rc::gen::set(&naptr_rdata::regexp, any_label(255)),
                                               rc::gen::set(&naptr_rdata::replacement, any_name())),
                   of(rr_type::naptr)),
      rc::gen::map(rc::gen::build<txt_rdata>(rc::gen::set(
                       &txt_rdata::strings,
                       rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(
                           rc::gen::oneOf(any_label(255), rc::gen::just(std::string())))))),
                   of(rr_type::txt)));
}

/// RRsets that nest, repeat, conflict and cut, and promises.
inline rc::Gen<zone_input> any_input() {
  const auto record = rc::gen::map(rc::gen::inRange<std::uint8_t>(0, 4), [](std::uint8_t last) {
    return rdata(a_rdata{{192, 0, 2, last}});
  });
  const auto address_set = rc::gen::construct<rrset>(
      zone_name(), rc::gen::just(rr_type::a), rc::gen::element<std::uint32_t>(30, 60),
      rc::gen::container<std::vector<rdata>>(record), rc::gen::just<std::uint16_t>(0));
  const auto target_set = [](rr_type type, auto make) {
    return rc::gen::construct<rrset>(
        zone_name(), rc::gen::just(type), rc::gen::just<std::uint32_t>(30),
        rc::gen::container<std::vector<rdata>>(1, rc::gen::map(zone_name(), make)),
        rc::gen::just<std::uint16_t>(0));
  };
  const auto any_set = rc::gen::weightedOneOf<rrset>(
      {{6, address_set},
       {1, target_set(rr_type::ns, [](name n) { return rdata(ns_rdata{std::move(n)}); })},
       {1, target_set(rr_type::cname, [](name n) { return rdata(cname_rdata{std::move(n)}); })},
       {1,
        target_set(rr_type::dname, [](const name& n) { return rdata(opaque_rdata{n.text()}); })}});
  const auto promise = rc::gen::construct<promised_name>(zone_name(), any<bool>());
  return rc::gen::map(
      rc::gen::tuple(rc::gen::container<std::vector<rrset>>(any_set),
                     rc::gen::container<std::vector<promised_name>>(promise), any<bool>(),
                     any<std::uint32_t>()),
      [](std::tuple<std::vector<rrset>, std::vector<promised_name>, bool, std::uint32_t> parts) {
        zone_input input{
            .apex = name::parse("example").value(), .id = 1, .soa = {}, .soa_ttl_s = 300};
        input.soa.serial = std::get<3>(parts);
        input.rrsets = std::move(std::get<0>(parts));
        input.promised = std::move(std::get<1>(parts));
        input.dynamic_known = std::get<2>(parts);
        return input;
      });
}

} // namespace thor::zone
