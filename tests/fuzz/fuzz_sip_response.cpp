// Responses of a SIP server: what is read is within bounds, and what ends a header ends it for both
// readers.
#include "coordinator/health/sip_options.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace thor::health;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto header = sip_header_octets(text);
  if (header && (*header > size || !text.substr(0, *header).ends_with("\r\n\r\n"))) {
    std::abort();
  }
  const sip_options asked{"UDP", "192.0.2.1:5060", "127.0.0.1:40000", "0123abcd"};
  if (const auto got = parse_sip_response(text)) {
    if (got->status < 100 || got->status > 699 ||
        (is_final_answer(*got, asked) && (got->status < 200 || got->branch.empty()))) {
      std::abort();
    }
  }
  return 0;
}
