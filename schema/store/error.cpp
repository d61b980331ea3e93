#include "schema/store/error.hpp"

namespace thor::store {

std::string_view to_string(errc code) {
  switch (code) {
  case errc::cannot_open:
    return "cannot open";
  case errc::corrupt:
    return "corrupt";
  case errc::foreign:
    return "foreign";
  case errc::newer_schema:
    return "newer schema";
  case errc::busy:
    return "busy";
  case errc::full:
    return "full";
  case errc::read_only:
    return "read-only";
  case errc::bad_value:
    return "bad value";
  case errc::not_found:
    return "not found";
  case errc::follower:
    return "follower";
  case errc::differs:
    return "differs";
  case errc::failed:
    return "failed";
  }
  return "unknown";
}

} // namespace thor::store
