// The operator's data on several name servers: who writes them, which state of them a name server
// has, and what a copy is made of. PURE values, shared by the database, the wire and the machine.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thor::model {

/// Takeovers that are remembered, the latest.
inline constexpr std::size_t takeovers_max = 16;

/// Who writes. Term 0 is what a configuration says; each promotion takes the next one.
struct writer_claim {
  std::uint64_t term = 0;
  std::string writer; ///< node id; "" in a database that was never told
  friend bool operator==(const writer_claim&, const writer_claim&) = default;
};

/// Whether `a` holds against `b`: by term, then by id. Claims of term 0 hold where they are
/// configured and against nobody.
bool outranks(const writer_claim& a, const writer_claim& b);

/// "<term> <writer>", as a presence tells it.
std::string to_text(const writer_claim& claim);
/// Nothing when it is no such text: a term of at most 2^53 - 1, one blank, a node id.
std::optional<writer_claim> parse_claim(std::string_view text);

/// Which state of the data a name server has.
struct data_state {
  std::uint64_t revision = 0; ///< grows with every change of any row at the writer
  /// Exclusive or, over all rows of all copied tables, of XXH64 (seed 0) of "<table> <row>", the
  /// row as in copied_rows.
  std::uint64_t digest = 0;
  friend bool operator==(const data_state&, const data_state&) = default;
};

/// With which data a promoted name server began to write: whoever had the same loses nothing by
/// following it.
struct takeover {
  std::uint64_t term = 0;
  std::string writer;
  std::uint64_t digest = 0;
  friend bool operator==(const takeover&, const takeover&) = default;
};

/// Some rows of one table.
struct copied_rows {
  std::string table;
  std::string columns; ///< "id, name": what each row has, in this order
  /// Text of a JSON array of rows, each an array of integers, strings and nulls. Text that is no
  /// UTF-8 is {"hex":"<lower-case digits>"}.
  std::string rows;
  friend bool operator==(const copied_rows&, const copied_rows&) = default;
};

/// The whole of the operator's data.
struct operator_copy {
  std::vector<copied_rows> parts;
  data_state state;
  std::vector<takeover> takeovers; ///< by term, at most takeovers_max
  friend bool operator==(const operator_copy&, const operator_copy&) = default;
};

} // namespace thor::model
