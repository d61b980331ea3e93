#include "zone/model/error.hpp"

namespace thor::zone {

std::string_view to_string(errc code) {
  switch (code) {
  case errc::bad_name:
    return "bad name";
  case errc::name_too_long:
    return "name too long";
  case errc::bad_type:
    return "bad type";
  case errc::bad_rdata:
    return "bad rdata";
  case errc::out_of_zone:
    return "out of zone";
  case errc::conflict:
    return "conflict";
  case errc::refused:
    return "refused";
  }
  return "unknown";
}

} // namespace thor::zone
