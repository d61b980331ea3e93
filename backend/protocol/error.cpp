#include "backend/protocol/error.hpp"

namespace thor::backend {

std::string_view to_string(errc code) {
  switch (code) {
  case errc::bad_json:
    return "bad JSON";
  case errc::bad_shape:
    return "bad shape";
  case errc::bad_name:
    return "bad name";
  case errc::bad_target:
    return "bad target";
  case errc::bad_form:
    return "bad form";
  case errc::bad_verb:
    return "bad verb";
  }
  return "unknown";
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t octets_max = 64;
  std::string out = "\"";
  for (const char c : text.substr(0, octets_max)) {
    out += c >= ' ' && c <= '~' ? c : '?';
  }
  out += text.size() > octets_max ? "...\"" : "\"";
  return out;
}

} // namespace thor::backend
