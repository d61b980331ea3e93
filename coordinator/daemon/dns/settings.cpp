#include "coordinator/daemon/dns/settings.hpp"

#include "coordinator/daemon/dns/roles/role_files.hpp"
#include "coordinator/runtime/endpoint.hpp"
#include "coordinator/wire/copy.hpp"
#include "coordinator/wire/message.hpp"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace thor::dns {

namespace {

constexpr std::int64_t ttl_s_max = std::numeric_limits<std::int32_t>::max(); // RFC 2181 section 8

std::uint32_t seconds(runtime::section& from, std::string_view key, std::uint32_t otherwise) {
  return static_cast<std::uint32_t>(from.integer(key, otherwise, 1, ttl_s_max));
}

soa_config read_soa(runtime::section from) {
  soa_config soa;
  soa.mname = from.text("mname", soa.mname);
  soa.rname = from.text("rname", soa.rname);
  soa.refresh_s = seconds(from, "refresh_s", soa.refresh_s);
  soa.retry_s = seconds(from, "retry_s", soa.retry_s);
  soa.expire_s = seconds(from, "expire_s", soa.expire_s);
  soa.minimum_s = seconds(from, "minimum_s", soa.minimum_s);
  soa.ttl_s = seconds(from, "ttl_s", soa.ttl_s);
  return soa;
}

fixed_host read_host(runtime::section& from) {
  fixed_host host;
  host.name = from.text("name", "");
  if (host.name.empty())
    from.reject("name", "is missing");
  for (const auto& text : from.texts("addresses", {})) {
    if (const auto address = model::ip_address::parse(text)) {
      host.addresses.push_back(*address);
    } else {
      from.reject("addresses", "has \"" + text + "\", which is no IPv4 or IPv6 address");
    }
  }
  return host;
}

std::vector<uid_t> read_users(runtime::section& from) {
  std::vector<uid_t> users;
  const bool given = from.has("unix_users");
  for (const auto& name : from.texts("unix_users", {"pdns"})) {
    if (const auto* entry = ::getpwnam(name.c_str())) {
      users.push_back(entry->pw_uid);
    } else if (given) {
      from.reject("unix_users", "has \"" + name + "\", which is no user of this machine");
    }
  }
  return users;
}

std::optional<gid_t> read_group(runtime::section& from) {
  const auto name = from.text("unix_group", "");
  if (name.empty())
    return std::nullopt;
  if (const auto* entry = ::getgrnam(name.c_str()))
    return entry->gr_gid;
  from.reject("unix_group", "is \"" + name + "\", which is no group of this machine");
  return std::nullopt;
}

/// `before` are the sites read so far: neither a name nor a network stands twice.
site read_site(runtime::section& from, const std::vector<site>& before) {
  site s;
  s.name = from.text("name", "");
  if (s.name.empty() || s.name.size() > model::site_octets_max)
    from.reject("name", "is missing, or longer than a site's name can be");
  if (std::ranges::find(before, s.name, &site::name) != before.end())
    from.reject("name", "is \"" + s.name + "\", as that of a site before");
  for (const auto& text : from.texts("networks", {})) {
    const auto network = model::ip_network::parse(text);
    if (!network) {
      from.reject("networks", "has what is no network: " + network.error().detail);
      continue;
    }
    const auto has_it = [&](const site& other) {
      return std::ranges::find(other.networks, *network) != other.networks.end();
    };
    const auto other = std::ranges::find_if(before, has_it);
    if (other != before.end() || has_it(s))
      from.reject("networks", "has " + network->text() + ", which site \"" +
                                  (other != before.end() ? other->name : s.name) +
                                  "\" has already");
    s.networks.push_back(*network);
  }
  if (!from.has("networks"))
    from.reject("networks", "is missing: those of the site's clients, such as \"192.0.2.0/24\"");
  return s;
}

std::optional<internal_settings> read_internal(runtime::section from,
                                               const std::filesystem::path& public_socket) {
  if (!from.present())
    return std::nullopt;
  internal_settings s;
  const auto usual = public_socket.empty() ? std::filesystem::path("/run/thor/pdns-internal.sock")
                                           : public_socket.parent_path() / "pdns-internal.sock";
  s.unix_socket = from.text("unix_socket", usual.string());
  if (s.unix_socket.empty() || s.unix_socket == public_socket)
    from.reject("unix_socket",
                "has to be a socket of its own: what is internal has another PowerDNS");
  for (const auto& path :
       from.texts("pdns_control", {"/run/pdns-internal/pdns-internal.controlsocket"}))
    s.pdns_control.emplace_back(path);
  return s;
}

lookup_zone read_lookup(runtime::section& from, bool has_internal) {
  const auto who = from.choice("lookup", "public", {"public", "internal", "none"});
  if (who == "internal" && !has_internal)
    from.reject("lookup",
                "is \"internal\" without a table [dns.internal]: nobody could ask for it");
  return who == "none"       ? lookup_zone::none
         : who == "internal" ? lookup_zone::internal
                             : lookup_zone::everyone;
}

void read_role_files(runtime::config& from, runtime::section& dns, settings& s) {
  const std::filesystem::path directory = dns.text("roles_dir", "/etc/thor/roles.d");
  std::error_code failure;
  if (dns.has("roles_dir") && !std::filesystem::is_directory(directory, failure))
    return dns.reject("roles_dir", "is \"" + directory.string() + "\", which is no directory");
  const auto files = runtime::read_directory(directory);
  if (!files)
    return from.add(files.error());
  auto roles = read_roles(
      *files, {.slice = s.slice, .name_servers = s.name_servers, .event_servers = s.event_servers});
  if (!roles)
    return from.add(roles.error());
  s.roles = std::move(*roles);
}

replica_settings read_replica(runtime::section& from) {
  replica_settings replica;
  replica.writer = from.text("writer", "");
  if (!replica.writer.empty() && !model::node_id::parse(replica.writer))
    from.reject("writer",
                "is no node id: name the name server that writes, as its certificate does");
  const auto everywhere = "[::]:" + std::to_string(wire::default_copy_port);
  for (const auto& text : from.texts("replica_listen", {everywhere})) {
    if (const auto where = runtime::parse_address_endpoint(text, wire::default_copy_port)) {
      replica.listen.push_back(*where);
    } else {
      from.reject("replica_listen", where.error());
    }
  }
  return replica;
}

} // namespace

