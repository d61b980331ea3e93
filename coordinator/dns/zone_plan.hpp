// From members and role definitions to the description of the overlay's zones: the one place that
// knows both nodes and records.
//
// Existing names come from configuration and role definitions; membership changes only records. The
// one exception is `<id>.node.<domain>`, which comes with the member and stays for a grace after it
// left, so that a client that holds an older SRV answer still finds its target. Members with
// nothing but roles of the overlay's own have no records.
//
// Which zones there are is configuration, too. Either the overlay's domain is one zone of ours, or
// its parent is hosted elsewhere and delegates the address name of each role and `node.<domain>` to
// us, each a zone of its own. Beside them, `role.<domain>` has the overlay names of the roles; it
// is internal: only a name server that is not public serves it. `lookup.<domain>` answers for every
// key with the members that are responsible for it: its names are synthesised (lookup_names.hpp).
// Pure.
#pragma once

#include "coordinator/dns/lookup_names.hpp"
#include "coordinator/dns/node_names.hpp"
#include "coordinator/dns/role.hpp"
#include "coordinator/dns/role_records.hpp"
#include "coordinator/dns/site_views.hpp"
#include "coordinator/model/status.hpp"
#include "zone/build/build.hpp"

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace thor::dns {

/// Label below the domain under which every member has a name.
inline constexpr std::string_view node_label = "node";
/// Label below the domain under which every role has its overlay name.
inline constexpr std::string_view role_label = "role";
/// Label below the domain under which keys are looked up.
inline constexpr std::string_view lookup_label = "lookup";
/// TTL of NS records and of the addresses of name servers, seconds: they are configuration.
inline constexpr std::uint32_t infrastructure_ttl_s = 3600;
/// TTL of the bootstrap records of the event servers, seconds.
inline constexpr std::uint32_t bootstrap_ttl_s = 300;

/// A host that configuration names. `name` is relative to the domain unless it ends in a dot.
struct fixed_host {
  std::string name;
  std::vector<model::ip_address> addresses; ///< published when the name lies in the zone
  std::uint16_t port = 0;                   ///< event servers only
  friend bool operator==(const fixed_host&, const fixed_host&) = default;
};

struct soa_config {
  std::string mname; ///< "" = the first name server
  std::string rname = "hostmaster";
  std::uint32_t refresh_s = 3600;
  std::uint32_t retry_s = 600;
  std::uint32_t expire_s = 1209600;
  std::uint32_t minimum_s = 15;
  std::uint32_t ttl_s = 300;
  friend bool operator==(const soa_config&, const soa_config&) = default;
};

enum class deployment : std::uint8_t {
  whole,     ///< the domain is one zone, ours
  delegated, ///< the domain is hosted elsewhere and delegates the names that follow membership
};

/// Who may ask for `lookup.<domain>`.
enum class lookup_zone : std::uint8_t {
  none,     ///< there is no such zone
  everyone, ///< it is public
  internal, ///< those who may ask for `role.<domain>`
};

/// The part of the zones that does not follow membership.
struct zone_config {
  zone::name domain;
  deployment how = deployment::whole;
  bool internal = false; ///< the zone `role.<domain>` is served
  lookup_zone lookup = lookup_zone::none;
  /// PowerDNS domain ids of zone_plan::apexes(), by apex.
  std::map<zone::name, std::uint32_t> ids;
  soa_config soa;
  std::vector<fixed_host> name_servers;
  std::vector<fixed_host> event_servers;
  std::vector<role_definition> roles;
  std::vector<site> sites{};
  std::uint16_t other_site_penalty = site_penalty;
};

/// Ids from here on belong to zones that the operator's database does not have, as may happen to
/// one that follows a name server with another configuration.
inline constexpr std::uint32_t unlisted_zone_id_first = 0x7000'0000;

/// A configuration that cannot make a zone, in words.
struct config_error {
  std::string detail;
};

/// A zone of the overlay.
struct planned_zone {
  zone::name apex;
  std::uint32_t id = 0; ///< PowerDNS domain id
  bool internal = false;
  /// Names of it are synthesised: only narrow NSEC3 may deny others (RFC 7129 appendix B), and no
  /// transfer has it whole.
  bool synthesised = false;
};

/// Gives the zone the operator's SOA in the place of the configured one: all but the serial.
/// Precondition: `set` is one SOA.
void use_soa(zone::zone_input& zone, const zone::rrset& set);

class zone_plan {
 public:
  /// The zones that this configuration makes, all by their own right: each needs an id.
  static std::expected<std::vector<zone::name>, config_error> apexes(const zone_config& config);

  /// Reads the configuration once: names are checked here, so that later steps cannot fail.
  static std::expected<zone_plan, config_error> make(zone_config config);

  /// The ids of the operator's database from now on, by apex; a zone that is not in it gets one
  /// that no other has. True when one is another than before.
  bool set_ids(const std::map<zone::name, std::uint32_t>& known);

  /// What the zones hold now, in the order of zones(). `names` has those of `members` and, below
  /// node_parent(), those of members that left; `operator_rrsets` have passed reserved(). An SOA
  /// among them takes the place of the configured one.
  [[nodiscard]] std::vector<zone::zone_input>
  describe(const model::member_map& members, const node_names& names,
           const std::vector<zone::rrset>& operator_rrsets, std::uint32_t serial) const;

  /// The same while nobody knows who is a member.
  [[nodiscard]] std::vector<zone::zone_input>
  describe_unknown(const std::vector<zone::rrset>& operator_rrsets, std::uint32_t serial) const;

  /// Why the operator may not have a record of `type` at `owner` in the zone with this id: it is
  /// Thor's own, or lies in another zone; "" when he may.
  [[nodiscard]] std::string reserved(std::uint32_t zone_id, const zone::name& owner,
                                     zone::rr_type type) const;

  /// The SOA of the zone `apex` where the operator has none; its serial does not count.
  [[nodiscard]] zone::rrset configured_soa(const zone::name& apex) const;

  /// What the parent zone has to hold in the delegated deployment: delegations, and the names of
  /// the domain itself, which are static there. Empty when the domain is ours.
  [[nodiscard]] const std::vector<zone::rrset>& parent_rrsets() const { return parent_rrsets_; }

  [[nodiscard]] const zone::name& domain() const { return domain_; }
  /// The name below which members have theirs.
  [[nodiscard]] const zone::name& node_parent() const { return node_parent_; }
  /// Never empty; the first one is public.
  [[nodiscard]] const std::vector<planned_zone>& zones() const { return zones_; }
  /// The zone with this id, or nullptr.
  [[nodiscard]] const planned_zone* find_zone(std::uint32_t id) const;
  [[nodiscard]] const std::vector<role_definition>& roles() const { return roles_; }
  [[nodiscard]] const site_views& sites() const { return sites_; }

 private:
  struct service {
    std::size_t zone; ///< index
    zone::name owner;
    std::string port_key;
    std::uint16_t default_port;
  };
  struct address_place {
    std::size_t zone; ///< index
    zone::name owner;
  };
  struct role_names {
    member_manner how;
    std::optional<address_place> address;
    std::vector<service> services;
    /// In the internal zone: the role itself, with the port of the first service.
    std::vector<service> overlay_services;
    bool ring;
    /// `<role>.lookup.<domain>`, below which keys are looked up.
    std::optional<address_place> lookup_name{};
  };
  /// What a zone holds whoever is a member.
  struct frame {
    std::vector<zone::rrset> rrsets;
    std::vector<zone::promised_name> promised;
  };
  zone_plan() = default;
  std::expected<void, config_error> read_zones(const zone_config& config);
  std::expected<void, config_error> read_infrastructure(const zone_config& config);
  std::expected<void, config_error> read_name_servers(const zone_config& config);
  std::expected<void, config_error> read_role(const role_definition& role);
  std::expected<void, config_error> read_public_names(const role_definition& role,
                                                      role_names& into);
  std::expected<void, config_error> read_static_records(const role_definition& role);
  std::expected<void, config_error> read_overlay_names(const role_definition& role,
                                                       role_names& into);
  std::expected<void, config_error> read_lookup_name(const role_definition& role, role_names& into);
  std::expected<void, config_error> read_parent(const role_definition& role);
  std::expected<zone::name, config_error> resolve(const std::string& text,
                                                  std::string_view what) const;
  std::expected<zone::name, config_error> resolve_in_role(const role_definition& role,
                                                          const std::string& text) const;
  [[nodiscard]] std::optional<std::size_t> zone_of(const zone::name& owner) const;
  [[nodiscard]] std::optional<std::size_t> zone_of(const zone::name& owner,
                                                   zone::rr_type type) const;
  void delegate(const planned_zone& zone, const zone::rrset& ns);
  void describe_lookups(const model::member_map& members,
                        std::vector<zone::zone_input>& zones) const;
  std::optional<std::size_t> promise(const zone::name& owner, bool dynamic);
  void add_static(zone::rrset set);
  void add_addresses(const zone::name& owner, const std::vector<model::ip_address>& addresses,
                     std::uint32_t ttl_s);
  [[nodiscard]] std::vector<zone::zone_input>
  describe_frames(bool known, const std::vector<zone::rrset>& operator_rrsets,
                  std::uint32_t serial) const;
  void describe_roles(const std::map<std::string_view, std::vector<holder>>& active,
                      std::vector<zone::zone_input>& zones) const;

  zone::name domain_;
  deployment how_ = deployment::whole;
  std::vector<planned_zone> zones_;
  std::vector<frame> frames_; ///< of zones_
  std::vector<zone::rrset> parent_rrsets_;
  zone::name node_parent_;
  std::size_t node_zone_ = 0; ///< index
  std::uint32_t soa_ttl_s_ = 0;
  zone::soa_rdata soa_;
  std::vector<role_definition> roles_;
  std::vector<role_names> role_names_;
  site_views sites_;
};

} // namespace thor::dns
