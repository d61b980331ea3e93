#include "coordinator/wire/message.hpp"

#include <array>
#include <utility>

namespace thor::wire {
namespace {

constexpr std::array<std::pair<topic, std::string_view>, 4> topics{{
    {topic::presence, "Thor.Presence"},
    {topic::leave, "Thor.Leave"},
    {topic::members, "Thor.Members"},
    {topic::statistics, "Thor.Statistics"},
}};

} // namespace

std::string_view to_string(topic t) {
  return topics[std::to_underlying(t)].second;
}

std::optional<topic> parse_topic(std::string_view text) {
  for (const auto& [value, name] : topics)
    if (name == text)
      return value;
  return std::nullopt;
}

std::string_view to_string(fact_state s) {
  switch (s) {
  case fact_state::connected:
    return "connected";
  case fact_state::late:
    return "late";
  case fact_state::closed:
    return "closed";
  case fact_state::revoked:
    return "revoked";
  case fact_state::expired:
    return "expired";
  }
  std::unreachable();
}

} // namespace thor::wire
