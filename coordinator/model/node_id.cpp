#include "coordinator/model/node_id.hpp"

#include <algorithm>

namespace thor::model {

namespace {

constexpr std::size_t label_octets_max = 63; // RFC 1035 section 2.3.4

bool is_ldh(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

} // namespace

std::expected<node_id, error> node_id::parse(std::string_view text) {
  if (text.empty())
    return std::unexpected(error{errc::bad_node_id, "is empty"});
  if (text.size() > label_octets_max)
    return std::unexpected(
        error{errc::bad_node_id, "has " + std::to_string(text.size()) + " octets, at most 63 fit"});
  if (!std::ranges::all_of(text, is_ldh))
    return std::unexpected(
        error{errc::bad_node_id, "may hold only the letters a-z, digits and hyphens"});
  if (text.front() == '-' || text.back() == '-')
    return std::unexpected(error{errc::bad_node_id, "must not start or end with a hyphen"});
  return node_id(std::string(text));
}

} // namespace thor::model
