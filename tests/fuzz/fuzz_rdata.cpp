// Contents of records, as operators write them: "<type> <content>". What the zone accepts is read
// back from its text; what ldns accepts too has a canonical form that stays.
#include "zone/check/check.hpp"
#include "zone/text/rdata_text.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace zone = thor::zone;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t space = text.find(' ');
  const auto type = zone::parse_type(text.substr(0, space));
  if (!type || space == std::string_view::npos) {
    return 0;
  }
  const std::string content(text.substr(space + 1));
  const auto read = zone::parse_rdata(*type, content);
  if (read && zone::parse_rdata(*type, zone::to_text(*read)) != *read) {
    std::abort();
  }
  const auto canonical = zone::canonical_rdata(*type, content);
  if (canonical && zone::canonical_rdata(*type, *canonical) != *canonical) {
    std::abort();
  }
  return 0;
}
