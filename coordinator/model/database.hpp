// Where the provisioning databases are, as members with the role thor_database announce it, and
// which of them a consumer uses.
//
// A presence carries each database in an attribute of its own, `dburi.1`, `dburi.2`, ...: priority,
// one blank, URI ("10 mysql://sipthor@db1.example.net/sipthor"). A URI has no password: clients
// hold their own credentials. The priority of the role itself is the lowest of them, for programs
// that read only roles. Pure values.
#pragma once

#include "coordinator/model/status.hpp"

#include <compare>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thor::model {

inline constexpr std::string_view role_database = "thor_database";
inline constexpr std::string_view database_attribute_prefix = "dburi.";
/// What attributes with a database begin with, also those of other software.
inline constexpr std::string_view database_attribute_word = "dburi";
inline constexpr std::size_t databases_per_member_max = 16;
/// So that the longest priority fits before it into the value of an attribute.
inline constexpr std::size_t database_uri_octets_max = attribute_value_octets_max - 6;

struct database {
  std::uint16_t priority = 10; ///< lower is preferred
  std::string uri;
  friend auto operator<=>(const database&, const database&) = default;
};

/// A database and the member that announces it. Ordered as consumers prefer them: by priority, then
/// by address (IPv4 before IPv6, numerically).
struct located_database {
  std::uint16_t priority = 10;
  ip_address address; ///< the member's first
  std::string id;     ///< of the member
  std::string uri;
  friend auto operator<=>(const located_database&, const located_database&) = default;
};

/// Accepts an absolute URI with an authority (RFC 3986 section 3) that holds no password, neither
/// before an '@' nor as a parameter of the query. The error is what is wrong ("has a password:
/// ..."), to follow the name of the field; it never quotes the URI.
std::expected<void, error> check_database_uri(std::string_view uri);

/// Puts `all` into `p`: attributes, and the role with the lowest priority of them. Without any the
/// role is draining: nobody is to use it. Precondition: at most databases_per_member_max, all
/// checked.
void announce_databases(presence& p, const std::vector<database>& all);

/// The databases of one presence, best first. What is malformed or has a password is left out.
std::vector<database> announced_databases(const presence& p);

/// The attributes as they may be shown to people: `***` in place of a database that has a password,
/// or is so malformed that it may have one.
std::map<std::string, std::string> presentable_attributes(const presence& p);

/// Those of all members that take new work, best first.
std::vector<located_database> databases(const member_map& members);

/// The database to use: the one with the lowest (priority, address). Everybody with the same view
/// chooses the same.
std::optional<located_database> choose_database(const member_map& members);

} // namespace thor::model
