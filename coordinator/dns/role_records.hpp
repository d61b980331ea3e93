// From one role and the members that hold it to RRsets. Pure.
#pragma once

#include "coordinator/dns/role.hpp"
#include "coordinator/dns/site_views.hpp"
#include "coordinator/model/status.hpp"
#include "zone/model/record.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace thor::dns {

/// Records in one answer of a role whose slice is 0. With the addresses of their targets they fit
/// the 65,535 octets of a DNS message; PowerDNS cuts the connection over an answer that does not.
inline constexpr std::uint16_t answer_records_max = 256;

/// The addresses of a member as records, in its order.
std::vector<zone::rdata> addresses_of(const model::presence& who);

/// Collects A and AAAA of one owner.
struct address_rrsets {
  zone::rrset v4;
  zone::rrset v6;

  address_rrsets(const zone::name& owner, std::uint32_t ttl_s, std::uint16_t slice = 0);
  void add(const std::vector<model::ip_address>& addresses);
  /// Those that have records.
  void move_to(std::vector<zone::rrset>& out);
};

/// How a role's members become records, whatever the name these stand at.
struct member_manner {
  std::string role;
  std::uint32_t ttl_s;
  std::uint32_t null_ttl_s; ///< of the SRV record that says that there is no member
  std::uint16_t slice;      ///< > 0
  weight_source weights;
  bool null_target;
};
/// `negative_ttl_s`: how long clients may believe that there is no member.
member_manner manner_of(const role_definition& role, std::uint32_t negative_ttl_s);

/// A member that is active in a role, and its node name.
struct holder {
  const model::member* who;
  zone::name target;
};

/// SRV of one service, as each of the sites sees it; without records when there are none.
/// `default_port` may be 0: a role without services has no port.
zone::rrset srv_rrset(const member_manner& how, const site_views& sites, const zone::name& owner,
                      const std::string& port_key, std::uint16_t default_port,
                      std::span<const holder> holders);

// ---- static records

zone::rdata naptr_of(const naptr_rule& rule, const zone::name& replacement);
zone::rdata txt_of(const txt_rule& rule, const zone::name& domain);
zone::rdata uri_of(const uri_rule& rule, const zone::name& domain);

} // namespace thor::dns
