// The target of an HTTP request line, read as REST.
#include "backend/protocol/read.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace thor;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto where = backend::read_target(text);
  if (!where) {
    return 0;
  }
  // Split before decoding: a slash in an argument was escaped.
  if (where->token.find('/') != std::string_view::npos) {
    std::abort();
  }
  for (const std::string_view verb : {"GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"}) {
    for (const std::string_view zone_id : {"", "-1", "7", "x"}) {
      const auto asked = backend::read_http(
          {.verb = verb, .where = *where, .body = "parameters=%7b%7d", .zone_id = zone_id});
      if (!asked && asked.error().detail.empty()) {
        std::abort();
      }
    }
  }
  return 0;
}
