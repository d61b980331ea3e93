// The body of the `post` form.
#include "backend/protocol/read.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace thor;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const std::string_view method : {"lookup", "list", "getDomainMetadata", "feedRecord"}) {
    const backend::target where{.token = "t", .method = std::string(method), .arguments = {}};
    const auto asked =
        backend::read_http({.verb = "POST", .where = where, .body = body, .zone_id = ""});
    if (!asked && asked.error().detail.empty()) {
      std::abort();
    }
  }
  return 0;
}
