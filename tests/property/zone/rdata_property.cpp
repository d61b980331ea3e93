#include "tests/property/zone/generators.hpp"
#include "zone/check/check.hpp"
#include "zone/text/rdata_text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace thor::zone {
namespace {

using typed_record = std::pair<rr_type, rdata>;

std::vector<std::string> any_strings() {
  std::vector<std::string> strings(static_cast<std::size_t>(*rc::gen::inRange(1, 4)));
  for (std::string& s : strings) {
    s = *rc::gen::arbitrary<bool>() ? *any_label(255) : "";
  }
  return strings;
}

/// Any record of one of the types that are spelled out.
rc::Gen<typed_record> any_record() {
  return rc::gen::exec([]() -> typed_record {
    const auto u16 = [] { return *rc::gen::arbitrary<std::uint16_t>(); };
    const auto u32 = [] { return *rc::gen::arbitrary<std::uint32_t>(); };
    const auto text = [] { return *any_label(255); };
    switch (*rc::gen::inRange(0, 10)) {
    case 0:
      return {rr_type::a, a_rdata{*rc::gen::arbitrary<std::array<std::uint8_t, 4>>()}};
    case 1:
      return {rr_type::aaaa, aaaa_rdata{*rc::gen::arbitrary<std::array<std::uint8_t, 16>>()}};
    case 2:
      return {rr_type::ns, ns_rdata{*any_name()}};
    case 3:
      return {rr_type::cname, cname_rdata{*any_name()}};
    case 4:
      return {rr_type::ptr, ptr_rdata{*any_name()}};
    case 5:
      return {rr_type::mx, mx_rdata{u16(), *any_name()}};
    case 6:
      return {rr_type::soa, soa_rdata{*any_name(), *any_name(), u32(), u32(), u32(), u32(), u32()}};
    case 7:
      return {rr_type::srv, srv_rdata{u16(), u16(), u16(), *any_name()}};
    case 8:
      return {rr_type::naptr, naptr_rdata{u16(), u16(), text(), text(), text(), *any_name()}};
    default:
      return {rr_type::txt, txt_rdata{any_strings()}};
    }
  });
}

/// ldns writes a quotation mark in a name bare, and takes a first label `\@` for the origin.
bool ldns_can_tell(const name& n) {
  return !n.text().contains("\\\"") && !n.text().starts_with("\\@.");
}

/// Whether ldns can give a second opinion on all names in the record.
bool ldns_can_tell(const rdata& data) {
  return std::visit(
      [](const auto& r) {
        if constexpr (requires { r.target; }) {
          return ldns_can_tell(r.target);
        } else if constexpr (requires { r.exchange; }) {
          return ldns_can_tell(r.exchange);
        } else if constexpr (requires { r.replacement; }) {
          return ldns_can_tell(r.replacement);
        } else if constexpr (requires { r.mname; }) {
          return ldns_can_tell(r.mname) && ldns_can_tell(r.rname);
        } else {
          return true;
        }
      },
      data);
}

RC_GTEST_PROP(rdata, text_is_read_back, ()) {
  const auto [type, data] = *any_record();
  RC_ASSERT(parse_rdata(type, to_text(data)).value() == data);
}

RC_GTEST_PROP(rdata, ldns_agrees, ()) {
  const auto [type, data] = *any_record();
  const name owner = *any_name();
  RC_PRE(ldns_can_tell(owner));
  RC_PRE(ldns_can_tell(data));
  const auto checked = check({.owner = owner, .type = type, .ttl_s = 30, .records = {data}});
  if (!checked) {
    RC_FAIL(checked.error().detail);
  }
  RC_ASSERT(canonical_rdata(type, to_text(data)).value() == to_text(data));
}

RC_GTEST_PROP(rdata, parse_never_crashes_and_what_it_accepts_is_canonical,
              (const std::string& text)) {
  for (const rr_type type :
       {rr_type::a, rr_type::aaaa, rr_type::ns, rr_type::mx, rr_type::soa, rr_type::srv,
        rr_type::naptr, rr_type::txt, static_cast<rr_type>(257)}) {
    if (const auto data = parse_rdata(type, text)) {
      RC_ASSERT(parse_rdata(type, to_text(*data)).value() == *data);
    }
  }
}

} // namespace
} // namespace thor::zone
