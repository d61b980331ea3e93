#include "coordinator/text_port/text_port.hpp"

#include <cstdlib>

using namespace thor;

/// An answer is one line whatever was asked, and lets nothing of the question through.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto members = [] {
    model::member_map out;
    for (const auto* id : {"gw1", "gw2"}) {
      model::presence p{*model::node_id::parse(id),
                        {1, 1},
                        {model::ip_address::v4({192, 0, 2, 1})},
                        {{"sip_proxy", {}}},
                        "",
                        "",
                        {}};
      out.emplace(p.id, model::member{p, {}});
    }
    return out;
  }();
  static const lookup::rings rings(members);
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto answer = text_port::answer(line, {true, members, rings});
  if (answer.empty() || answer.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    std::abort();
  }
  const bool known_form = answer == "Yes" || answer == "No" || answer == "192.0.2.1" ||
                          answer.starts_with("error: ") || answer.starts_with("{\"gw1\"");
  if (!known_form) {
    std::abort();
  }
  return 0;
}
