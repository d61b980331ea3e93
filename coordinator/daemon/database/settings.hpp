// The table [database] of the configuration, and what it means together with the certificate.
#pragma once

#include "coordinator/health/check.hpp"
#include "coordinator/identity/peer.hpp"
#include "coordinator/model/database.hpp"
#include "coordinator/runtime/config.hpp"
#include "coordinator/runtime/endpoint.hpp"

#include <expected>
#include <optional>
#include <string>
#include <vector>

namespace thor::database {

/// A TCP connection to `target` is the sign of life.
struct probe_settings {
  runtime::endpoint target;
  health::check_settings how;
  friend bool operator==(const probe_settings&, const probe_settings&) = default;
};

/// [[database.uri]]
struct database_settings {
  model::database what;
  std::optional<probe_settings> probe; ///< nothing: it is always taken for reachable
  friend bool operator==(const database_settings&, const database_settings&) = default;
};

struct settings {
  std::vector<database_settings> databases; ///< at least one
  runtime::member_config member;
};

/// What is wrong is recorded in `from`. A URI never gets into an error.
settings read_settings(runtime::config& from);

/// What is announced when `reachable` of the databases are. Without addresses here or in the
/// certificate they stay empty, for the client to fill in. The error says what the certificate does
/// not allow.
std::expected<model::presence, std::string>
make_presence(const settings& how, const identity::peer& self,
              const std::vector<model::database>& reachable);

/// make_presence() would succeed.
std::expected<void, std::string> check(const settings& how, const identity::peer& self);

} // namespace thor::database
