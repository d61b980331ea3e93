#include "coordinator/monitor/verdict.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

namespace thor::monitor {
namespace {

struct spelling {
  std::string_view text;
  comparison how;
};
/// Longer ones first.
constexpr std::array<spelling, 7> spellings{{{">=", comparison::at_least},
                                             {"<=", comparison::at_most},
                                             {"==", comparison::equal},
                                             {"!=", comparison::not_equal},
                                             {">", comparison::more_than},
                                             {"<", comparison::less_than},
                                             {"=", comparison::equal}}};

std::string without_blanks(std::string_view text) {
  std::string out;
  std::ranges::copy_if(text, std::back_inserter(out), [](char c) { return c != ' ' && c != '\t'; });
  return out;
}

std::unexpected<std::string> refuse(std::string_view text) {
  return std::unexpected(model::printable(text) +
                         " is no condition: write a role, one of >= <= > < = !=, and a number, "
                         "such as 'sip_proxy>=3'");
}

std::uint32_t active_of(const std::map<std::string, std::size_t>& counts, const std::string& role) {
  const auto found = counts.find(role);
  return found == counts.end() ? 0 : static_cast<std::uint32_t>(found->second);
}

/// The condition as the range outside of which the value is critical.
std::string critical_range(const condition& c) {
  auto number = std::to_string(c.count);
  switch (c.how) {
  case comparison::at_least:
    return number + ":";
  case comparison::more_than:
    return std::to_string(c.count + 1) + ":";
  case comparison::at_most:
    return number;
  case comparison::less_than:
    return c.count == 0 ? "@0:" : std::to_string(c.count - 1);
  case comparison::equal:
    return number + ":" + number;
  case comparison::not_equal:
    return "@" + number + ":" + number;
  }
  return {};
}

/// Name servers that follow the same writer and have the same revision, but not the same data.
std::vector<std::string> differing_data(const network& what) {
  std::map<std::tuple<std::uint64_t, std::string, std::uint64_t>,
           std::pair<std::string, std::uint64_t>>
      first;
  std::vector<std::string> out;
  for (const auto& [id, report] : what.dns_reports()) {
    if (!report.operator_data)
      continue;
    const auto& [of, have] = *report.operator_data;
    const auto [found, is_new] =
        first.try_emplace({of.term, of.writer, have.revision}, id.text(), have.digest);
    if (!is_new && found->second.second != have.digest)
      out.push_back("the operator's data of " + found->second.first + " and " + id.text() +
                    " differ");
  }
  return out;
}

/// What makes it a WARNING.
std::vector<std::string> doubts(const network& what) {
  std::vector<std::string> out;
  if (what.trusted() == trust::stale)
    out.emplace_back("no manager is heard");
  for (const auto& [id, report] : what.dns_reports()) {
    if (report.degraded)
      out.push_back(id.text() + " is degraded");
    if (report.divergent)
      out.push_back(id.text() + " is divergent");
  }
  std::ranges::move(differing_data(what), std::back_inserter(out));
  return out;
}

verdict make(int exit_code, std::string_view word, std::string_view text, std::string_view figures,
             columns_of width) {
  std::string plain(text);
  std::ranges::replace(plain, '|', '/'); // it would begin the performance data
  auto line = "THOR " + std::string(word) + ": " + visible(plain, width);
  if (!figures.empty())
    line.append(" | ").append(figures);
  return {exit_code, std::move(line)};
}

void append_joined(std::string& out, std::string_view separator, std::string_view more) {
  out.append(out.empty() ? "" : separator).append(more);
}

} // namespace

std::expected<condition, std::string> parse_condition(std::string_view text) {
  const auto plain = without_blanks(text);
  const auto at = plain.find_first_of("<>=!");
  if (at == std::string::npos)
    return refuse(text);
  condition out{.role = plain.substr(0, at), .how = {}, .count = 0, .text = plain};
  const auto rest = std::string_view(plain).substr(at);
  const auto* spelt =
      std::ranges::find_if(spellings, [&](const auto& s) { return rest.starts_with(s.text); });
  if (spelt == spellings.end() || !model::is_role_name(out.role))
    return refuse(text);
  out.how = spelt->how;
  const auto number = rest.substr(spelt->text.size());
  constexpr std::uint32_t count_max = 1'000'000;
  const auto [end, failure] =
      std::from_chars(number.data(), number.data() + number.size(), out.count);
  if (failure != std::errc() || end != number.data() + number.size() || out.count > count_max)
    return refuse(text);
  return out;
}

bool holds(const condition& what, std::uint32_t active) {
  switch (what.how) {
  case comparison::at_least:
    return active >= what.count;
  case comparison::at_most:
    return active <= what.count;
  case comparison::more_than:
    return active > what.count;
  case comparison::less_than:
    return active < what.count;
  case comparison::equal:
    return active == what.count;
  case comparison::not_equal:
    return active != what.count;
  }
  return false;
}

verdict judge(const std::vector<condition>& wanted, const network& what, columns_of width) {
  if (!what.view().known)
    return make(plugin_critical, "CRITICAL", no_status(what, width), "", width);
  const auto counts = count_roles(what.view().members, model::role_state::active);
  bool failing = false;
  std::string text;
  std::string figures;
  for (const auto& one : wanted) {
    const auto active = active_of(counts, one.role);
    const bool good = holds(one, active);
    failing |= !good;
    append_joined(text, ", ", one.role + " " + std::to_string(active) + " active");
    text += good ? "" : " (wanted " + one.text + ")";
    append_joined(figures, " ",
                  one.role + "=" + std::to_string(active) + ";;" + critical_range(one) + ";0;");
  }
  const auto doubtful = doubts(what);
  for (const auto& doubt : doubtful)
    append_joined(text, ", ", doubt);
  if (failing)
    return make(plugin_critical, "CRITICAL", text, figures, width);
  if (!doubtful.empty())
    return make(plugin_warning, "WARNING", text, figures, width);
  return make(plugin_ok, "OK", text, figures, width);
}

std::string no_status(const network& what, columns_of width) {
  std::string out = "no network status";
  for (const auto& [where, server] : what.servers())
    out += "; event server " + where +
           (server.up ? " has none: is a thor-manager running?"
                      : ": " + (server.why.empty() ? "connecting" : server.why));
  if (what.servers().empty())
    out += what.complaint().empty() ? "; no event server found" : "; " + what.complaint();
  return visible(out, width);
}

verdict unknown_verdict(std::string_view why) {
  return make(plugin_unknown, "UNKNOWN", why, "", ascii_columns);
}

} // namespace thor::monitor
