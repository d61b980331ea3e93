#include "backend/protocol/json_text.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace thor::backend {
namespace {

namespace json = boost::json;

/// Builds a json::value as json::parser does, and counts the member names it sees: an object keeps
/// only one of two members with the same name, so the count tells that there were two.
class counting_builder {
 public:
  // What basic_parser wants to know of its handler.
  static constexpr std::size_t max_object_size = json_members_max;
  static constexpr std::size_t max_array_size = json_elements_max;
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  explicit counting_builder(json::storage_ptr memory)
      : stack_({}, scratch_.data(), scratch_.size()) {
    stack_.reset(std::move(memory));
  }

  json::value release() { return stack_.release(); }
  [[nodiscard]] std::size_t names() const { return names_; }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return true; }
  bool on_object_end(std::size_t count, json::error_code&) {
    stack_.push_object(count);
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t count, json::error_code&) {
    stack_.push_array(count);
    return true;
  }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    stack_.push_chars(part);
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code&) {
    ++names_;
    stack_.push_key(part);
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    stack_.push_chars(part);
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    stack_.push_string(part);
    return true;
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t number, json::string_view, json::error_code&) {
    stack_.push_int64(number);
    return true;
  }
  bool on_uint64(std::uint64_t number, json::string_view, json::error_code&) {
    stack_.push_uint64(number);
    return true;
  }
  bool on_double(double number, json::string_view, json::error_code&) {
    stack_.push_double(number);
    return true;
  }
  bool on_bool(bool truth, json::error_code&) {
    stack_.push_bool(truth);
    return true;
  }
  bool on_null(json::error_code&) {
    stack_.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  /// Enough for the values of an ordinary request while they are put together.
  std::array<unsigned char, 1024> scratch_;
  json::value_stack stack_;
  std::size_t names_ = 0;
};

/// Member names in a value of at most json_depth_max levels.
std::size_t count_names(const json::value& value) {
  std::size_t count = 0;
  if (const json::object* const object = value.if_object()) {
    count = object->size();
    for (const json::key_value_pair& member : *object) {
      count += count_names(member.value());
    }
  } else if (const json::array* const array = value.if_array()) {
    for (const json::value& element : *array) {
      count += count_names(element);
    }
  }
  return count;
}

std::unexpected<error> refuse(std::string detail) {
  return std::unexpected(error{errc::bad_json, std::move(detail)});
}

} // namespace

std::expected<json::value, error> read_json(std::string_view text, json::storage_ptr memory) {
  json::parse_options options;
  options.max_depth = json_depth_max;
  json::basic_parser<counting_builder> parser(options, std::move(memory));
  json::error_code failure;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), failure);
  if (failure) {
    return refuse("not JSON: " + failure.message() + " at octet " + std::to_string(used));
  }
  if (used < text.size()) {
    return refuse("not JSON: something follows the text at octet " + std::to_string(used));
  }
  json::value value = parser.handler().release();
  if (count_names(value) != parser.handler().names()) {
    return refuse("an object names a member twice");
  }
  return value;
}

void append_json_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  const auto needs_escape = [](char c) {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ';
  };
  out += '"';
  while (true) {
    const auto plain_end = std::ranges::find_if(text, needs_escape);
    out.append(text.begin(), plain_end);
    if (plain_end == text.end()) {
      break;
    }
    const char c = *plain_end;
    if (static_cast<unsigned char>(c) < ' ') {
      out += "\\u00";
      out += hex[static_cast<unsigned char>(c) >> 4];
      out += hex[static_cast<unsigned char>(c) & 0xf];
    } else {
      out += '\\';
      out += c;
    }
    text = {plain_end + 1, text.end()};
  }
  out += '"';
}

} // namespace thor::backend
