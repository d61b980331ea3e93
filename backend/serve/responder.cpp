#include "backend/serve/responder.hpp"

#include "backend/answer/writing.hpp"
#include "backend/serve/clock.hpp"
#include "backend/serve/limits.hpp"

#include <openssl/crypto.h>

#include <utility>
#include <variant>

namespace thor::backend {
namespace {

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

responder::responder(const table_cell& cell, std::string token, bool writable, journal& log)
    : tables_(cell)
    , token_(std::move(token))
    , writable_(writable)
    , log_(log) {}

bool responder::is_trusted(std::string_view target) const {
  const auto where = read_target(target);
  return where && is_token(where->token);
}

http_reply responder::answer_http(const http_request& asked, transaction& open, std::string& body) {
  const auto where = read_target(asked.target);
  if (!where) {
    refuse(where.error(), asked.peer, open, body);
    return {.status = 400};
  }
  if (!is_token(where->token)) {
    const std::string_view detail = "the URL does not begin with the token of this server";
    log_.refuse(refusal::wrong_token, asked.peer, detail);
    append_error(body, detail);
    return {.status = 404};
  }
  auto question = read_http({.verb = asked.verb,
                             .where = *where,
                             .body = asked.body,
                             .zone_id = asked.zone_id,
                             .real_remote = asked.real_remote,
                             .transaction = asked.transaction});
  if (!question) {
    refuse(question.error(), asked.peer, open, body);
    return {.status = 400, .trusted = true};
  }
  const auto& table = tables_.current();
  auto made =
      answer_request(table.get(), *std::move(question), connector::http, asked.peer, open, body);
  return {.status = status_of(made.said.what),
          .trusted = true,
          .rest = made.said.rest,
          .table = made.said.rest.empty() ? nullptr : table,
          .wanted = std::move(made.wanted)};
}

std::optional<wanted_edit> responder::answer_line(std::string_view line, std::string_view peer,
                                                  transaction& open, std::string& out) {
  auto question = read_envelope(line);
  if (!question) {
    refuse(question.error(), peer, open, out);
    return std::nullopt;
  }
  const auto& table = tables_.current();
  auto made =
      answer_request(table.get(), *std::move(question), connector::unix_socket, peer, open, out);
  while (!made.said.rest.empty()) {
    made.said.rest.append_to(out, piece_octets);
  }
  return std::move(made.wanted);
}

responder::answer_to responder::answer_request(const answer_table* table, request asked,
                                               connector via, std::string_view peer,
                                               transaction& open, std::string& out) {
  const method what = method_of(asked);
  ++log_.counters().requests[static_cast<std::size_t>(what)];
  answer_to made;
  auto* const write = std::get_if<write_request>(&asked);
  if (write != nullptr && writable_ && table != nullptr) {
    decision decided = decide(std::move(*write), open, *table, out);
    if (decided.wanted) {
      made.wanted = wanted_edit{
          .what = what, .subject = subject_of(*decided.wanted), .edit = *std::move(decided.wanted)};
      return made;
    }
    made.said = std::move(decided.said);
  } else {
    made.said = answer(table, asked, unix_time(), via, out, open.pending());
  }
  switch (made.said.what) {
  case outcome::answered:
    made.said.rest.append_to(out, piece_octets);
    break;
  case outcome::not_ready:
    ++log_.counters().not_ready;
    break;
  case outcome::declined:
    if (std::holds_alternative<declined_request>(asked)) {
      // Maybe a step: PowerDNS goes on with its transaction whatever a step is answered.
      open.spoil(made.said.why);
    }
    log_.refuse(refusal::unsupported, peer, made.said.why);
    break;
  case outcome::too_large:
    log_.refuse(refusal::too_large, peer, made.said.why);
    break;
  }
  return made;
}

void responder::answer_edit(const wanted_edit& wanted, const zone::edit_outcome& outcome,
                            std::string_view peer, std::string& out) {
  append_outcome(out, wanted.what, outcome);
  std::string text(to_string(wanted.what));
  text += ", " + wanted.subject;
  std::string_view separator = ": ";
  for (const std::string& note : outcome.notes) {
    text += separator;
    text += note;
    separator = "; ";
  }
  if (outcome.done) {
    log_.say(log_level::info, "PowerDNS wrote by " + std::move(text));
  } else {
    log_.refuse(refusal::write, peer, text);
  }
}

void responder::refuse(const error& why, std::string_view peer, transaction& open,
                       std::string& out) {
  // It may have been a step of the transaction.
  open.spoil("a request could not be read: " + why.detail);
  log_.refuse(reason_of(why.code), peer, why.detail);
  append_error(out, why.detail);
}

bool responder::is_token(std::string_view candidate) const {
  return candidate.size() == token_.size() &&
         CRYPTO_memcmp(candidate.data(), token_.data(), token_.size()) == 0;
}

} // namespace thor::backend
