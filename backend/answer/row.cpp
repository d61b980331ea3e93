#include "backend/answer/row.hpp"

#include "backend/protocol/json_text.hpp"

#include <algorithm>
#include <array>

namespace thor::backend {
namespace {

constexpr std::string_view before_owner = R"(","qname":)";
constexpr std::string_view after_owner = R"(,"content":)";

} // namespace

row_frame frame(std::string_view type, const zone::name& owner, std::uint32_t ttl_s, bool auth,
                std::uint32_t domain_id) {
  row_frame out;
  out.head = R"(,{"qtype":")";
  out.head += type;
  out.head += before_owner;
  append_json_string(out.head, owner.text());
  out.head += after_owner;
  // PowerDNS reads a `ttl` that is not a number as 0, and an `auth` of true or false as 1.
  out.tail = ",\"ttl\":" + std::to_string(ttl_s);
  out.tail += auth ? ",\"auth\":1" : ",\"auth\":0";
  out.tail += ",\"domain_id\":" + std::to_string(domain_id) + "}";
  return out;
}

void append_row(std::string& out, const row_frame& of, std::string_view content) {
  out += of.head;
  append_json_string(out, content);
  out += of.tail;
}

std::string_view owner_of_row(std::string_view rows) {
  // Within a JSON string no quotation mark stands without a backslash.
  rows.remove_prefix(rows.find(before_owner) + before_owner.size() + 1);
  return rows.substr(0, rows.find(after_owner) - 1);
}

std::string_view as_powerdns_writes(zone::rr_type type, std::string_view content) {
  using enum zone::rr_type;
  constexpr std::array ending_in_a_name{ns, cname, ptr, mx, srv, naptr, dname};
  const bool is_root = content == "." || content.ends_with(" .");
  if (!is_root && content.ends_with('.') &&
      std::ranges::find(ending_in_a_name, type) != ending_in_a_name.end()) {
    content.remove_suffix(1);
  }
  return content;
}

} // namespace thor::backend
