#include "backend/protocol/form.hpp"

#include "backend/protocol/json_text.hpp"

#include <boost/json/array.hpp>
#include <boost/url/pct_string_view.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

namespace thor::backend {
namespace {

namespace json = boost::json;
namespace urls = boost::urls;

std::unexpected<error> refuse(std::string detail) {
  return std::unexpected(error{errc::bad_form, std::move(detail)});
}

std::optional<std::string> decoded(std::string_view written) {
  const auto text = urls::make_pct_string_view(written);
  if (!text) {
    return std::nullopt;
  }
  return text->decode(urls::encoding_opts(/*space_as_plus=*/true));
}

/// Takes "[...]" off the front of `path`.
std::optional<std::string_view> take_bracket(std::string_view& path) {
  const std::size_t end = path.find(']');
  if (!path.starts_with('[') || end == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view inside = path.substr(1, end - 1);
  path.remove_prefix(end + 1);
  return inside;
}

bool add_member(json::object& to, std::string_view key, json::value value) {
  return to.size() < json_members_max && to.emplace(key, std::move(value)).second;
}

/// The element of `all` that `index` calls, which may be the last one or one more.
json::object* element_at(json::array& all, std::string_view index) {
  std::size_t position = 0;
  const auto [end, failure] = std::from_chars(index.data(), index.data() + index.size(), position);
  if (failure != std::errc() || end != index.data() + index.size()) {
    return nullptr;
  }
  if (position == all.size() && position < json_elements_max) {
    return &all.emplace_back(json::object(all.storage())).as_object();
  }
  return position + 1 == all.size() ? all.back().if_object() : nullptr;
}

/// Adds one field; false if it does not fit in with those before.
bool add(json::object& into, std::string_view path, std::string_view text) {
  json::value value(json::string_view(text), into.storage());
  const std::size_t plain_end = path.find('[');
  const std::string_view key = path.substr(0, plain_end);
  if (plain_end == std::string_view::npos) {
    return add_member(into, key, std::move(value));
  }
  path.remove_prefix(plain_end);
  const auto first = take_bracket(path);
  if (!first || (!into.contains(key) && into.size() == json_members_max)) {
    return false;
  }
  json::value& inner = into.emplace(key, nullptr).first->value();
  const bool is_list = first->empty() || !path.empty();
  if (inner.is_null()) {
    if (is_list) {
      inner.emplace_array();
    } else {
      inner.emplace_object();
    }
  }
  if (!is_list) {
    return inner.is_object() && add_member(inner.get_object(), *first, std::move(value));
  }
  if (!inner.is_array()) {
    return false;
  }
  json::array& all = inner.get_array();
  if (path.empty()) {
    all.push_back(std::move(value));
    return all.size() <= json_elements_max;
  }
  json::object* const element = element_at(all, *first);
  const auto second = take_bracket(path);
  return element != nullptr && second && path.empty() &&
         add_member(*element, *second, std::move(value));
}

} // namespace

std::expected<void, error> read_form_fields(std::string_view text, json::object& into) {
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), field.size() + 1));
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos) {
      return refuse("a field of the form has no value");
    }
    const auto key = decoded(field.substr(0, equals));
    const auto value = decoded(field.substr(equals + 1));
    if (!key || !value) {
      return refuse("the form is not urlencoded");
    }
    if (!add(into, *key, *value)) {
      return refuse("a field of the form is written twice, or does not fit in with the others: " +
                    excerpt(*key));
    }
  }
  return {};
}

} // namespace thor::backend
