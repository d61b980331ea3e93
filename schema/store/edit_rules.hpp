// What the database does not know of a zone and an edit of its records has to mind: which names are
// Thor's own, what template and configuration put into the zone, and what can stand in it.
#pragma once

#include "schema/store/operator_data.hpp"
#include "zone/edit/edit.hpp"
#include "zone/model/name.hpp"
#include "zone/model/record.hpp"

#include <expected>
#include <span>
#include <string>
#include <vector>

namespace thor::store {

/// Not owned by the store, which asks on its own thread, within one apply(). All reasons are
/// sentences for the operator.
class edit_rules {
 public:
  /// Why the zone cannot be edited at all, "" when it can: this program does not serve it.
  virtual std::string not_served(const operator_zone& in) = 0;
  /// Why the operator may have no records of `type` at `owner`: they are Thor's own; "" when he
  /// may.
  virtual std::string reserved(const operator_zone& in, const zone::name& owner,
                               zone::rr_type type) = 0;
  /// Whether names of the zone are synthesised, so that nothing but narrow NSEC3 may deny others.
  virtual bool is_synthesised(const operator_zone& in) = 0;
  /// What the zone holds where the operator says nothing else: the RRsets of its template, and its
  /// SOA (the serial does not count). One RRset for each owner and type.
  virtual std::vector<zone::rrset> unless_said(const operator_zone& in) = 0;
  /// The record, or why it is none: what zone/text reads and zone/check accepts.
  virtual std::expected<zone::rdata, std::string> read(const zone::name& owner, zone::rr_type type,
                                                       const zone::written_record& written) = 0;
  /// Which of these, all records of the operator in the zone, cannot stand there beside each other
  /// and the rest of it. Each as "www.example. CNAME ...: why".
  virtual std::vector<std::string> misplaced(const operator_zone& in,
                                             std::span<const operator_record> records) = 0;

 protected:
  ~edit_rules() = default;
};

} // namespace thor::store
