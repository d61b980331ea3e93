#include "schema/store/metadata_rules.hpp"

#include "schema/store/operator_data.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <sstream>
#include <string_view>

namespace thor::store {
namespace {

constexpr std::size_t kind_octets_max = 32;
/// Of one value: what PowerDNS reads of it are lists of addresses, names and numbers.
constexpr std::size_t value_octets_max = 4096;
/// RFC 5155 section 10.3; each doubles what an answer of absence costs, RFC 9276 asks for 0.
constexpr unsigned nsec3_iterations_max = 500;
/// RFC 5155 section 3.2: its length is one octet.
constexpr std::size_t salt_octets_max = 255;

bool is_kind(std::string_view text) {
  return !text.empty() && text.size() <= kind_octets_max && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

/// RFC 5155 section 4.3: "1 0 0 -", hash algorithm, flags, iterations and salt.
std::string fault_of_nsec3param(const std::string& value) {
  std::istringstream in(value);
  std::string algorithm;
  std::string flags;
  std::string iterations;
  std::string salt;
  std::string more;
  if (!(in >> algorithm >> flags >> iterations >> salt) || in >> more) {
    return "is not \"algorithm flags iterations salt\"";
  }
  if (number(algorithm) != 1U) {
    return "its hash algorithm is not 1 (SHA-1), the only one there is";
  }
  if (number(flags) != 0U && number(flags) != 1U) {
    return "its flags are neither 0 nor 1 (opt-out)";
  }
  if (const auto count = number(iterations); !count || *count > nsec3_iterations_max) {
    return "its iterations are no number up to " + std::to_string(nsec3_iterations_max) +
           "; RFC 9276 asks for 0";
  }
  if (salt != "-" && (salt.size() % 2 != 0 || salt.size() / 2 > salt_octets_max || !is_hex(salt))) {
    return "its salt is neither - nor hexadecimal of at most " + std::to_string(salt_octets_max) +
           " octets";
  }
  return "";
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return text;
}

} // namespace

std::string fault_of_metadata(const std::string& kind, const std::vector<std::string>& values) {
  if (!is_kind(kind)) {
    return "a kind of metadata is at most " + std::to_string(kind_octets_max) +
           " letters, digits and hyphens";
  }
  if (values.size() > metadata_values_max) {
    return kind + ": more than " + std::to_string(metadata_values_max) + " values";
  }
  if (std::ranges::any_of(values, [](const auto& one) { return one.size() > value_octets_max; })) {
    return kind + ": a value of more than " + std::to_string(value_octets_max) + " octets";
  }
  if (values.empty()) {
    return "";
  }
  const std::string which = upper(kind);
  if (which == "PRESIGNED" && (values.size() > 1 || values.front() != "0")) {
    return "PRESIGNED: signatures made elsewhere fit no zone whose records follow the members; "
           "give it keys (pdnsutil secure-zone), and PowerDNS signs";
  }
  if (which == "NSEC3PARAM") {
    const auto why =
        values.size() > 1 ? "has more than one value" : fault_of_nsec3param(values.front());
    return why.empty() ? "" : "NSEC3PARAM " + why;
  }
  if (which == "NSEC3NARROW" &&
      (values.size() > 1 || (values.front() != "0" && values.front() != "1"))) {
    return "NSEC3NARROW is neither 0 nor 1";
  }
  return "";
}

} // namespace thor::store
