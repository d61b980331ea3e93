#include "coordinator/model/operator_copy.hpp"

#include "coordinator/model/node_id.hpp"

#include <charconv>
#include <utility>

namespace thor::model {

namespace {

/// What every JSON reader holds exactly.
constexpr std::uint64_t term_max = (std::uint64_t{1} << 53) - 1;

} // namespace

bool outranks(const writer_claim& a, const writer_claim& b) {
  return a.term > 0 && std::pair(a.term, a.writer) > std::pair(b.term, b.writer);
}

std::string to_text(const writer_claim& claim) {
  return std::to_string(claim.term) + ' ' + claim.writer;
}

std::optional<writer_claim> parse_claim(std::string_view text) {
  writer_claim claim;
  const auto blank = text.find(' ');
  if (blank == std::string_view::npos)
    return std::nullopt;
  const auto* const digits_end = text.data() + blank;
  const auto [end, failure] = std::from_chars(text.data(), digits_end, claim.term);
  const auto writer = node_id::parse(text.substr(blank + 1));
  if (failure != std::errc() || end != digits_end || claim.term > term_max || !writer)
    return std::nullopt;
  claim.writer = writer->text();
  return claim;
}

} // namespace thor::model
