// Frames from event servers, as members read them.
#include "coordinator/wire/codec.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view frame(reinterpret_cast<const char*>(data), size);
  if (const auto read = thor::wire::decode_server(frame))
    if (thor::wire::decode_server(thor::wire::encode(*read)) != read)
      std::abort();
  return 0;
}
