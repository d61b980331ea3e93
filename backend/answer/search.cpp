#include "backend/answer/search.hpp"

#include "backend/answer/row.hpp"
#include "zone/text/rdata_text.hpp"

namespace thor::backend {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// The root is one dot.
std::string_view without_last_dot(std::string_view name) {
  return name.size() > 1 && name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

} // namespace

bool fits(std::string_view pattern, std::string_view text) {
  std::size_t in_pattern = 0;
  std::size_t in_text = 0;
  std::size_t after_star = std::string_view::npos;
  std::size_t star_takes_to = 0;
  while (in_text < text.size()) {
    if (in_pattern < pattern.size() && pattern[in_pattern] == '*') {
      after_star = ++in_pattern;
      star_takes_to = in_text;
    } else if (in_pattern < pattern.size() &&
               (pattern[in_pattern] == '?' || lower(pattern[in_pattern]) == lower(text[in_text]))) {
      ++in_pattern;
      ++in_text;
    } else if (after_star != std::string_view::npos) {
      in_pattern = after_star;
      in_text = ++star_takes_to;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', in_pattern) == std::string_view::npos;
}

std::size_t append_matches(std::string& out, const zone::contents& zone, std::string_view pattern,
                           std::size_t records_max) {
  std::size_t found = 0;
  for (const auto& node : zone.nodes) {
    const std::string owner = node->owner.text();
    const bool owner_fits = fits(without_last_dot(pattern), without_last_dot(owner));
    for (const auto& set : node->rrsets) {
      const row_frame row = frame(to_string(set->type), set->owner, set->ttl_s,
                                  zone::is_authoritative(*node, set->type), zone.id);
      for (const zone::rdata& record : set->records) {
        if (found == records_max) {
          return found;
        }
        const std::string text = zone::to_text(record);
        const std::string_view content = as_powerdns_writes(set->type, text);
        if (owner_fits || fits(pattern, content)) {
          append_row(out, row, content);
          ++found;
        }
      }
    }
  }
  return found;
}

} // namespace thor::backend
