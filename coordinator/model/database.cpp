#include "coordinator/model/database.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace thor::model {
namespace {

using checked = std::expected<void, error>;

constexpr std::string_view password_advice =
    "has a password: announce it without one, clients hold their own credentials";

/// Query parameters by which database libraries take a password.
constexpr std::array<std::string_view, 5> password_parameters{"password", "passwd", "pwd", "pass",
                                                              "sslpassword"};

checked refuse(std::string_view why) {
  return std::unexpected(error{errc::bad_value, std::string(why)});
}

bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// RFC 3986 section 2: everything else has to be written as %XX.
bool is_uri_character(char c) {
  return is_alpha(c) || is_digit(c) ||
         std::string_view("-._~:/?#[]@!$&'()*+,;=%").find(c) != std::string_view::npos;
}

bool is_scheme(std::string_view text) {
  return !text.empty() && is_alpha(text.front()) && std::ranges::all_of(text, [](char c) {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

/// Calls `each` with the parts of `text` between any of `separators`.
template <class Each>
void split(std::string_view text, std::string_view separators, Each each) {
  while (true) {
    const auto end = text.find_first_of(separators);
    each(text.substr(0, end));
    if (end == std::string_view::npos)
      return;
    text.remove_prefix(end + 1);
  }
}

bool has_password_parameter(std::string_view query) {
  bool found = false;
  split(query, "&;", [&](std::string_view parameter) {
    const auto equals = parameter.find('=');
    const auto key = lower(parameter.substr(0, equals));
    found |= equals != std::string_view::npos && equals + 1 < parameter.size() &&
             std::ranges::find(password_parameters, key) != password_parameters.end();
  });
  return found;
}

/// Ports are numbers. What is none may be the end of a password with a '/' in it.
bool has_numeric_ports(std::string_view hosts) {
  bool good = true;
  split(hosts, ",", [&](std::string_view host) {
    const auto bracket = host.find(']');
    const auto rest = bracket == std::string_view::npos ? host : host.substr(bracket + 1);
    const auto colon = rest.find(':');
    good &=
        colon == std::string_view::npos || std::ranges::all_of(rest.substr(colon + 1), is_digit);
  });
  return good;
}

checked check_authority(std::string_view authority) {
  const auto at = authority.rfind('@');
  if (at != std::string_view::npos) {
    const auto user = authority.substr(0, at);
    const auto colon = user.find(':');
    if (colon != std::string_view::npos && colon + 1 < user.size())
      return refuse(password_advice);
    authority.remove_prefix(at + 1);
  }
  if (!has_numeric_ports(authority))
    return refuse("has a port that is no number");
  return {};
}

std::optional<database> read_attribute(std::string_view value) {
  database out;
  const auto [stop, failure] = std::from_chars(value.begin(), value.end(), out.priority);
  if (failure != std::errc() || stop == value.end() || *stop != ' ')
    return std::nullopt;
  out.uri.assign(stop + 1, value.end());
  if (!check_database_uri(out.uri))
    return std::nullopt;
  return out;
}

} // namespace

std::expected<void, error> check_database_uri(std::string_view uri) {
  if (uri.size() > database_uri_octets_max)
    return refuse("is longer than " + std::to_string(database_uri_octets_max) + " octets");
  if (!std::ranges::all_of(uri, is_uri_character))
    return refuse("has a character that a URI does not: write it as %XX");
  const auto scheme_end = uri.find("://");
  if (scheme_end == std::string_view::npos || !is_scheme(uri.substr(0, scheme_end)))
    return refuse("is no URI such as mysql://user@host/database");
  const auto rest = uri.substr(scheme_end + 3);
  const auto authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  if (auto good = check_authority(rest.substr(0, authority_end)); !good)
    return good;
  const auto behind = rest.substr(authority_end);
  // An '@' here is rather the end of credentials that were not escaped than part of a path.
  if (behind.contains('@'))
    return refuse("has an '@' behind its host: write it as %40");
  const auto query = behind.find('?');
  if (query != std::string_view::npos && has_password_parameter(behind.substr(query + 1)))
    return refuse(password_advice);
  return {};
}

void announce_databases(presence& p, const std::vector<database>& all) {
  std::erase_if(p.attributes, [](const auto& attribute) {
    return attribute.first.starts_with(database_attribute_prefix);
  });
  std::size_t number = 0;
  for (const auto& one : all)
    p.attributes.emplace(std::string(database_attribute_prefix) + std::to_string(++number),
                         std::to_string(one.priority) + ' ' + one.uri);
  role_offer offer;
  if (all.empty())
    offer.state = role_state::draining;
  else
    offer.priority = std::ranges::min(all, {}, &database::priority).priority;
  p.roles.insert_or_assign(std::string(role_database), offer);
}

std::vector<database> announced_databases(const presence& p) {
  std::vector<database> out;
  for (const auto& [key, value] : p.attributes) {
    if (!key.starts_with(database_attribute_prefix))
      continue;
    if (auto one = read_attribute(value))
      out.push_back(*std::move(one));
  }
  std::ranges::sort(out);
  return out;
}

std::map<std::string, std::string> presentable_attributes(const presence& p) {
  auto out = p.attributes;
  for (auto& [key, value] : out)
    if (key.starts_with(database_attribute_word) && !read_attribute(value) &&
        !check_database_uri(value))
      value = "***";
  return out;
}

std::vector<located_database> databases(const member_map& members) {
  std::vector<located_database> out;
  for (const auto& [id, m] : members) {
    const auto offer = m.what.roles.find(std::string(role_database));
    if (offer == m.what.roles.end() || offer->second.state != role_state::active)
      continue;
    for (auto& one : announced_databases(m.what))
      out.push_back({one.priority, m.what.addresses.front(), id.text(), std::move(one.uri)});
  }
  std::ranges::sort(out);
  return out;
}

std::optional<located_database> choose_database(const member_map& members) {
  auto all = databases(members);
  if (all.empty())
    return std::nullopt;
  return std::move(all.front());
}

} // namespace thor::model
