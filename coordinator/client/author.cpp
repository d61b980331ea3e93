#include "coordinator/client/author.hpp"

#include "coordinator/wire/codec.hpp"

namespace thor::client {
namespace {

std::unexpected<refusal> refuse(const identity::error& why) {
  return std::unexpected(refusal{std::string(identity::to_string(why.code)), why.detail});
}

std::unexpected<refusal> refuse(const wire::error& why) {
  return std::unexpected(refusal{"bad_body", why.detail});
}

/// The body is about its author.
template <class Body>
std::expected<void, refusal> check_own(const identity::peer& author,
                                       const std::expected<Body, wire::error>& body) {
  if (!body) {
    return refuse(body.error());
  }
  if (body->id != author.id) {
    return refuse({identity::errc::id_not_in_certificate,
                   author.id.text() + " speaks for " + body->id.text()});
  }
  return {};
}

std::expected<void, refusal> check_presence_author(const identity::peer& author,
                                                   const std::string& text) {
  const auto body = wire::decode_presence(text);
  if (!body) {
    return refuse(body.error());
  }
  if (const auto allowed = identity::check_author(author, *body); !allowed) {
    return refuse(allowed.error());
  }
  return {};
}

std::expected<void, refusal> check_said(const identity::peer& author,
                                        const wire::signed_body& what) {
  switch (what.about) {
  case wire::topic::presence:
    return check_presence_author(author, what.body);
  case wire::topic::leave:
    return check_own(author, wire::decode_leave(what.body));
  case wire::topic::statistics:
    return check_own(author, wire::decode_statistics(what.body));
  case wire::topic::members:
    break;
  }
  if (const auto manager = identity::check_manager(author); !manager) {
    return refuse(manager.error());
  }
  return {};
}

} // namespace

std::expected<identity::peer, refusal> accept_author(const wire::signed_body& what,
                                                     const identity::x509::credentials& who,
                                                     model::unix_time now) {
  auto author = who.authors().verify(wire::signed_octets(what.about, what.body), what.signature,
                                     what.certificate, now);
  if (!author) {
    return refuse(author.error());
  }
  if (const auto allowed = check_said(*author, what); !allowed) {
    return std::unexpected(allowed.error());
  }
  return std::move(*author);
}

} // namespace thor::client
