// One record as PowerDNS reads it, and one name without records:
//
//   {"qtype":"A","qname":"n1.example.","content":"192.0.2.1","ttl":30,"auth":1,"domain_id":1}
//   {"qtype":"","qname":"_udp.example.","content":"","ttl":0,"auth":1,"domain_id":1}
#pragma once

#include "zone/model/name.hpp"
#include "zone/model/record.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace thor::backend {

/// The two ends of a row, with a comma before it; what is between them is the content.
struct row_frame {
  std::string head;
  std::string tail;
};

row_frame frame(std::string_view type, const zone::name& owner, std::uint32_t ttl_s, bool auth,
                std::uint32_t domain_id);

/// Appends a row with a comma before it. `content` is as PowerDNS writes it.
void append_row(std::string& out, const row_frame& of, std::string_view content);

/// The owner in the first of `rows`, each with a comma before it, as a JSON string without its
/// quotation marks.
std::string_view owner_of_row(std::string_view rows);

/// PowerDNS leaves out the last dot of a name that ends a content, except the root's; its tool
/// `pdnsutil check-zone` warns of every record that is written in another way than its own.
std::string_view as_powerdns_writes(zone::rr_type type, std::string_view content);

} // namespace thor::backend
