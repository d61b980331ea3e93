// Frames from members, as an event server reads them.
#include "coordinator/wire/codec.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view frame(reinterpret_cast<const char*>(data), size);
  if (const auto read = thor::wire::decode_client(frame))
    if (thor::wire::decode_client(thor::wire::encode(*read)) != read)
      std::abort();
  return 0;
}
