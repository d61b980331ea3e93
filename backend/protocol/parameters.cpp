#include "backend/protocol/parameters.hpp"

#include <boost/json/array.hpp>

#include <charconv>
#include <limits>
#include <utility>

namespace thor::backend {

namespace json = boost::json;

std::string_view parameter_reader::text(std::string_view key) const {
  const json::value* const found = find(key);
  if (found == nullptr) {
    refuse(errc::bad_shape, key, "is missing");
    return {};
  }
  const json::string* const value = found->if_string();
  if (value == nullptr) {
    refuse(errc::bad_shape, key, "is not a string");
    return {};
  }
  return {value->data(), value->size()};
}

zone::inline_name parameter_reader::name(std::string_view key) const {
  const std::string_view written = text(key);
  if (*failure_) {
    return {};
  }
  auto parsed = zone::inline_name::parse(written);
  if (!parsed) {
    refuse(errc::bad_name, key, "is not a DNS name: " + excerpt(written));
    return {};
  }
  return *parsed;
}

std::optional<std::int64_t> parameter_reader::number(const json::value& written) const {
  if (const std::int64_t* const value = written.if_int64()) {
    return *value;
  }
  const json::string* const spelled = how_ == spelling::text ? written.if_string() : nullptr;
  if (spelled == nullptr) {
    return std::nullopt;
  }
  const char* const last = spelled->data() + spelled->size();
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(spelled->data(), last, value);
  return failure == std::errc() && end == last ? std::optional(value) : std::nullopt;
}

std::int64_t parameter_reader::integer(std::string_view key, std::int64_t min,
                                       std::int64_t max) const {
  const json::value* const found = find(key);
  if (found == nullptr) {
    refuse(errc::bad_shape, key, "is missing");
    return min;
  }
  const auto value = number(*found);
  if (!value || *value < min || *value > max) {
    refuse(errc::bad_shape, key,
           "is not an integer from " + std::to_string(min) + " to " + std::to_string(max));
    return min;
  }
  return *value;
}

bool parameter_reader::truth(std::string_view key, bool when_missing) const {
  const json::value* const found = find(key);
  if (found == nullptr) {
    return when_missing;
  }
  if (const bool* const value = found->if_bool()) {
    return *value;
  }
  const auto value = number(*found);
  if (!value || *value < 0 || *value > 1) {
    refuse(errc::bad_shape, key, "is not a truth value");
    return when_missing;
  }
  return *value == 1;
}

std::optional<std::uint32_t> parameter_reader::domain_id(std::string_view key) const {
  const json::value* const found = find(key);
  if (found == nullptr) {
    return std::nullopt;
  }
  // PowerDNS writes -1 as -2147483648 over REST.
  const std::int64_t min = how_ == spelling::text ? std::numeric_limits<std::int32_t>::min() : -1;
  const auto id = number(*found);
  if (!id || *id < min || *id > std::numeric_limits<std::uint32_t>::max()) {
    refuse(errc::bad_shape, key, "is not a domain id (an integer, -1 for none)");
    return std::nullopt;
  }
  return *id < 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(*id));
}

std::optional<std::int64_t> parameter_reader::transaction_id(std::string_view key) const {
  if (find(key) == nullptr) {
    return std::nullopt;
  }
  constexpr std::int64_t max = std::numeric_limits<std::int64_t>::max();
  const std::int64_t id = integer(key, -1, max);
  return id < 0 ? std::nullopt : std::optional(id);
}

std::optional<ip_prefix> parameter_reader::network(std::string_view key) const {
  if (find(key) == nullptr) {
    return std::nullopt;
  }
  const std::string_view written = text(key);
  if (*failure_) {
    return std::nullopt;
  }
  const auto parsed = ip_prefix::parse(written);
  if (!parsed) {
    refuse(errc::bad_shape, key, "is not an address or a network: " + excerpt(written));
  }
  return parsed;
}

const json::array* parameter_reader::array(std::string_view key) const {
  const json::value* const found = find(key);
  if (found == nullptr) {
    if (how_ == spelling::json) {
      refuse(errc::bad_shape, key, "is missing");
    }
    return nullptr;
  }
  const json::array* const all = found->if_array();
  if (all == nullptr) {
    refuse(errc::bad_shape, key, "is not an array");
  }
  return all;
}

std::vector<std::string> parameter_reader::texts(std::string_view key) const {
  std::vector<std::string> out;
  if (const json::array* const all = array(key)) {
    for (const json::value& element : *all) {
      const json::string* const value = element.if_string();
      if (value == nullptr) {
        refuse(errc::bad_shape, key, "holds something that is not a string");
        return {};
      }
      out.emplace_back(value->data(), value->size());
    }
  }
  return out;
}

parameter_reader parameter_reader::within(std::string_view key, const json::value& object) const {
  parameter_reader out = *this;
  out.within_ = key;
  out.parameters_ = object.if_object();
  if (out.parameters_ == nullptr) {
    static const json::object nothing;
    refuse(errc::bad_shape, key, "is not an object, or holds something that is none");
    out.parameters_ = &nothing;
  }
  return out;
}

parameter_reader parameter_reader::object(std::string_view key) const {
  static const json::value missing = nullptr;
  const json::value* const found = find(key);
  return within(key, found == nullptr ? missing : *found);
}

std::vector<parameter_reader> parameter_reader::objects(std::string_view key) const {
  std::vector<parameter_reader> out;
  if (const json::array* const all = array(key)) {
    for (const json::value& element : *all) {
      out.push_back(within(key, element));
    }
  }
  return out;
}

void parameter_reader::refuse(errc code, std::string_view key, std::string_view why) const {
  if (*failure_) {
    return;
  }
  std::string detail(method_);
  detail += ": \"";
  if (!within_.empty()) {
    detail += within_;
    detail += '.';
  }
  detail += key;
  detail += "\" ";
  detail += why;
  *failure_ = error{code, std::move(detail)};
}

} // namespace thor::backend
