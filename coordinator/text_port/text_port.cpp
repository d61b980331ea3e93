#include "coordinator/text_port/text_port.hpp"

#include "coordinator/lookup/key.hpp"
#include "coordinator/monitor/status_json.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace thor::text_port {
namespace {

/// The words of a question where its form has capitals.
using arguments = std::vector<std::string_view>;

std::string failure(std::string_view why) {
  return "error: " + std::string(why);
}

std::string look_up(const arguments& given, const known& about) {
  const auto* home = about.rings.of(given[0]).home(lookup::key_hash(given[1]));
  if (home == nullptr)
    return failure("no member offers that role");
  return about.members.at(*model::node_id::parse(home->id)).what.addresses.front().text();
}

std::string is_online(const arguments& given, const known& about) {
  const auto address = model::ip_address::parse(given[0]);
  if (!address)
    return failure("that is no IP address");
  const std::string role(given[1]);
  const bool found = std::ranges::any_of(about.members, [&](const auto& entry) {
    const auto& p = entry.second.what;
    return p.roles.contains(role) && std::ranges::find(p.addresses, *address) != p.addresses.end();
  });
  return found ? "Yes" : "No";
}

std::string status(const arguments&, const known& about) {
  return monitor::status_json(about.members);
}

struct form {
  /// Capitals stand for a word of the question, KEY at the end for all that is left.
  std::string_view text;
  std::string (*answer)(const arguments&, const known&);
};

constexpr std::array forms{
    form{"lookup ROLE for KEY", look_up},
    form{"is_online IP as ROLE", is_online},
    form{"status", status},
};

constexpr std::string_view blank = " ";
constexpr std::string_view rest_of_line = "KEY";

std::string_view trimmed(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(blank), line.size()));
  return line.substr(0, line.find_last_not_of(blank) + 1);
}

/// Takes the first word off `line`, which is trimmed.
std::string_view take_word(std::string_view& line) {
  const auto word = line.substr(0, line.find(blank));
  line = trimmed(line.substr(word.size()));
  return word;
}

/// What `question` has at the places of `wanted`; nothing when it is no question of that form.
std::optional<arguments> match(std::string_view question, std::string_view wanted) {
  arguments out;
  question = trimmed(question);
  while (!wanted.empty()) {
    const auto place = take_word(wanted);
    const auto word = place == rest_of_line ? std::exchange(question, {}) : take_word(question);
    if (word.empty())
      return std::nullopt;
    if (place.front() >= 'A' && place.front() <= 'Z')
      out.push_back(word);
    else if (word != place)
      return std::nullopt;
  }
  return question.empty() ? std::optional(out) : std::nullopt;
}

} // namespace

std::string answer(std::string_view question, const known& about) {
  for (const auto& one : forms) {
    if (const auto given = match(question, one.text))
      return about.synced ? one.answer(*given, about) : failure("the network is not known yet");
  }
  std::string all;
  for (const auto text : questions())
    all.append(all.empty() ? "" : ", ").append(text);
  return failure("not a question; there are: " + all);
}

std::vector<std::string_view> questions() {
  std::vector<std::string_view> out;
  for (const auto& one : forms)
    out.push_back(one.text);
  return out;
}

} // namespace thor::text_port
