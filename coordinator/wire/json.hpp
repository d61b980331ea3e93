// Strict reading of JSON from outside: the parser and the field reader that the codec is made of.
#pragma once

#include "coordinator/wire/codec.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace thor::wire {

inline constexpr std::size_t nesting_max = 8;

/// One JSON object (RFC 8259) in valid UTF-8, without duplicate keys at any level, nested at most
/// `nesting_max` deep.
std::expected<boost::json::object, error> parse_object(std::string_view text);

/// Reads the fields of one object. The first thing that is wrong is kept, with the field's name;
/// later reads then return defaults and the caller asks once, at the end.
class fields {
 public:
  /// `where` names the object in errors, "" for the outermost.
  fields(const boost::json::object& from, std::string where = {})
      : from_(from)
      , where_(std::move(where)) {}

  std::uint64_t number(std::string_view key, std::uint64_t max = integer_max);
  std::uint64_t number_or(std::string_view key, std::uint64_t fallback, std::uint64_t max);
  bool boolean(std::string_view key);
  bool boolean_or(std::string_view key, bool fallback);
  /// 64 bits as 16 lower-case hex digits.
  std::uint64_t hex64(std::string_view key);
  /// Empty after an error.
  std::string_view text(std::string_view key, std::size_t octets_max);
  std::string_view text_or(std::string_view key, std::string_view fallback, std::size_t octets_max);
  /// Text for people, without control characters; "" when missing.
  std::string words(std::string_view key);
  /// Raw octets from base64; may not be empty.
  std::string octets(std::string_view key, std::size_t octets_max);
  /// Never nullptr: an empty one after an error or, for the optional forms, when missing.
  const boost::json::object& object(std::string_view key);
  const boost::json::object& object_or_empty(std::string_view key);
  const boost::json::array& array(std::string_view key);
  std::optional<model::node_id> id(std::string_view key);
  model::version version();

  /// Notes that `key` is wrong, unless something was wrong before.
  void fail(std::string_view key, std::string_view what, errc code = errc::bad_field);
  void fail(error inner);
  [[nodiscard]] bool failed() const { return error_.has_value(); }
  /// Precondition: failed().
  [[nodiscard]] const error& why() const { return *error_; }
  /// Name of a field, with the path of this object; safe to show when the key comes from outside.
  [[nodiscard]] std::string path(std::string_view key) const;

 private:
  const boost::json::value* find(std::string_view key);
  const boost::json::value* require(std::string_view key);
  std::uint64_t as_number(std::string_view key, const boost::json::value& v, std::uint64_t max);
  std::string_view as_text(std::string_view key, const boost::json::value& v,
                           std::size_t octets_max);

  const boost::json::object& from_;
  std::string where_;
  std::optional<error> error_;
};

/// 16 lower-case hex digits.
std::string hex64(std::uint64_t value);

} // namespace thor::wire
