// Copying the operator's data between name servers, subprotocol `thor.copy.v1`: the messages as
// C++ values and their JSON. README.md section 15 is the specification.
//
// Pure. The readers are as strict as those of codec.hpp, and fuzzed.
#pragma once

#include "coordinator/model/operator_copy.hpp"
#include "coordinator/wire/codec.hpp"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace thor::wire {

inline constexpr std::string_view copy_subprotocol = "thor.copy.v1";
inline constexpr std::uint16_t default_copy_port = 8002;
/// Where a thor-dns tells in its presence who writes, and at which port it lets itself be copied.
inline constexpr std::string_view writer_attribute = "operator.writer";
inline constexpr std::string_view copy_port_key = "operator.tcp";

// ---- follower to writer

/// "I follow this writer and have this": at the beginning, and after each copy.
struct copy_request {
  model::writer_claim of;
  model::data_state have;
  friend bool operator==(const copy_request&, const copy_request&) = default;
};

// ---- writer to follower

/// What the sender has: at once when the follower has the same, and every second.
struct copy_state {
  model::writer_claim of;
  model::data_state have;
  friend bool operator==(const copy_state&, const copy_state&) = default;
};
/// A part of a copy.
struct copy_rows {
  model::copied_rows part;
  friend bool operator==(const copy_rows&, const copy_rows&) = default;
};
/// All parts were sent: this is what they make.
struct copy_end {
  model::writer_claim of;
  model::data_state have;
  std::vector<model::takeover> takeovers;
  friend bool operator==(const copy_end&, const copy_end&) = default;
};

using copy_message = std::variant<copy_request, copy_state, copy_rows, copy_end>;

std::string encode(const copy_message& m);
std::expected<copy_message, error> decode_copy(std::string_view frame);

} // namespace thor::wire
