// Names in presentation form: what is accepted is within bounds and is read back from its text.
#include "zone/model/name.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using thor::zone::name;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto n = name::parse(text)) {
    if (n->wire().size() > thor::zone::name_octets_max || name::parse(n->text()) != *n) {
      std::abort();
    }
    const auto again = n->parent().child(n->first_label());
    if (!n->is_root() && again != *n) {
      std::abort();
    }
  }
  if (const auto n = name().descendant(text);
      n && name().descendant(n->relative_text(name())) != *n) {
    std::abort();
  }
  return 0;
}
