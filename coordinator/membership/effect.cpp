#include "coordinator/membership/effect.hpp"

namespace thor::membership {

std::string_view to_string(level l) {
  switch (l) {
  case level::info:
    return "info";
  case level::warning:
    return "warning";
  case level::alarm:
    return "alarm";
  }
  return "unknown";
}

} // namespace thor::membership
