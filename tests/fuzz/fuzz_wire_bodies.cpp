// Published bodies of every topic, as event servers and consumers read them. What is accepted is
// within the bounds of the model and survives being written and read again.
#include "coordinator/wire/codec.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

void require(bool holds) {
  if (!holds)
    std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace thor;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (const auto p = wire::decode_presence(body)) {
    require(model::validate(*p).has_value());
    require(wire::decode_presence(wire::encode_body(*p)) == p);
  }
  if (const auto l = wire::decode_leave(body))
    require(wire::decode_leave(wire::encode_body(*l)) == l);
  if (const auto s = wire::decode_status(body))
    require(wire::decode_status(wire::encode_body(*s)) == s);
  if (const auto s = wire::decode_statistics(body))
    require(wire::decode_statistics(wire::encode_body(*s)) == s);
  return 0;
}
