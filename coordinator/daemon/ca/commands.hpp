// What thor-ca does, one function a subcommand. Each prints what it did to `out`, for people, or
// returns a sentence that says why it could not.
#pragma once

#include "coordinator/daemon/ca/store.hpp"
#include "coordinator/identity/x509/issuing.hpp"
#include "coordinator/identity/x509/revocation.hpp"
#include "coordinator/model/address.hpp"
#include "coordinator/model/time.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

namespace thor::ca {

using days = std::chrono::days;

/// A certificate is valid from a little before it is made: the clocks of a platform differ.
inline constexpr std::chrono::minutes backdating{5};

inline constexpr days ca_days_default{3650};
inline constexpr days node_days_default{365};
inline constexpr days list_days_default{30};

struct init_options {
  std::string domain;
  x509::key_type type = x509::key_type::p256;
  days valid = ca_days_default;
};

struct issue_options {
  std::string id;
  std::set<std::string> roles;
  std::vector<model::ip_address> addresses;
  x509::key_type type = x509::key_type::p256;
  days valid = node_days_default;
  std::filesystem::path out = ".";
};

struct renew_options {
  std::string id;
  std::set<std::string> roles;              ///< empty: as before
  std::vector<model::ip_address> addresses; ///< empty: as before
  std::optional<x509::key_type> new_key;    ///< nothing: the key stays
  days valid = node_days_default;
  std::filesystem::path out = ".";
};

struct revoke_options {
  std::string id_or_serial;
  x509::revocation_reason reason = x509::revocation_reason::unspecified;
};

struct crl_options {
  std::optional<days> valid; ///< nothing: as long as the last list
};

/// Where a subcommand works.
struct context {
  std::filesystem::path directory;
  model::unix_time now{};
  std::ostream& out;
};

result<void> init(const context& c, const init_options& o);
result<void> issue(const context& c, const issue_options& o);
result<void> renew(const context& c, const renew_options& o);
result<void> list(const context& c);
result<void> revoke(const context& c, const revoke_options& o);
result<void> crl(const context& c, const crl_options& o);
result<void> show(const context& c, const std::filesystem::path& file);

} // namespace thor::ca