settings read_settings(runtime::config& from) {
  settings s;
  const auto overlay = runtime::read_overlay(from);
  const auto& state_dir = overlay.state_dir;
  auto dns = from.table("dns");
  s.where = dns.choice("deployment", "whole", {"whole", "delegated"}) == "whole"
                ? deployment::whole
                : deployment::delegated;
  if (const auto http = dns.text("http", "127.0.0.1:8053"); !http.empty()) {
    if (auto endpoint = runtime::parse_address_endpoint(http)) {
      s.http = *endpoint;
    } else {
      dns.reject("http", endpoint.error());
    }
  }
  s.http_token_file = dns.text("http_token_file", "/etc/thor/pdns-token");
  s.unix_socket = dns.text("unix_socket", "/run/thor/pdns-remote.sock");
  if (!s.http && s.unix_socket.empty())
    dns.reject("unix_socket", "is empty and http is empty, too: PowerDNS needs one of them");
  s.unix_users = read_users(dns);
  s.unix_group = read_group(dns);
  for (const auto& path : dns.texts("pdns_control", {"/run/pdns/pdns.controlsocket"}))
    s.pdns_control.emplace_back(path);
  s.internal = read_internal(dns.table("internal"), s.unix_socket);
  s.lookup = read_lookup(dns, s.internal.has_value());
  s.operator_db = dns.text("operator_db", (state_dir / "operator.sqlite3").string());
  s.zone_db = dns.text("zone_db", (state_dir / "zone.sqlite3").string());
  s.replica = read_replica(dns);
  s.serving_threads = static_cast<unsigned>(dns.integer("serving_threads", 1, 1, 64));
  s.slice = static_cast<std::uint16_t>(dns.integer("slice", 8, 0, slice_max));
  s.coordination.stale_max = std::chrono::hours{dns.integer("stale_hours", 24, 1, 24 * 30)};
  s.coordination.node_grace = std::chrono::seconds{dns.integer("node_grace_s", 90, 0, 86'400)};
  s.coordination.policy = overlay.partition.policy;
  s.coordination.event_servers = overlay.event_servers.size();
  s.soa = read_soa(dns.table("soa"));
  for (auto& server : dns.tables("name_server"))
    s.name_servers.push_back(read_host(server));
  if (s.name_servers.empty())
    dns.reject("name_server", "is missing: a zone needs at least one [[dns.name_server]]");
  for (auto& server : dns.tables("event_server")) {
    auto host = read_host(server);
    host.port = static_cast<std::uint16_t>(server.integer("port", wire::default_port, 1, 65'535));
    s.event_servers.push_back(std::move(host));
  }
  s.other_site_penalty =
      static_cast<std::uint16_t>(dns.integer("site_penalty", site_penalty, 1, 65'535));
  for (auto& one : dns.tables("site"))
    s.sites.push_back(read_site(one, s.sites));
  if (s.sites.size() > sites_max)
    dns.reject("site", "stands more than " + std::to_string(sites_max) + " times");
  read_role_files(from, dns, s);
  return s;
}

} // namespace thor::dns
