#include "coordinator/health/verdict.hpp"

#include "coordinator/model/presence.hpp"

#include <algorithm>

namespace thor::health {
namespace {

/// The greater, the worse.
int badness(health_state state) {
  switch (state) {
  case health_state::up:
    return 0;
  case health_state::unseen:
    return 1;
  case health_state::unknown:
    return 2;
  case health_state::down:
    return 3;
  }
  return 3;
}

std::string_view word(health_state state) {
  switch (state) {
  case health_state::up:
    return "up";
  case health_state::unseen:
    return "not seen yet";
  case health_state::unknown:
    return "starting";
  case health_state::down:
    return "down";
  }
  return "down";
}

} // namespace

verdict judge(std::span<const finding> findings) {
  const auto worst =
      std::ranges::max_element(findings, {}, [](const auto& one) { return badness(one.state); });
  if (worst == findings.end() || worst->state == health_state::up)
    return {};
  verdict out;
  out.offered = worst->state == health_state::unseen;
  out.text = word(worst->state);
  out.text.append(": ").append(worst->what);
  if (!worst->trouble.empty())
    out.text.append(": ").append(worst->trouble);
  if (out.text.size() > model::attribute_value_octets_max)
    out.text.resize(model::attribute_value_octets_max);
  return out;
}

std::string reason_of(std::string_view said) {
  constexpr std::string_view blank = " \t\r\n\v\f";
  const auto begin = said.find_first_not_of(blank);
  if (begin == std::string_view::npos)
    return {};
  said.remove_prefix(begin);
  said = said.substr(0, said.find_first_of("\r\n"));
  said = said.substr(0, said.find_last_not_of(blank) + 1);
  std::string out(said.substr(0, reason_octets_max));
  std::ranges::replace_if(out, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

} // namespace thor::health
