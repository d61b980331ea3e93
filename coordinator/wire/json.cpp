#include "coordinator/wire/json.hpp"

#include "coordinator/wire/base64.hpp"

#include <boost/json/array.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_stack.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace thor::wire {

namespace json = boost::json;

namespace {

constexpr std::size_t key_octets_max = 128;

/// Builds the value and counts the keys read, because Boost.JSON keeps the last of two equal keys
/// without a word: fewer keys in the value than in the text means that one was repeated.
struct counting_builder {
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  json::value_stack stack;
  std::size_t keys = 0;

  bool on_document_begin(json::error_code&) {
    stack.reset();
    return true;
  }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return true; }
  bool on_object_end(std::size_t n, json::error_code&) {
    keys += n;
    stack.push_object(n);
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t n, json::error_code&) {
    stack.push_array(n);
    return true;
  }
  bool on_key_part(json::string_view s, std::size_t, json::error_code&) {
    stack.push_chars(s);
    return true;
  }
  bool on_key(json::string_view s, std::size_t, json::error_code&) {
    stack.push_key(s);
    return true;
  }
  bool on_string_part(json::string_view s, std::size_t, json::error_code&) {
    stack.push_chars(s);
    return true;
  }
  bool on_string(json::string_view s, std::size_t, json::error_code&) {
    stack.push_string(s);
    return true;
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t i, json::string_view, json::error_code&) {
    stack.push_int64(i);
    return true;
  }
  bool on_uint64(std::uint64_t u, json::string_view, json::error_code&) {
    stack.push_uint64(u);
    return true;
  }
  /// What no double holds would be read as infinity, and written as no JSON at all.
  bool on_double(double d, json::string_view, json::error_code& wrong) {
    if (!std::isfinite(d)) {
      wrong = json::error::exponent_overflow;
      return false;
    }
    stack.push_double(d);
    return true;
  }
  bool on_bool(bool b, json::error_code&) {
    stack.push_bool(b);
    return true;
  }
  bool on_null(json::error_code&) {
    stack.push_null();
    return true;
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

std::size_t count_keys(const json::value& v) {
  std::size_t keys = 0;
  if (const auto* object = v.if_object()) {
    keys = object->size();
    for (const auto& member : *object)
      keys += count_keys(member.value());
  } else if (const auto* array = v.if_array()) {
    for (const auto& element : *array)
      keys += count_keys(element);
  }
  return keys;
}

/// Looks like the keys of thor.v1, role names and services do.
bool is_plain_key(std::string_view key) {
  return key.size() <= key_octets_max &&
         key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-.") == std::string_view::npos;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

const json::object no_object;
const json::array no_array;

std::string_view view(const json::string& s) {
  return {s.data(), s.size()};
}

} // namespace

std::expected<json::object, error> parse_object(std::string_view text) {
  json::parse_options options;
  options.max_depth = nesting_max;
  json::basic_parser<counting_builder> parser(options);
  json::error_code wrong;
  const auto used = parser.write_some(false, text.data(), text.size(), wrong);
  if (wrong)
    return std::unexpected(error{errc::not_json, wrong.message()});
  if (used != text.size())
    return std::unexpected(error{errc::not_json, "text after the object"});
  const auto value = parser.handler().stack.release();
  if (!value.is_object())
    return std::unexpected(error{errc::not_json, "not an object"});
  if (count_keys(value) != parser.handler().keys)
    return std::unexpected(error{errc::not_json, "a key is repeated"});
  return value.get_object();
}

std::string fields::path(std::string_view key) const {
  auto shown = is_plain_key(key) ? std::string(key) : model::printable(key);
  return where_.empty() ? shown : where_ + "." + shown;
}

void fields::fail(std::string_view key, std::string_view what, errc code) {
  fail(error{code, path(key) + ": " + std::string(what)});
}

void fields::fail(error inner) {
  if (!error_)
    error_ = std::move(inner);
}

const json::value* fields::find(std::string_view key) {
  return from_.if_contains(json::string_view(key.data(), key.size()));
}

const json::value* fields::require(std::string_view key) {
  const auto* v = find(key);
  if (v == nullptr)
    fail(key, "is missing");
  return v;
}

std::uint64_t fields::as_number(std::string_view key, const json::value& v, std::uint64_t max) {
  // Boost.JSON reads an integer as int64 whenever it fits, which covers integer_max.
  const auto* i = v.if_int64();
  if (i == nullptr || *i < 0 || static_cast<std::uint64_t>(*i) > max) {
    fail(key, "is not an integer from 0 to " + std::to_string(max));
    return 0;
  }
  return static_cast<std::uint64_t>(*i);
}

std::uint64_t fields::number(std::string_view key, std::uint64_t max) {
  const auto* v = require(key);
  return v != nullptr ? as_number(key, *v, max) : 0;
}

std::uint64_t fields::number_or(std::string_view key, std::uint64_t fallback, std::uint64_t max) {
  const auto* v = find(key);
  return v != nullptr ? as_number(key, *v, max) : fallback;
}

bool fields::boolean(std::string_view key) {
  const auto* v = require(key);
  if (v == nullptr)
    return false;
  if (!v->is_bool()) {
    fail(key, "is not true or false");
    return false;
  }
  return v->get_bool();
}

bool fields::boolean_or(std::string_view key, bool fallback) {
  return find(key) == nullptr ? fallback : boolean(key);
}

std::uint64_t fields::hex64(std::string_view key) {
  constexpr std::size_t digits = 16;
  const auto digits_text = text(key, digits);
  std::uint64_t value = 0;
  const auto* end = digits_text.data() + digits_text.size();
  if (digits_text.size() != digits ||
      digits_text.find_first_not_of("0123456789abcdef") != std::string_view::npos ||
      std::from_chars(digits_text.data(), end, value, 16).ptr != end) {
    fail(key, "is not 16 lower-case hex digits");
    return 0;
  }
  return value;
}

std::string_view fields::as_text(std::string_view key, const json::value& v,
                                 std::size_t octets_max) {
  const auto* s = v.if_string();
  if (s == nullptr || s->size() > octets_max) {
    fail(key, "is not a string of at most " + std::to_string(octets_max) + " octets");
    return {};
  }
  return view(*s);
}

std::string_view fields::text(std::string_view key, std::size_t octets_max) {
  const auto* v = require(key);
  return v != nullptr ? as_text(key, *v, octets_max) : std::string_view();
}

std::string_view fields::text_or(std::string_view key, std::string_view fallback,
                                 std::size_t octets_max) {
  const auto* v = find(key);
  return v != nullptr ? as_text(key, *v, octets_max) : fallback;
}

std::string fields::words(std::string_view key) {
  const auto value = text_or(key, "", text_octets_max);
  if (std::ranges::any_of(value, is_control))
    fail(key, "holds control characters");
  return std::string(value);
}

std::string fields::octets(std::string_view key, std::size_t octets_max) {
  const auto encoded = text(key, (octets_max + 2) / 3 * 4);
  if (failed())
    return {};
  auto raw = base64_decode(encoded);
  if (!raw || raw->empty() || raw->size() > octets_max) {
    fail(key, "is not base64 of 1 to " + std::to_string(octets_max) + " octets", errc::bad_base64);
    return {};
  }
  return *std::move(raw);
}

const json::object& fields::object(std::string_view key) {
  return require(key) != nullptr ? object_or_empty(key) : no_object;
}

const json::object& fields::object_or_empty(std::string_view key) {
  const auto* v = find(key);
  if (v == nullptr)
    return no_object;
  if (!v->is_object()) {
    fail(key, "is not an object");
    return no_object;
  }
  return v->get_object();
}

const json::array& fields::array(std::string_view key) {
  const auto* v = require(key);
  if (v == nullptr)
    return no_array;
  if (!v->is_array()) {
    fail(key, "is not an array");
    return no_array;
  }
  return v->get_array();
}

std::optional<model::node_id> fields::id(std::string_view key) {
  const auto parsed = model::node_id::parse(text(key, 63));
  if (!parsed) {
    fail(key, "is not a node id (one lower-case DNS label)");
    return std::nullopt;
  }
  return *parsed;
}

model::version fields::version() {
  return {.incarnation = number("incarnation"), .sequence = number("sequence")};
}

std::string hex64(std::uint64_t value) {
  std::string text(16, '0');
  for (auto digit = text.rbegin(); value != 0; ++digit, value >>= 4)
    *digit = "0123456789abcdef"[value & 15U];
  return text;
}

} // namespace thor::wire
