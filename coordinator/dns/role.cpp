#include "coordinator/dns/role.hpp"

namespace thor::dns {

namespace {

// RFC 3263 section 4.1: a domain with NAPTR records has at least these three, TLS preferred.
role_definition sip_proxy() {
  return {
      .role = "sip_proxy",
      .address_name = "proxy",
      .services = {{"_sips._tcp", "sips.tcp", 5061},
                   {"_sip._tcp", "sip.tcp", 5060},
                   {"_sip._udp", "sip.udp", 5060}},
      .naptr = {{"@", 10, 100, "s", "SIPS+D2T", "_sips._tcp"},
                {"@", 20, 100, "s", "SIP+D2T", "_sip._tcp"},
                {"@", 30, 100, "s", "SIP+D2U", "_sip._udp"}},
      .texts = {},
  };
}

// Relays dial the proxies, so nobody looks a relay up by SRV; the address name is for people and
// for monitoring.
role_definition media_relay() {
  return {.role = "media_relay",
          .address_name = "mediarelay",
          .services = {},
          .naptr = {},
          .texts = {}};
}

// RFC 4825 defines no discovery; clients read the root's URI from TXT at `xcap`.
role_definition xcap_server() {
  return {
      .role = "xcap_server",
      .address_name = "xcap",
      .services = {{"_xcap._tcp", "xcap.tcp", 443}},
      .naptr = {},
      .texts = {{"xcap", "https://xcap.{domain}/xcap-root"}},
  };
}

role_definition voicemail_server() {
  return {
      .role = "voicemail_server",
      .address_name = "voicemail",
      .services = {{"_voicemail._tcp", "voicemail.tcp", 9200}},
      .naptr = {},
      .texts = {},
  };
}

role_definition provisioning_server() {
  return {
      .role = "provisioning_server",
      .address_name = "ngnpro",
      .services = {{"_ngnpro._tcp", "ngnpro.tcp", 9200}},
      .naptr = {},
      .texts = {},
  };
}

} // namespace

const std::vector<role_definition>& built_in_roles() {
  static const std::vector<role_definition> roles{sip_proxy(), media_relay(), xcap_server(),
                                                  voicemail_server(), provisioning_server()};
  return roles;
}

} // namespace thor::dns
