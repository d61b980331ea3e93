// From a hosted domain to the description of its zone.
//
// A hosted domain is a customer's SIP domain. Its zone is made of the operator's data alone: the
// rows of a template, in which `{domain}` stands for the hosted domain and `{overlay}` for the
// overlay's, the operator's static records, and what configuration gives every zone (SOA, name
// servers). It points at names of the overlay, which exist always, so no member ever changes it. A
// static record replaces the template's records of the same owner and type, an SOA the configured
// one. Pure.
#pragma once

#include "coordinator/dns/zone_plan.hpp"
#include "zone/build/build.hpp"

#include <cstdint>
#include <expected>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace thor::dns {

struct hosted_domain {
  std::uint32_t id = 0; ///< PowerDNS domain id
  zone::name apex;
  std::uint32_t serial = 0;
  friend bool operator==(const hosted_domain&, const hosted_domain&) = default;
};

/// A row of a template, as the operator wrote it.
struct template_row {
  std::int64_t row = 0;
  std::string name; ///< relative to the domain, or absolute with a last dot; "@" is the domain
  zone::rr_type type = zone::rr_type::any;
  std::uint32_t ttl_s = 0;
  std::string content;
  friend bool operator==(const template_row&, const template_row&) = default;
};

/// A static record of the operator.
struct static_row {
  std::int64_t row = 0;
  zone::name owner;
  zone::rr_type type = zone::rr_type::any;
  std::uint32_t ttl_s = 0;
  zone::rdata data;
  friend bool operator==(const static_row&, const static_row&) = default;
};

/// A row that is left out of a zone.
struct refused_row {
  bool of_template = false; ///< else a static record
  std::int64_t row = 0;
  std::string text; ///< the record for a person: "www.example. A 192.0.2.1"
  std::string why;
};

struct hosted_description {
  zone::zone_input input; ///< one RRset for each row
  std::vector<refused_row> refused;
};

/// Says what is wrong with a record, "" when nothing is, and may bring it into another form: the
/// second opinion of zone/check.
using record_check = std::function<std::string(zone::rrset&)>;

class hosting {
 public:
  /// `overlay` is the overlay's domain. SOA timers and name servers are those of all its zones.
  static std::expected<hosting, config_error> make(const zone::name& overlay, const soa_config& soa,
                                                   const std::vector<fixed_host>& name_servers);

  [[nodiscard]] hosted_description describe(const hosted_domain& domain,
                                            std::span<const template_row> rows,
                                            std::span<const static_row> records,
                                            const record_check& check) const;

  /// The RRsets that a template makes in the zone `apex` where the operator has none; rows that are
  /// wrong make nothing.
  [[nodiscard]] std::vector<zone::rrset> of_template(const zone::name& apex,
                                                     std::span<const template_row> rows,
                                                     const record_check& check) const;
  /// The SOA of the zone `apex` where the operator has none; its serial does not count.
  [[nodiscard]] zone::rrset configured_soa(const zone::name& apex) const;

  /// The apex lies in the overlay's own domain: whatever zone it is of, it is no hosted one.
  [[nodiscard]] bool is_overlay(const zone::name& apex) const;
  /// Why no domain with this apex can be hosted, nor be a zone of static records; "" when it can.
  [[nodiscard]] std::string reserved(const zone::name& apex) const;
  /// Why the operator may not have a record of `type` at `owner` in the zone `apex`: it comes from
  /// configuration; "" when he may.
  [[nodiscard]] std::string reserved(const zone::name& apex, const zone::name& owner,
                                     zone::rr_type type) const;

 private:
  struct name_server {
    zone::name target;
    std::vector<zone::rrset> addresses;
  };

  hosting() = default;
  [[nodiscard]] std::expected<zone::rrset, std::string>
  expand(const template_row& row, const zone::name& apex, const record_check& check) const;
  [[nodiscard]] std::string fault(const zone::name& apex, zone::rrset& one,
                                  const record_check& check) const;

  zone::name overlay_;
  zone::soa_rdata soa_;
  std::uint32_t soa_ttl_s_ = 0;
  std::vector<name_server> name_servers_;
};

} // namespace thor::dns
