#include "backend/answer/reply_text.hpp"

#include "backend/protocol/json_text.hpp"

namespace thor::backend {

void close_list(std::string& out, std::size_t begin, char open, char close) {
  if (out.size() == begin) {
    out += open;
  } else {
    out[begin] = open;
  }
  out += close;
}

void append_strings(std::string& out, std::span<const std::string> values) {
  const std::size_t begin = out.size();
  for (const std::string& value : values) {
    out += ',';
    append_json_string(out, value);
  }
  close_list(out, begin, '[', ']');
}

reply answered(std::string& out, std::string_view result) {
  append_result(out, result, {});
  return {};
}

void append_result(std::string& out, std::string_view result, std::span<const std::string> log) {
  out += result_head;
  out += result;
  if (!log.empty()) {
    out += ",\"log\":";
    append_strings(out, log);
  }
  out += '}';
}

reply declined(std::string& out, std::string why) {
  append_result(out, "false", {&why, 1});
  return {.what = outcome::declined, .why = std::move(why)};
}

reply refused(outcome what, std::string& out, std::string why) {
  append_error(out, why);
  return {.what = what, .why = std::move(why)};
}

void append_error(std::string& out, std::string_view detail) {
  out += "{\"error\":";
  append_json_string(out, detail);
  out += '}';
}

} // namespace thor::backend
