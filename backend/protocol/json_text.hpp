// JSON as it is read from strangers, and as it is written without building a tree. Pure.
#pragma once

#include "backend/protocol/error.hpp"

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace thor::backend {

/// Nesting of objects and arrays. The deepest request PowerDNS sends has three levels.
inline constexpr std::size_t json_depth_max = 8;
inline constexpr std::size_t json_members_max = 64;
inline constexpr std::size_t json_elements_max = 4096;

/// Reads one JSON text (RFC 8259), nothing before or after it but white space. Refuses what is
/// deeper or wider than the bounds above, UTF-8 that is none, and objects that name a member twice.
/// The value lives in `memory`.
std::expected<boost::json::value, error> read_json(std::string_view text,
                                                   boost::json::storage_ptr memory);

void append_json_number(std::string& out, std::uint64_t number);

/// Appends `text` as a JSON string, quotes included. Octets that need no escape are copied.
void append_json_string(std::string& out, std::string_view text);

} // namespace thor::backend
