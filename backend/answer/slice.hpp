// Which members of a large RRset one answer holds.
//
// The members stand on a ring and an answer takes `size` neighbours, starting `size` further on
// each second: over any run of `members` seconds every member is handed out equally often, and
// within one second all answers agree. Where the ring starts depends on the serial and on the name
// server, so that name servers do not send everybody to the same members. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace thor::backend {

/// What a slice is a function of.
struct slice_turn {
  std::uint64_t server_seed = 0; ///< see server_seed()
  std::uint32_t serial = 0;
  std::uint64_t unix_time_s = 0;
};

/// A seed of the name server's id.
std::uint64_t server_seed(std::string_view server_id);

/// How many records of an answer are those of the client's own view.
struct slice_share {
  std::size_t own = 0;
  std::size_t others = 0;
};

/// Divides an answer of `size` records between `own` members and `others`: all but two for the own
/// ones and always one of them, two for the others to fall back on; what one side cannot use is the
/// other's. Precondition: size > 0.
slice_share share_slice(std::size_t size, std::size_t own, std::size_t others);

/// Index of the first member. Precondition: 0 < size < members.
std::size_t slice_start(const slice_turn& turn, std::size_t members, std::size_t size);

} // namespace thor::backend
