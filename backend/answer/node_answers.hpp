// The rows of one name as PowerDNS reads them, written once.
//
//   {"qtype":"A","qname":"n1.example.","content":"192.0.2.1","ttl":30,"auth":1,"domain_id":1}
//
// Pure, immutable, shared between tables.
#pragma once

#include "backend/answer/slice.hpp"
#include "zone/model/contents.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thor::backend {

class node_answers {
 public:
  /// Precondition: the node is not nullptr.
  node_answers(std::shared_ptr<const zone::node> node, std::uint32_t domain_id,
               std::uint64_t server_seed);

  [[nodiscard]] const zone::node& node() const { return *node_; }
  [[nodiscard]] bool is_written_from(const std::shared_ptr<const zone::node>& node) const {
    return node_ == node;
  }

  /// Rows of `list`: all records, none for a name that has no records.
  [[nodiscard]] std::size_t record_count() const { return record_count_; }

  /// Appends all records, each row with a comma before it.
  void append_records(std::string& out) const;

  /// Appends the rows that answer a lookup, each with a comma before it. `any` gives everything at
  /// the name, and the row that means "exists, has nothing" for a name without records.
  void append_lookup(std::string& out, zone::rr_type qtype, const slice_turn& turn) const;

 private:
  struct rows {
    zone::rr_type type;
    std::uint16_t slice; ///< records in one answer, 0 = all
    std::uint32_t begin; ///< in text_
    std::uint32_t end;
    std::vector<std::uint32_t> ends{}; ///< of each row; only for a set that is sliced
  };

  rows write(const zone::rrset& set, std::uint32_t domain_id, std::uint64_t server_seed);
  void append_slice(std::string& out, const rows& of, const slice_turn& turn) const;
  [[nodiscard]] std::string_view part(std::uint32_t begin, std::uint32_t end) const {
    return std::string_view(text_).substr(begin, end - begin);
  }

  std::shared_ptr<const zone::node> node_;
  std::string text_;
  std::vector<rows> sets_; ///< in the order of their text
  std::size_t record_count_ = 0;
  bool sliced_ = false; ///< any set is
};

} // namespace thor::backend
