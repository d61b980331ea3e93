// The forms a short reply can have. For the code of this folder only.
#pragma once

#include "backend/answer/answer_table.hpp"

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace thor::backend {

inline constexpr std::string_view result_head = "{\"result\":";

/// Turns elements, each with a comma before it, that stand in `out` from `begin` on into a list.
void close_list(std::string& out, std::size_t begin, char open, char close);

/// Appends ["a","b"].
void append_strings(std::string& out, std::span<const std::string> values);

/// Appends {"result":<result>}.
reply answered(std::string& out, std::string_view result);

/// Appends {"result":<result>,"log":[...]}, without a log where there is nothing to say.
void append_result(std::string& out, std::string_view result, std::span<const std::string> log);

/// Appends {"result":false,"log":["<why>"]}.
reply declined(std::string& out, std::string why);

/// Appends {"error":"<why>"}.
reply refused(outcome what, std::string& out, std::string why);

} // namespace thor::backend
