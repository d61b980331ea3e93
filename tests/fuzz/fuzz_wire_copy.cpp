// What name servers say to each other when one copies the operator's data from the other: the
// frames, and the rows in them as the database reads them.
#include "coordinator/wire/copy.hpp"
#include "schema/store/replicated_tables.hpp"

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
  const std::string_view frame(reinterpret_cast<const char*>(data), size);
  const auto message = wire::decode_copy(frame);
  if (!message)
    return 0;
  require(wire::decode_copy(wire::encode(*message)) == message);
  if (const auto* rows = std::get_if<wire::copy_rows>(&*message)) {
    const auto parsed = store::parse_rows({rows->part});
    require(!parsed || parsed->by_table.size() == 1);
  }
  return 0;
}
