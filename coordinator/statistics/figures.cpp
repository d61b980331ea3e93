#include "coordinator/statistics/figures.hpp"

#include "coordinator/model/presence.hpp"
#include "coordinator/wire/json.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <ranges>

namespace thor::statistics {

namespace json = boost::json;

namespace {

/// Integers up to here are exact as double, and in every JSON library.
constexpr double integer_max = 9007199254740991.0;

std::optional<double> number_of(const json::value& v) {
  if (!v.is_number())
    return std::nullopt;
  const auto number = v.to_number<double>();
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

by_domain section_of(const json::value& v) {
  by_domain out;
  if (const auto number = number_of(v)) {
    out.emplace("", *number);
  } else if (v.is_object()) {
    for (const auto& one : v.get_object())
      if (const auto each = number_of(one.value()); each && !one.key().empty())
        out.emplace(one.key(), *each);
  }
  return out;
}

} // namespace

bool is_name(std::string_view text) {
  return model::is_role_name(text) && text != reserved_name;
}

sections numbers_of(const json::object& figures) {
  sections out;
  for (const auto& one : figures)
    if (auto numbers = section_of(one.value()); !numbers.empty())
      out.emplace(one.key(), std::move(numbers));
  return out;
}

double sum_of(const by_domain& numbers) {
  const auto values = numbers | std::views::values;
  return std::accumulate(values.begin(), values.end(), 0.0);
}

std::string to_text(double number) {
  constexpr int digits = 6;
  std::array<char, 32> out{};
  const bool whole = std::trunc(number) == number && std::abs(number) <= integer_max;
  const auto end =
      whole ? std::to_chars(out.begin(), out.end(), static_cast<std::int64_t>(number))
            : std::to_chars(out.begin(), out.end(), number, std::chars_format::general, digits);
  return {out.begin(), end.ptr};
}

json::value to_json(double number) {
  if (std::trunc(number) == number && std::abs(number) <= integer_max)
    return static_cast<std::int64_t>(number);
  return std::isfinite(number) ? json::value(number) : json::value(nullptr);
}

json::value to_json(const by_domain& numbers) {
  if (numbers.size() == 1 && numbers.begin()->first.empty())
    return to_json(numbers.begin()->second);
  json::object out;
  for (const auto& [domain, number] : numbers)
    out[domain] = to_json(number);
  return out;
}

std::expected<json::object, std::string> parse_figures(std::string_view text) {
  if (text.size() > wire::statistics_octets_max)
    return std::unexpected("more than " + std::to_string(wire::statistics_octets_max) + " octets");
  auto object = wire::parse_object(text);
  if (!object)
    return std::unexpected(object.error().detail);
  return *std::move(object);
}

std::map<std::string, json::object> named_figures(std::string_view text) {
  std::map<std::string, json::object> out;
  const auto object = parse_figures(text);
  if (!object)
    return out;
  for (const auto& one : *object)
    if (one.value().is_object() && is_name(one.key()) && out.size() < names_max)
      out.emplace(one.key(), one.value().get_object());
  return out;
}

} // namespace thor::statistics
