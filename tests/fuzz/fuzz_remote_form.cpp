// The bodies of the `post` form and of REST.
#include "backend/protocol/read.hpp"

#include <cstdlib>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace thor;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto check = [&](std::string_view verb, std::string method,
                         std::vector<std::string> arguments) {
    const backend::target where{
        .token = "t", .method = std::move(method), .arguments = std::move(arguments)};
    const auto asked =
        backend::read_http({.verb = verb, .where = where, .body = body, .zone_id = ""});
    if (!asked && asked.error().detail.empty()) {
      std::abort();
    }
  };
  for (const char* const method :
       {"lookup", "list", "getDomainMetadata", "feedRecord", "replaceRRSet", "directBackendCmd"}) {
    check("POST", method, {});
  }
  check("PATCH", "feedRecord", {"7"});
  check("PATCH", "replaceRRSet", {"1", "a.e.", "A"});
  check("PATCH", "setDomainMetadata", {"e.", "KIND"});
  check("PATCH", "setTSIGKey", {"k."});
  check("PUT", "addDomainKey", {"e."});
  return 0;
}
