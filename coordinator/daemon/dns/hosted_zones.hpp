// The hosted zones, as the operator's data make them.
//
// They are built, and their answers written, on the thread that reads the data, so that a template
// of ten thousand domains holds up no member: what reaches the overlay thread is finished. A zone
// whose data are the same is the same object as before, and so is the snapshot when all of them
// are. One owner, one thread.
#pragma once

#include "backend/answer/answer_table.hpp"
#include "coordinator/daemon/dns/served_zones.hpp"
#include "coordinator/dns/hosting.hpp"
#include "schema/store/operator_store.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace thor::dns {

class hosted_zones {
 public:
  /// What became of the zones. A zone that comes or goes is not among those that changed.
  struct update {
    std::shared_ptr<const zone::snapshot> zones;          ///< by apex; never nullptr
    std::shared_ptr<const backend::answer_table> written; ///< the answers of `zones`
    std::vector<zone::name> added;                        ///< apexes, ascending
    std::vector<zone::name> removed;                      ///< apexes, ascending
    std::vector<served_zones::changed_zone> changed;
    std::vector<std::string> not_served; ///< rows and why, for people
  };

  /// `server_id` is that of the tables that the answers are for.
  hosted_zones(hosting how, std::string server_id)
      : how_(std::move(how))
      , server_id_(std::move(server_id)) {}

  /// Another configuration: take() builds every zone anew.
  void use(hosting how) {
    how_ = std::move(how);
    all_anew_ = true;
  }

  /// Builds the zones of all domains that are no part of the overlay, and takes their records out
  /// of `data`.
  update take(store::operator_data& data);

  // ---- for edits, by the templates as taken last

  [[nodiscard]] const hosting& how() const { return how_; }
  /// What the domain's template makes where the operator has no records.
  [[nodiscard]] std::vector<zone::rrset> of_template(const store::operator_zone& domain) const;
  /// The zone that these records would make; they are not read by ldns.
  [[nodiscard]] zone::zone_input describe(const store::operator_zone& domain,
                                          std::span<const store::operator_record> own) const;

 private:
  /// A zone and what it was made from.
  struct hosted {
    hosted_domain domain;
    std::string template_name;
    std::vector<store::operator_record> records;
    std::shared_ptr<const zone::contents> zone;
    std::vector<refused_row> refused;
    std::vector<zone::rejection> rejected;
  };
  using records = std::span<const store::operator_record>;

  std::set<std::string> read_templates(const std::vector<store::operator_template>& fresh);
  [[nodiscard]] std::span<const template_row> template_rows(const std::string& template_name) const;
  void take_domain(const store::operator_zone& domain, records own,
                   const std::set<std::string>& changed_templates, update& out);
  void build(hosted& of);
  void remove_missing(const std::unordered_set<std::uint32_t>& present, update& out);
  void collect(update& out);

  hosting how_;
  std::string server_id_;
  bool all_anew_ = false;
  std::vector<store::operator_template> templates_;
  std::map<std::string, std::vector<template_row>> rows_; ///< by template
  std::unordered_map<std::uint32_t, hosted> hosted_;      ///< by domain id
  std::shared_ptr<const zone::snapshot> zones_ = std::make_shared<zone::snapshot>();
  std::shared_ptr<const backend::answer_table> written_; ///< of zones_
};

} // namespace thor::dns
