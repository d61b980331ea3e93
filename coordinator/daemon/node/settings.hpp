// The table [node] of the configuration, and what it means together with the certificate.
#pragma once

#include "coordinator/daemon/node/attribute_sources.hpp"
#include "coordinator/daemon/node/checks.hpp"
#include "coordinator/daemon/node/figures.hpp"
#include "coordinator/daemon/node/hooks.hpp"
#include "coordinator/daemon/node/text_port.hpp"
#include "coordinator/identity/peer.hpp"
#include "coordinator/model/presence.hpp"
#include "coordinator/runtime/config.hpp"

#include <expected>
#include <map>
#include <string>
#include <vector>

namespace thor::node {

struct settings {
  std::vector<std::string> roles; ///< empty = those of the certificate
  runtime::member_config member;
  std::map<std::string, std::string> attributes;
  std::map<std::string, model::role_offer> offers; ///< by role; other roles offer the defaults
  text_port_settings text;
  std::vector<hook_settings> hooks;
  std::vector<figure_source> figures;
  role_checks given_checks; ///< by role; other roles have the default
  source_table sources;     ///< of attributes, by name
};

/// What is wrong is recorded in `from`.
settings read_settings(runtime::config& from);

/// What this node says of itself. Without addresses here or in the certificate they stay empty, for
/// the client to fill in. The error names the configured role or address that the certificate does
/// not allow, because no event server would accept it.
std::expected<model::presence, std::string>
make_presence(const settings& how, const identity::peer& self, model::role_state state);

/// The checks of the roles that are announced, as they are carried out on this machine.
role_checks checks_of(const settings& how, const model::presence& announced);

/// make_presence() would succeed, and what is found out at run time fits into it, too.
std::expected<void, std::string> check(const settings& how, const identity::peer& self);

} // namespace thor::node
