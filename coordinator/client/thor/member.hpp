// What a member of the overlay is, as a program that uses it sees it: plain values.
#pragma once

#include <boost/asio/ip/address.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace thor {

enum class role_state : std::uint8_t {
  active,   ///< takes new work
  draining, ///< finishes what it has
};

/// A role as one member offers it.
struct role_offer {
  role_state state = role_state::active;
  /// By service, "sip.udp" -> 5070, where they differ from the role's standard; 0: this member does
  /// not offer that service.
  std::map<std::string, std::uint16_t> ports = {};
  std::uint16_t priority = 10; ///< of its SRV records: lower is tried first
  /// Its share of SRV clients and of keys, relative to the others; 0 = only when there is nothing
  /// else.
  std::uint16_t weight = 100;

  friend bool operator==(const role_offer&, const role_offer&) = default;
};

/// What a program says about itself.
struct presence {
  /// By name: [a-z][a-z0-9_]*, at most 63 octets. Each must be an OU of the certificate.
  std::map<std::string, role_offer> roles = {};
  /// Where others reach it; empty = those of the certificate, or else the local address of the
  /// connection to an event server.
  std::vector<boost::asio::ip::address> addresses = {};
  std::string site = {}; ///< the data centre; "" = none
  /// Free text, for other programs: at most 32 of them, keys of at most 64 octets, values of 512.
  /// Everybody in the overlay can read them: no secrets.
  std::map<std::string, std::string> attributes = {};

  friend bool operator==(const presence&, const presence&) = default;
};

/// A member that is online.
struct member {
  std::string id = {}; ///< the CN of its certificate; `<id>.node.<domain>` in DNS
  std::vector<boost::asio::ip::address> addresses =
      {}; ///< at least one, in its order of preference
  std::map<std::string, role_offer> roles = {};
  std::string site = {};
  std::string software = {}; ///< program and version, for people
  std::map<std::string, std::string> attributes = {};
  std::uint64_t incarnation = 0;    ///< of its process: grows with each start
  std::uint64_t sequence = 0;       ///< grows with each change within it
  std::chrono::sys_seconds since{}; ///< online since

  friend bool operator==(const member&, const member&) = default;
};

/// Why a member is gone.
enum class departure : std::uint8_t {
  unknown,  ///< it went while we were not connected
  left,     ///< it said so
  closed,   ///< its connections ended: a crash
  silent,   ///< nothing was heard of it for a lease: it hangs, or its network is gone
  replaced, ///< another process has its certificate
  revoked,  ///< its certificate was revoked
  expired,  ///< its certificate has expired
};
std::string_view to_string(departure why);

/// What a look-up is for.
enum class placement : std::uint8_t {
  existing, ///< to find what is there: a draining member keeps its keys
  fresh,    ///< to place something new: draining members come last
};

} // namespace thor
