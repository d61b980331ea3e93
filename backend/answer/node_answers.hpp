// The rows of one name as PowerDNS reads them (row.hpp), written once.
//
// Pure, shared between tables; immutable but for one count.
#pragma once

#include "backend/answer/networks.hpp"
#include "backend/answer/slice.hpp"
#include "zone/model/contents.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace thor::backend {

/// So many answers of a name that has just changed are kept out of PowerDNS's caches. What it
/// fetches when the next change is near might be stored after the purge of that change, and be
/// served stale; in a burst of changes nothing is stored that could. Few enough that a name which
/// is asked for sixty thousand times a second is in the caches again after a millisecond or two.
inline constexpr std::uint32_t unsettled_answers = 64;

class node_answers {
 public:
  /// Precondition: the node is not nullptr. `unsettled`: answers to be kept out of caches.
  node_answers(std::shared_ptr<const zone::node> node, std::uint32_t domain_id,
               std::uint64_t server_seed, std::uint32_t unsettled = 0);

  [[nodiscard]] const zone::node& node() const { return *node_; }

  /// The name in presentation form, as a JSON string without its quotation marks.
  [[nodiscard]] std::string_view owner_text() const;

  /// Rows of `list`: all records, none for a name that has no records.
  [[nodiscard]] std::size_t record_count() const { return record_count_; }

  /// Appends all records, each row with a comma before it.
  void append_records(std::string& out) const;

  /// Appends the records of one type as transfers have them, and for `any` all there is, each row
  /// with a comma before it: no slice, no view.
  void append_plain(std::string& out, zone::rr_type qtype) const;

  /// Some set here has homes (zone::rrset): the answer depends on who asks.
  [[nodiscard]] bool is_viewed() const { return viewed_; }

  /// Whether this answer is one that PowerDNS is not to keep; counts it. Any thread.
  [[nodiscard]] bool take_unsettled() const {
    std::uint32_t left = unsettled_.load(std::memory_order_relaxed);
    // Threads that meet here may take one more than there are, which harms nobody.
    if (left != 0) {
      unsettled_.store(left - 1, std::memory_order_relaxed);
    }
    return left != 0;
  }

  /// Appends the rows that answer a lookup, each with a comma before it. `any` gives everything at
  /// the name, and the row that means "exists, has nothing" for a name without records.
  /// Precondition: not is_viewed().
  void append_lookup(std::string& out, zone::rr_type qtype, const slice_turn& turn) const;

  /// The same for a client at `from`: every row has its scopeMask, whatever the client sees, or
  /// PowerDNS would hand this answer to others. Precondition: is_viewed().
  void append_lookup(std::string& out, zone::rr_type qtype, const slice_turn& turn,
                     const viewpoint& from) const;

 private:
  /// A row whose record is at home in a view.
  struct resident {
    std::uint16_t view;
    std::uint32_t row;
    friend auto operator<=>(const resident&, const resident&) = default;
  };

  /// The rows of a set with homes as clients of other views see them, in the order of the set's
  /// own.
  struct elsewhere_rows {
    std::string text;
    std::vector<std::uint32_t> ends;
    std::vector<resident> residents; ///< ascending
  };

  struct rows {
    zone::rr_type type;
    std::uint16_t slice; ///< records in one answer, 0 = all
    std::uint32_t begin; ///< in text_
    std::uint32_t end;
    std::vector<std::uint32_t> ends{}; ///< of each row; where a set is sliced or the node viewed
    std::unique_ptr<const elsewhere_rows> elsewhere{}; ///< nullptr for a set without homes

    [[nodiscard]] bool is_sliced() const { return slice != 0 && slice < ends.size(); }
  };

  rows write(const zone::rrset& set, std::uint32_t domain_id, std::uint64_t server_seed);
  void append_slice(std::string& out, const rows& of, const slice_turn& turn) const;
  void append_view(std::string& out, const rows& of, const slice_turn& turn, std::uint16_t view,
                   std::string_view row_end) const;
  [[nodiscard]] std::string_view part(std::uint32_t begin, std::uint32_t end) const {
    return std::string_view(text_).substr(begin, end - begin);
  }
  [[nodiscard]] std::string_view row(const rows& of, std::size_t index) const;
  static std::unique_ptr<const elsewhere_rows> write_elsewhere(const zone::rrset& set,
                                                               std::string_view head,
                                                               std::string_view tail,
                                                               std::span<const std::size_t> order);
  static std::string_view row_elsewhere(const elsewhere_rows& of, std::size_t index);
  static std::size_t other_row(std::span<const resident> own, std::size_t index);

  std::shared_ptr<const zone::node> node_;
  mutable std::atomic<std::uint32_t> unsettled_; ///< answers left that PowerDNS is not to keep
  std::string text_;
  std::vector<rows> sets_; ///< in the order of their text
  std::size_t record_count_ = 0;
  bool sliced_ = false; ///< any set is
  bool viewed_ = false; ///< any set has homes
};

} // namespace thor::backend
