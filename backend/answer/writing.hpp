// What becomes of a request that writes. Pure: an edit that has to be applied leaves as a value,
// and its outcome comes back to be told.
#pragma once

#include "backend/answer/answer_table.hpp"
#include "backend/answer/transaction.hpp"
#include "backend/protocol/request.hpp"

#include <optional>
#include <string>

namespace thor::backend {

struct decision {
  /// Of meaning without `wanted`.
  reply said{};
  /// To be applied; append_outcome() then writes the reply.
  std::optional<zone::edit> wanted{};
};

/// Takes a write of the connection that `open` belongs to. Appends the reply to `out`, unless an
/// edit is wanted.
decision decide(write_request asked, transaction& open, const answer_table& table,
                std::string& out);

/// Appends the reply of `what` whose edit came to this.
void append_outcome(std::string& out, method what, const zone::edit_outcome& outcome);

/// For the log, what an edit is about: "3 changes of example.com.". Holds no secret.
std::string subject_of(const zone::edit& wanted);

} // namespace thor::backend
