// What the machines of this folder tell: values for the next machine or for the edge to perform.
#pragma once

#include "coordinator/election/election.hpp"
#include "coordinator/model/status.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace thor::membership {

// ---- of the judge

/// The member is online.
struct admitted {
  model::presence what;
  friend bool operator==(const admitted&, const admitted&) = default;
};
/// An admitted member says something new about itself, possibly from a new process.
struct changed {
  model::presence what;
  friend bool operator==(const changed&, const changed&) = default;
};
/// The member is not online any more.
struct withdrawn {
  model::node_id id;
  model::withdrawal reason = model::withdrawal::left;
  friend bool operator==(const withdrawn&, const withdrawn&) = default;
};
/// What this event server said does not add up, or misses something: drop the connection and make
/// it anew.
struct resubscribe {
  std::string server;
  friend bool operator==(const resubscribe&, const resubscribe&) = default;
};

// ---- of the publisher

/// Publish under Thor.Members.
struct publish {
  std::string server; ///< "" = every connected event server
  model::status_event what;
  friend bool operator==(const publish&, const publish&) = default;
};
/// Keep these over a restart. Comes before the status that first uses them.
struct persist {
  model::epoch epoch;             ///< the highest one taken or heard; counter 0 = none yet
  std::uint32_t serial_limit = 0; ///< no higher serial was handed out
  friend bool operator==(const persist&, const persist&) = default;
};

// ---- of the election

/// This manager became the active one, or ceased to be.
struct transition {
  bool active = false;
  election::reason why = election::reason::no_incumbent;
  model::epoch at; ///< the highest epoch now: its own, or its successor's
  friend bool operator==(const transition&, const transition&) = default;
};

// ---- of all

enum class level : std::uint8_t { info, warning, alarm };

/// For the log and the counters.
struct note {
  level how = level::info;
  std::string_view word; ///< stable: "mass_silence". Points to a literal
  std::string about;     ///< member, role or event server
  std::string detail;    ///< for a person
  friend bool operator==(const note&, const note&) = default;
};

using effect =
    std::variant<admitted, changed, withdrawn, resubscribe, publish, persist, transition, note>;
using effects = std::vector<effect>;

} // namespace thor::membership
