#include "coordinator/health/status_set.hpp"

#include <algorithm>

namespace thor::health {

void status_set::add(unsigned first, unsigned last) {
  for (auto code = first; code <= last; ++code)
    codes_.set(code);
}

std::expected<status_set, std::string> status_set::parse(const std::vector<std::string>& texts) {
  status_set out;
  for (const auto& text : texts) {
    const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
    const bool hundred = text.size() == 3 && text[0] >= '1' && text[0] <= '6';
    if (hundred && text.substr(1) == "xx") {
      const auto first = static_cast<unsigned>(text[0] - '0') * 100;
      out.add(first, first + 99);
    } else if (hundred && digit(1) && digit(2)) {
      const auto code = static_cast<unsigned>(std::stoul(text));
      out.add(code, code);
    } else {
      return std::unexpected("has \"" + text + "\", which is no status such as \"200\" or \"4xx\"");
    }
  }
  return out;
}

status_set status_set::of_sip() {
  status_set out;
  out.add(200, 499);
  out.add(501, 501);
  out.add(600, 699);
  return out;
}

status_set status_set::of_http() {
  status_set out;
  out.add(200, 399);
  return out;
}

} // namespace thor::health
