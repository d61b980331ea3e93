#include "backend/protocol/read.hpp"

#include "backend/protocol/form.hpp"
#include "backend/protocol/json_text.hpp"
#include "backend/protocol/methods.hpp"

#include <boost/json/monotonic_resource.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/pct_string_view.hpp>

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

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
  return read_parameters(method, *object, spelling::json);
}

/// How the body of the `post` form begins.
constexpr std::string_view form_key = "parameters=";

std::expected<request, error> read_form(std::string_view method, std::string_view body) {
  // Not by urls::parse_query: in Boost 1.81 it reads on to the next zero octet.
  if (!body.starts_with(form_key)) {
    return refuse(errc::bad_form, "the body does not begin with \"parameters=\"");
  }
  const std::string_view written = body.substr(form_key.size(), body.find('&') - form_key.size());
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

/// What REST writes as header fields, into `parameters`.
void add_header_fields(const http_question& question, json::object& parameters) {
  const std::array<std::pair<std::string_view, std::string_view>, 3> fields{
      {{zone_id_key, question.zone_id},
       {real_remote_key, question.real_remote},
       {transaction_key, question.transaction}}};
  for (const auto& [key, value] : fields) {
    if (!value.empty()) {
      parameters.emplace(key, json::string_view(value));
    }
  }
}

std::expected<request, error> read_rest(const http_question& question) {
  const target& where = question.where;
  const auto form = rest_form_of(where.method);
  if (!form) {
    return lost_over_rest(where.method);
  }
  if (question.verb != form->verb) {
    return refuse(errc::bad_verb,
                  where.method + ": REST asks for it with " + std::string(form->verb));
  }
  if (where.arguments.size() < form->path.size()) {
    return refuse(errc::bad_target, where.method + ": the URL ends before \"" +
                                        std::string(form->path[where.arguments.size()]) + "\"");
  }
  std::array<unsigned char, tree_octets> octets;
  json::monotonic_resource memory(octets.data(), octets.size());
  json::object parameters(&memory);
  for (std::size_t i = 0; i < form->path.size(); ++i) {
    parameters.emplace(form->path[i], json::string_view(where.arguments[i]));
  }
  add_header_fields(question, parameters);
  for (const std::string_view fields : {where.query, question.body}) {
    if (const auto read = read_form_fields(fields, parameters); !read) {
      return form->verb == "GET" ? std::expected<request, error>(std::unexpected(read.error()))
                                 : lost_over_rest(where.method);
    }
  }
  return read_parameters(where.method, parameters, spelling::text);
}

/// A POST to /<token>/<method> is the `post` form, but for the methods that REST posts there, too.
bool is_rest_post(const http_question& question) {
  const auto form = rest_form_of(question.where.method);
  return form && form->verb == "POST" && form->path.empty() && !question.body.starts_with(form_key);
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
  if (url->has_query()) {
    out.query = {url->encoded_query().data(), url->encoded_query().size()};
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
    return read_parameters(name, json::object(&memory), spelling::json);
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
  if (question.verb == "POST" && where.arguments.empty() && !is_rest_post(question)) {
    return read_form(where.method, question.body);
  }
  constexpr std::array<std::string_view, 5> verbs{"GET", "POST", "PATCH", "PUT", "DELETE"};
  if (std::ranges::find(verbs, question.verb) != verbs.end()) {
    return read_rest(question);
  }
  return refuse(errc::bad_verb, "no request of the protocol uses this HTTP method");
}

} // namespace thor::backend
