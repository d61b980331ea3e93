#include "backend/protocol/read.hpp"

#include "backend/protocol/json_text.hpp"
#include "backend/protocol/methods.hpp"

#include <boost/json/monotonic_resource.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/pct_string_view.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace thor::backend {
namespace {

namespace json = boost::json;
namespace urls = boost::urls;

/// Octets on the stack for the JSON tree of one request; a longer request takes more from the heap.
constexpr std::size_t tree_octets = 4096;

std::unexpected<error> refuse(errc code, std::string detail) {
  return std::unexpected(error{code, std::move(detail)});
}

/// What both forms that hold JSON end with: an object of parameters.
std::expected<request, error> read_call(std::string_view method, const json::value& parameters) {
  const json::object* const object = parameters.if_object();
  if (object == nullptr) {
    return refuse(errc::bad_shape, "\"parameters\" is not an object");
  }
  return read_parameters(method, *object);
}

std::expected<request, error> read_form(std::string_view method, std::string_view body) {
  // Not by urls::parse_query: in Boost 1.81 it reads on to the next zero octet.
  constexpr std::string_view key = "parameters=";
  if (!body.starts_with(key)) {
    return refuse(errc::bad_form, "the body does not begin with \"parameters=\"");
  }
  const std::string_view written = body.substr(key.size(), body.find('&') - key.size());
  const auto value = urls::make_pct_string_view(written);
  if (!value) {
    return refuse(errc::bad_form, "\"parameters\" is not urlencoded");
  }
  const urls::encoding_opts form_encoding(/*space_as_plus=*/true);
  const std::string text = value->decode(form_encoding);
  std::array<unsigned char, tree_octets> octets;
  json::monotonic_resource memory(octets.data(), octets.size());
  const auto parameters = read_json(text, &memory);
  if (!parameters) {
    return std::unexpected(parameters.error());
  }
  return read_call(method, *parameters);
}

/// An integer as JSON has it, or the text itself for read_parameters to refuse.
json::value number_or_text(std::string_view text, json::storage_ptr memory) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc() && end == text.data() + text.size()) {
    return json::value(number, std::move(memory));
  }
  return json::value(json::string_view(text), std::move(memory));
}

std::expected<request, error> read_rest(const http_question& question) {
  const target& where = question.where;
  const auto wanted = path_parameters(where.method);
  if (where.arguments.size() < wanted.size()) {
    return refuse(errc::bad_target, where.method + ": the URL ends before \"" +
                                        std::string(wanted[where.arguments.size()]) + "\"");
  }
  std::array<unsigned char, tree_octets> octets;
  json::monotonic_resource memory(octets.data(), octets.size());
  json::object parameters(&memory);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    parameters.emplace(wanted[i], json::string_view(where.arguments[i]));
  }
  if (!question.zone_id.empty()) {
    parameters.emplace(zone_id_key, number_or_text(question.zone_id, &memory));
  }
  if (!question.real_remote.empty()) {
    parameters.emplace(real_remote_key, json::string_view(question.real_remote));
  }
  return read_parameters(where.method, parameters);
}

} // namespace

std::expected<target, error> read_target(std::string_view text) {
  const auto url = urls::parse_origin_form(text);
  if (!url) {
    // Not repeated: it may hold the token.
    return refuse(errc::bad_target, "the URL is not a path, or an escape in it is broken");
  }
  target out;
  std::size_t position = 0;
  for (const urls::pct_string_view segment : url->encoded_segments()) {
    if (segment.empty() && position == 1) {
      // The slash that ends the configured URL, before the one that PowerDNS puts.
      continue;
    }
    if (position == 0) {
      out.token = {segment.data(), segment.size()};
    } else if (position == 1) {
      out.method = segment.decode();
    } else {
      out.arguments.push_back(segment.decode());
    }
    ++position;
  }
  return out;
}

std::expected<request, error> read_envelope(std::string_view text) {
  std::array<unsigned char, tree_octets> octets;
  json::monotonic_resource memory(octets.data(), octets.size());
  const auto tree = read_json(text, &memory);
  if (!tree) {
    return std::unexpected(tree.error());
  }
  const json::object* const envelope = tree->if_object();
  if (envelope == nullptr) {
    return refuse(errc::bad_shape, "the request is not an object");
  }
  const json::value* const method = envelope->if_contains("method");
  if (method == nullptr || !method->is_string()) {
    return refuse(errc::bad_shape, "\"method\" is missing or not a string");
  }
  const json::string& name = method->get_string();
  const json::value* const parameters = envelope->if_contains("parameters");
  if (parameters == nullptr) {
    return read_parameters(name, json::object(&memory));
  }
  return read_call(name, *parameters);
}

std::expected<request, error> read_http(const http_question& question) {
  const target& where = question.where;
  if (question.verb == "POST" && where.method.empty()) {
    return read_envelope(question.body);
  }
  if (where.method.empty()) {
    return refuse(errc::bad_verb, std::string(question.verb.substr(0, 16)) +
                                      " needs a method after the token; POST the JSON envelope "
                                      "to the token itself");
  }
  if (question.verb == "POST" && where.arguments.empty()) {
    return read_form(where.method, question.body);
  }
  if (question.verb == "GET") {
    return read_rest(question);
  }
  constexpr std::array<std::string_view, 4> writing{"POST", "PATCH", "PUT", "DELETE"};
  if (std::ranges::find(writing, question.verb) != writing.end()) {
    return other_request{where.method};
  }
  return refuse(errc::bad_verb, "no request of the protocol uses this HTTP method");
}

} // namespace thor::backend
