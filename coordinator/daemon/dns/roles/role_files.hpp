// Role definitions as TOML: those that come with the program (coordinator/dns/roles) and the
// operator's (roles.d), in one format.
//
// One role a file. An operator's file adds a role, or takes the place of the built-in one of the
// same name. Whatever is wrong in any of them is told at once, each with its place.
#pragma once

#include "coordinator/dns/zone_plan.hpp"
#include "coordinator/runtime/config.hpp"

#include <cstdint>
#include <expected>
#include <span>
#include <string_view>
#include <vector>

namespace thor::dns {

/// What the rest of the configuration says that definitions depend on.
struct role_surroundings {
  std::uint16_t slice = 8; ///< of roles that name none
  std::vector<fixed_host> name_servers{};
  std::vector<fixed_host> event_servers{};
};

/// The built-in definitions with those of `files` in their place or after them.
std::expected<std::vector<role_definition>, runtime::config_errors>
read_roles(const std::vector<runtime::config::source>& files, const role_surroundings& around);

/// sip_proxy, media_relay, voicemail_server, provisioning_server, xcap_server, msrprelay_server,
/// conference_server, xmpp_gateway, webrtc_gateway, rating_server, call_control; in name order.
const std::vector<role_definition>& built_in_roles();

/// A file of coordinator/dns/roles, compiled in by files.cmake.
struct built_in_file {
  std::string_view name;
  std::string_view text;
};
std::span<const built_in_file> built_in_files();

} // namespace thor::dns
