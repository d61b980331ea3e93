// What a hook reads on its standard input: one JSON object. The README of this folder and
// thor-node(8) describe it.
//
// PURE. The text is ASCII, and ends with a newline.
#pragma once

#include "coordinator/hook/schedule.hpp"

#include <string>

namespace thor::hook {

/// Whose hook it is.
struct owner {
  std::string domain;
  model::node_id id;
  std::string hook; ///< its name
};

std::string document(const owner& whose, const run& what, model::unix_time now);

} // namespace thor::hook
