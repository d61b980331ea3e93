#include "coordinator/daemon/dns/roles/role_files.hpp"

#include "coordinator/dns/role_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <stdexcept>
#include <utility>

namespace thor::dns {

namespace {

using runtime::config;
using runtime::section;

/// Names in definitions are judged below a domain of their own: the true one stands in the
/// certificate, and what it changes (names too long, absolute names in it) is judged at the start.
constexpr std::string_view stand_in_domain = "overlay.invalid";

std::uint16_t u16(section& from, std::string_view key, std::uint16_t otherwise,
                  std::uint16_t min = 0,
                  std::uint16_t max = std::numeric_limits<std::uint16_t>::max()) {
  return static_cast<std::uint16_t>(from.integer(key, otherwise, min, max));
}

/// A key that has no default.
std::string required(section& from, std::string_view key) {
  if (!from.has(key))
    from.reject(key, "is missing");
  return from.text(key, "");
}

/// "sip.udp" for `_sip._udp`: the port key of a service that names none.
std::string port_key_of(std::string owner_text) {
  std::ranges::transform(owner_text, owner_text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  std::string_view owner = owner_text;
  std::string key;
  for (int label = 0; label < 2; ++label) {
    const auto text = owner.substr(0, owner.find('.'));
    key.append(label == 0 ? "" : ".").append(text.substr(std::min<std::size_t>(1, text.size())));
    owner.remove_prefix(std::min(text.size() + 1, owner.size()));
  }
  return key;
}

/// One file while it is read, with the places of what it says.
class role_file {
 public:
  role_file(config text, std::uint16_t slice)
      : text_(std::move(text))
      , whole_(text_.root()) {
    read_definition(slice);
    parts_.emplace("srv", whole_.tables("srv"));
    for (auto& from : parts_.at("srv"))
      read_service(from);
    parts_.emplace("naptr", whole_.tables("naptr"));
    for (auto& from : parts_.at("naptr"))
      definition_.naptr.push_back({.owner = from.text("owner", "@"),
                                   .order = u16(from, "order", 100),
                                   .preference = u16(from, "preference", 100),
                                   .flags = from.choice("flags", "s", {"s", "a", ""}),
                                   .service = required(from, "service"),
                                   .replacement = required(from, "replacement")});
    parts_.emplace("txt", whole_.tables("txt"));
    for (auto& from : parts_.at("txt"))
      definition_.texts.push_back(
          {.owner = required(from, "owner"), .text = required(from, "text")});
    parts_.emplace("uri", whole_.tables("uri"));
    for (auto& from : parts_.at("uri"))
      definition_.uris.push_back({.owner = required(from, "owner"),
                                  .priority = u16(from, "priority", 10),
                                  .weight = u16(from, "weight", 1),
                                  .target = required(from, "target")});
    readable_ = text_.finish().empty();
  }

  [[nodiscard]] const role_definition& definition() const { return definition_; }
  /// Every value has its type and range.
  [[nodiscard]] bool readable() const { return readable_; }
  [[nodiscard]] runtime::config_errors errors() const { return text_.finish(); }

  void reject(const role_fault& fault) {
    auto& place = fault.part.empty() ? whole_ : parts_.find(fault.part)->second[fault.index];
    place.reject(fault.key, fault.why);
  }

 private:
  void read_definition(std::uint16_t slice) {
    auto& d = definition_;
    d.role = required(whole_, "role");
    d.address_name = whole_.text("address", "");
    d.member_ttl_s = static_cast<std::uint32_t>(
        whole_.integer("member_ttl_s", d.member_ttl_s, 1, member_ttl_s_max));
    d.static_ttl_s = static_cast<std::uint32_t>(
        whole_.integer("static_ttl_s", d.static_ttl_s, 1, static_ttl_s_max));
    d.slice = u16(whole_, "slice", slice, 0, slice_max);
    d.is_public = whole_.boolean("public", d.is_public);
    d.ring = whole_.boolean("ring", d.ring);
    d.weights = whole_.choice("weights", "equal", {"equal", "capacity"}) == "capacity"
                    ? weight_source::capacity
                    : weight_source::presence;
    d.null_target = whole_.boolean("null_target", d.null_target);
  }

  void read_service(section& from) {
    if (!from.has("port"))
      from.reject("port", "is missing");
    srv_service srv{.owner = required(from, "owner"), .port_key = {}, .default_port = 0};
    srv.port_key = from.text("port_key", port_key_of(srv.owner));
    srv.default_port = u16(from, "port", 1, 1);
    definition_.services.push_back(std::move(srv));
  }

  config text_;
  section whole_;
  std::map<std::string, std::vector<section>, std::less<>> parts_;
  role_definition definition_;
  bool readable_ = false;
};

std::vector<role_definition> definitions_of(const std::vector<role_file>& files) {
  std::vector<role_definition> all;
  all.reserve(files.size());
  for (const auto& file : files)
    all.push_back(file.definition());
  return all;
}

/// Adds the file, or what makes it unreadable.
void read_file(const config::source& from, std::uint16_t slice, std::vector<role_file>& into,
               runtime::config_errors& errors) {
  auto text = config::parse({from});
  if (!text) {
    errors.insert(errors.end(), text.error().begin(), text.error().end());
    return;
  }
  role_file file(std::move(*text), slice);
  if (file.readable()) {
    into.push_back(std::move(file));
  } else {
    const auto wrong = file.errors();
    errors.insert(errors.end(), wrong.begin(), wrong.end());
  }
}

} // namespace

std::expected<std::vector<role_definition>, runtime::config_errors>
read_roles(const std::vector<config::source>& files, const role_surroundings& around) {
  runtime::config_errors errors;
  std::vector<role_file> operators;
  for (const auto& one : files)
    read_file(one, around.slice, operators, errors);
  if (!errors.empty())
    return std::unexpected(std::move(errors));

  std::vector<role_file> all;
  for (const auto& [name, text] : built_in_files())
    read_file({fmt::format("built-in {}", name), std::string(text)}, around.slice, all, errors);
  std::erase_if(all, [&](const role_file& built_in) {
    return std::ranges::any_of(operators, [&](const role_file& own) {
      return own.definition().role == built_in.definition().role;
    });
  });
  std::ranges::move(operators, std::back_inserter(all));

  zone_config config{.domain = *zone::name::parse(stand_in_domain),
                     .ids = {},
                     .soa = {},
                     .name_servers = around.name_servers,
                     .event_servers = around.event_servers,
                     .roles = definitions_of(all)};
  for (const auto& fault : check_roles(config))
    all[fault.role].reject(fault);
  for (const auto& file : all) {
    const auto wrong = file.errors();
    errors.insert(errors.end(), wrong.begin(), wrong.end());
  }
  if (!errors.empty())
    return std::unexpected(std::move(errors));
  return std::move(config.roles);
}

const std::vector<role_definition>& built_in_roles() {
  static const auto roles = [] {
    auto read = read_roles({}, {});
    if (!read)
      throw std::logic_error(read.error().front().text());
    return std::move(*read);
  }();
  return roles;
}

} // namespace thor::dns
