// The urlencoded forms that REST carries in its bodies and queries, as a tree. Pure.
//
//   serial=1800000000                      {"serial":"1800000000"}
//   value[]=a&value[]=b                    {"value":["a","b"]}
//   rr[qtype]=A&rr[content]=192.0.2.1      {"rr":{"qtype":"A","content":"192.0.2.1"}}
//   rrset[0][qtype]=A&rrset[1][qtype]=A    {"rrset":[{"qtype":"A"},{"qtype":"A"}]}
#pragma once

#include "backend/protocol/error.hpp"

#include <boost/json/object.hpp>

#include <expected>
#include <string_view>

namespace thor::backend {

/// Adds the fields of `text` to `into`, every value a string. Refuses (bad_form) what is not
/// urlencoded, fields without a value, fields that are written twice or both as one value and as
/// several, and more than the bounds of json_text.hpp.
std::expected<void, error> read_form_fields(std::string_view text, boost::json::object& into);

} // namespace thor::backend
