// The text port: one question a line, one line of answer, as tools of SIP Thor ask it.
//
//   lookup sip_proxy for alice@example.com   ->  192.0.2.11
//   is_online 192.0.2.11 as sip_proxy        ->  Yes
//   status                                   ->  {"gw1": {"ip": ...
//
// PURE: a line and what is known lead to an answer. What cannot be answered is a line that begins
// with "error: ", which is neither an address nor Yes. Nothing of a question is repeated in an
// answer.
#pragma once

#include "coordinator/lookup/ring.hpp"
#include "coordinator/model/status.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace thor::text_port {

/// The port that tools expect.
inline constexpr std::uint16_t default_port = 9500;

/// What an answer is made of; borrowed for one call.
struct known {
  bool synced = false; ///< the members are known
  const model::member_map& members;
  const lookup::rings& rings; ///< of these members
};

/// The answer to one line, without line ends.
std::string answer(std::string_view question, const known& about);

/// The forms of all questions, for people: "lookup ROLE for KEY", ...
std::vector<std::string_view> questions();

} // namespace thor::text_port
