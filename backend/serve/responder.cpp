#include "backend/serve/responder.hpp"

#include "backend/serve/limits.hpp"

#include <openssl/crypto.h>

#include <chrono>
#include <utility>

namespace thor::backend {
namespace {

std::uint64_t unix_time_s() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count());
}

refusal reason_of(errc code) {
  switch (code) {
  case errc::bad_json:
    return refusal::bad_json;
  case errc::bad_target:
  case errc::bad_verb:
    return refusal::bad_target;
  case errc::bad_shape:
  case errc::bad_name:
  case errc::bad_form:
    return refusal::bad_request;
  }
  return refusal::bad_request;
}

// A status PowerDNS does not know makes it take the backend for broken (SERVFAIL), as does a body
// without a result.
unsigned status_of(outcome what) {
  switch (what) {
  case outcome::answered:
  case outcome::declined:
    return 200;
  case outcome::not_ready:
    return 503;
  case outcome::too_large:
    return 500;
  }
  return 500;
}

} // namespace

responder::responder(const table_cell& cell, std::string token, journal& log)
    : tables_(cell)
    , token_(std::move(token))
    , log_(log) {}

http_reply responder::answer_http(const http_request& asked, std::string& body) {
  const auto where = read_target(asked.target);
  if (!where) {
    refuse(where.error(), asked.peer, body);
    return {.status = 400};
  }
  if (!is_token(where->token)) {
    const std::string_view detail = "the URL does not begin with the token of this server";
    log_.refuse(refusal::wrong_token, asked.peer, detail);
    append_error(body, detail);
    return {.status = 404};
  }
  const auto question = read_http({.verb = asked.verb,
                                   .where = *where,
                                   .body = asked.body,
                                   .zone_id = asked.zone_id,
                                   .real_remote = asked.real_remote,
                                   .transaction = asked.transaction});
  if (!question) {
    refuse(question.error(), asked.peer, body);
    return {.status = 400, .trusted = true};
  }
  const auto& table = tables_.current();
  const reply made = answer_request(table.get(), *question, connector::http, asked.peer, body);
  return {.status = status_of(made.what),
          .trusted = true,
          .rest = made.rest,
          .table = made.rest.empty() ? nullptr : table};
}

void responder::answer_line(std::string_view line, std::string_view peer, std::string& out) {
  const auto question = read_envelope(line);
  if (!question) {
    refuse(question.error(), peer, out);
    return;
  }
  const auto& table = tables_.current();
  reply made = answer_request(table.get(), *question, connector::unix_socket, peer, out);
  while (!made.rest.empty()) {
    made.rest.append_to(out, piece_octets);
  }
}

reply responder::answer_request(const answer_table* table, const request& asked, connector via,
                                std::string_view peer, std::string& out) {
  ++log_.counters().requests[static_cast<std::size_t>(method_of(asked))];
  reply made = answer(table, asked, unix_time_s(), via, out);
  switch (made.what) {
  case outcome::answered:
    made.rest.append_to(out, piece_octets);
    break;
  case outcome::not_ready:
    ++log_.counters().not_ready;
    break;
  case outcome::declined:
    log_.refuse(refusal::unsupported, peer, made.why);
    break;
  case outcome::too_large:
    log_.refuse(refusal::too_large, peer, made.why);
    break;
  }
  return made;
}

void responder::refuse(const error& why, std::string_view peer, std::string& out) {
  log_.refuse(reason_of(why.code), peer, why.detail);
  append_error(out, why.detail);
}

bool responder::is_token(std::string_view candidate) const {
  return candidate.size() == token_.size() &&
         CRYPTO_memcmp(candidate.data(), token_.data(), token_.size()) == 0;
}

} // namespace thor::backend
