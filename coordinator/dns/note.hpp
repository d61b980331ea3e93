// What the machines of this folder have to say to people. PURE.
#pragma once

#include <string>
#include <string_view>

namespace thor::dns {

/// For the log; `alarm` also counts.
struct note {
  bool alarm = false;
  std::string_view word; ///< what it is about, stable: "manager_lost". Points to a literal
  std::string text;
};

} // namespace thor::dns
