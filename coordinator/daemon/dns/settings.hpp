// The table [dns] of the configuration.
#pragma once

#include "coordinator/dns/coordinator.hpp"
#include "coordinator/runtime/config.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace thor::dns {

/// A second PowerDNS, which serves the internal zones to few.
struct internal_settings {
  std::filesystem::path unix_socket;
  std::vector<std::filesystem::path> pdns_control;
  friend bool operator==(const internal_settings&, const internal_settings&) = default;
};

/// One writer, many name servers.
struct replica_settings {
  std::string writer; ///< node id; "" = this one
  /// Where followers connect; empty = none may.
  std::vector<boost::asio::ip::tcp::endpoint> listen;
  friend bool operator==(const replica_settings&, const replica_settings&) = default;
};

struct settings {
  deployment where = deployment::whole;
  std::optional<boost::asio::ip::tcp::endpoint> http;
  std::filesystem::path http_token_file;
  std::filesystem::path unix_socket; ///< "" = off
  std::vector<uid_t> unix_users;
  std::optional<gid_t> unix_group; ///< nothing = our own
  std::vector<std::filesystem::path> pdns_control;
  std::optional<internal_settings> internal; ///< nothing = no internal zones
  lookup_zone lookup = lookup_zone::everyone;
  std::filesystem::path operator_db;
  std::filesystem::path zone_db;
  replica_settings replica;
  unsigned serving_threads = 1;
  /// Records of one RRset in one answer, 0 = all; a role's definition may say otherwise.
  std::uint16_t slice = 8;
  coordinator_options coordination;
  soa_config soa;
  std::vector<fixed_host> name_servers;
  std::vector<fixed_host> event_servers;
  std::vector<site> sites;
  std::uint16_t other_site_penalty = site_penalty;
  std::vector<role_definition> roles; ///< the built-in ones and those of `roles_dir`

  friend bool operator==(const settings&, const settings&) = default;
};

/// What is wrong is recorded in `from`.
settings read_settings(runtime::config& from);

} // namespace thor::dns
