// Who said it, and may they: what a consumer checks of every event, because an event server is a
// relay and not an author (thor.v1 section 7).
#pragma once

#include "coordinator/identity/peer.hpp"
#include "coordinator/identity/x509/credentials.hpp"
#include "coordinator/wire/message.hpp"

#include <expected>
#include <string>

namespace thor::client {

struct refusal {
  std::string reason; ///< a stable word, for counters
  std::string detail; ///< for a person
};

/// The author of `what`, when certificate, signature and body hold and the author may say it:
/// presence, leave and statistics only about itself, a presence only with its roles, the network
/// status only as a manager.
std::expected<identity::peer, refusal> accept_author(const wire::signed_body& what,
                                                     const identity::x509::credentials& who,
                                                     model::unix_time now);

} // namespace thor::client
