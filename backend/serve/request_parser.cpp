#include "backend/serve/request_parser.hpp"

#include "backend/serve/limits.hpp"

#include <boost/beast/core/string.hpp>

namespace thor::backend {

namespace beast = boost::beast;
namespace http = beast::http;

void request_text::clear() {
  verb.clear();
  target.clear();
  version = 11;
  zone_id.clear();
  real_remote.clear();
  transaction.clear();
  body.clear();
  if (body.capacity() > request_octets_kept) {
    body.shrink_to_fit();
  }
}

request_parser::request_parser(request_text& into)
    : into_(into) {
  into_.clear();
  header_limit(http_header_octets_max);
  body_limit(http_body_octets_max);
}

void request_parser::on_request_impl(http::verb, text verb_text, text target, int version,
                                     error_code&) {
  into_.verb.assign(verb_text.data(), verb_text.size());
  into_.target.assign(target.data(), target.size());
  into_.version = static_cast<unsigned>(version);
}

void request_parser::on_response_impl(int, text, int, error_code&) {}

void request_parser::on_field_impl(http::field field, text name, text value, error_code&) {
  if (field != http::field::unknown || is_header_done()) { // a field after the last chunk
    return;
  }
  std::string* to = nullptr;
  if (beast::iequals(name, "X-RemoteBackend-zone-id")) {
    to = &into_.zone_id;
  } else if (beast::iequals(name, "X-RemoteBackend-real-remote")) {
    to = &into_.real_remote;
  } else if (beast::iequals(name, "X-RemoteBackend-trxid")) {
    to = &into_.transaction;
  }
  if (to != nullptr && to->empty()) {
    to->assign(value.data(), value.size());
  }
}

void request_parser::on_header_impl(error_code&) {}

void request_parser::on_body_init_impl(const boost::optional<std::uint64_t>& octets, error_code&) {
  into_.body.reserve(static_cast<std::size_t>(octets.value_or(0)));
}

std::size_t request_parser::on_body_impl(text piece, error_code&) {
  into_.body.append(piece.data(), piece.size());
  return piece.size();
}

void request_parser::on_chunk_header_impl(std::uint64_t, text, error_code&) {}

std::size_t request_parser::on_chunk_body_impl(std::uint64_t, text piece, error_code& failure) {
  return on_body_impl(piece, failure);
}

void request_parser::on_finish_impl(error_code&) {}

} // namespace thor::backend
