// From members and role definitions to the description of the overlay's zone: the one place that
// knows both nodes and records.
//
// Existing names come from configuration and role definitions; membership changes only records. The
// one exception is
// `<id>.node.<domain>`, which comes with the member and stays for a grace after it left, so that a
// client that holds an older SRV answer still finds its target. Members with nothing but roles of
// the overlay's own have no records. Pure.
#pragma once

#include "coordinator/dns/role.hpp"
#include "coordinator/model/status.hpp"
#include "zone/build/build.hpp"

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <vector>

namespace thor::dns {

/// Label below the domain under which every member has a name.
inline constexpr std::string_view node_label = "node";
/// TTL of NS records and of the addresses of name servers, seconds: they are configuration.
inline constexpr std::uint32_t infrastructure_ttl_s = 3600;
/// TTL of the bootstrap records of the event servers, seconds.
inline constexpr std::uint32_t bootstrap_ttl_s = 300;
/// TTL of node names, seconds.
inline constexpr std::uint32_t node_ttl_s = 30;

/// A host that configuration names. `name` is relative to the domain unless it ends in a dot.
struct fixed_host {
  std::string name;
  std::vector<model::ip_address> addresses; ///< published when the name lies in the zone
  std::uint16_t port = 0;                   ///< event servers only
};

struct soa_config {
  std::string mname; ///< "" = the first name server
  std::string rname = "hostmaster";
  std::uint32_t refresh_s = 3600;
  std::uint32_t retry_s = 600;
  std::uint32_t expire_s = 1209600;
  std::uint32_t minimum_s = 15;
  std::uint32_t ttl_s = 300;
};

/// The part of the zone that does not change while the program runs.
struct zone_config {
  zone::name domain;
  std::uint32_t id = 1; ///< PowerDNS domain id
  soa_config soa;
  std::vector<fixed_host> name_servers;
  std::vector<fixed_host> event_servers;
  std::vector<role_definition> roles;
};

/// A configuration that cannot make a zone, in words.
struct config_error {
  std::string detail;
};

/// A member that left recently.
using departed_map = std::map<model::node_id, std::vector<model::ip_address>>;

/// A name and type that Thor publishes itself; the operator's static records keep away from them.
struct reserved_rrset {
  zone::name owner;
  zone::rr_type type;
};

class zone_plan {
 public:
  /// Reads the configuration once: names are checked here, so that later steps cannot fail.
  static std::expected<zone_plan, config_error> make(zone_config config);

  /// What the zone holds now. `members` and `departed` are ignored while `known` is false;
  /// `operator_rrsets` have passed reserved().
  [[nodiscard]] zone::zone_input describe(bool known, const model::member_map& members,
                                          const departed_map& departed,
                                          const std::vector<zone::rrset>& operator_rrsets,
                                          std::uint32_t serial) const;

  /// Why the operator may not have a record of `type` at `owner`: it is Thor's own; "" when he may.
  [[nodiscard]] std::string reserved(const zone::name& owner, zone::rr_type type) const;

  [[nodiscard]] const zone::name& domain() const { return domain_; }
  [[nodiscard]] std::uint32_t id() const { return id_; }
  [[nodiscard]] const std::vector<role_definition>& roles() const { return roles_; }

 private:
  struct service {
    zone::name owner;
    std::string port_key;
    std::uint16_t default_port;
  };
  struct role_names {
    std::string role;
    std::optional<zone::name> address_name;
    std::vector<service> services;
    std::uint32_t ttl_s;
    std::uint16_t slice;
  };

  zone_plan() = default;
  std::expected<void, config_error> read_infrastructure(const zone_config& config);
  std::expected<void, config_error> read_role(const role_definition& role);
  std::expected<zone::name, config_error> resolve(const std::string& text,
                                                  std::string_view what) const;
  void add_static(zone::rrset set);
  void add_addresses(const zone::name& owner, const std::vector<model::ip_address>& addresses,
                     std::uint32_t ttl_s);

  zone::name domain_;
  zone::name node_parent_;
  std::uint32_t id_ = 1;
  std::uint32_t soa_ttl_s_ = 0;
  zone::soa_rdata soa_;
  std::vector<role_definition> roles_;
  std::vector<role_names> role_names_;
  std::vector<zone::rrset> static_rrsets_;
  std::vector<zone::promised_name> promised_;
};

} // namespace thor::dns
