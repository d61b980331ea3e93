#include "coordinator/monitor/report.hpp"

#include "coordinator/model/database.hpp"
#include "coordinator/monitor/member_json.hpp"
#include "coordinator/wire/json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <compare>
#include <utility>

namespace thor::monitor {

namespace json = boost::json;

namespace {

/// What stands behind the address, a line each. Order: as consumers of databases prefer them.
struct listed {
  model::ip_address address;
  std::uint32_t priority = 0;
  std::string text;
  friend auto operator<=>(const listed&, const listed&) = default;
};

std::string line(std::initializer_list<std::string_view> words) {
  std::string out;
  for (const auto word : words)
    if (!word.empty())
      out.append(out.empty() ? "" : " ").append(word);
  return out;
}

void list_member(std::vector<listed>& into, const std::string& role, const model::presence& p,
                 bool myself) {
  const auto& offer = p.roles.at(role);
  const auto& address = p.addresses.front();
  const std::string_view state = offer.state == model::role_state::draining ? "draining" : "";
  const std::string_view self = myself ? "myself" : "";
  const auto add = [&](std::uint16_t priority, std::string_view uri) {
    into.push_back(
        {address, priority, line({"priority=" + std::to_string(priority), uri, state, self})});
  };
  const auto databases =
      role == model::role_database ? model::announced_databases(p) : std::vector<model::database>{};
  if (!databases.empty()) {
    for (const auto& one : databases)
      add(one.priority, one.uri);
  } else if (role == model::role_database || role == role_manager) {
    add(offer.priority, "");
  } else {
    into.push_back({address, 0, line({state, self})});
  }
}

std::map<std::string, std::vector<listed>> list_roles(const network& what, const onlooker& self) {
  std::map<std::string, std::vector<listed>> out;
  const auto& members = what.view().members;
  for (const auto& [id, m] : members)
    for (const auto& [role, offer] : m.what.roles)
      list_member(out[role], role, m.what, id == self.id);
  for (const auto& [id, m] : members)
    for (const auto& [role, verdict] : model::health_of(m.what))
      if (!m.what.roles.contains(role))
        out[role].push_back(
            {m.what.addresses.front(), 0, line({verdict, id == self.id ? "myself" : ""})});
  const auto own = members.find(self.id);
  const std::string role(role_monitor);
  const bool listed_already = own != members.end() && own->second.what.roles.contains(role);
  if (!listed_already && self.roles.contains(role) && !self.addresses.empty())
    out[role].push_back({self.addresses.front(), 0, "myself"});
  return out;
}

// ---- JSON

json::object roles_object(const model::member_map& members) {
  const auto active = count_roles(members, model::role_state::active);
  const auto draining = count_roles(members, model::role_state::draining);
  std::set<std::string> roles;
  for (const auto& counts : {active, draining})
    for (const auto& [role, number] : counts)
      roles.insert(role);
  const auto of = [](const auto& counts, const std::string& role) {
    const auto found = counts.find(role);
    return found == counts.end() ? 0 : found->second;
  };
  json::object out;
  for (const auto& role : roles)
    out[role] = json::object{{"active", of(active, role)}, {"draining", of(draining, role)}};
  return out;
}

json::array servers_array(const network& what) {
  json::array out;
  for (const auto& [where, server] : what.servers())
    out.push_back(json::object{{"server", where},
                               {"id", server.id},
                               {"connected", server.up},
                               {"members", server.members},
                               {"admitting", server.admitting},
                               {"age_ms", server.age_ms},
                               {"trouble", server.why}});
  return out;
}

json::array dns_array(const network& what) {
  json::array out;
  for (const auto& [id, report] : what.dns_reports())
    out.push_back(json::object{{"id", id.text()},
                               {"serial", report.serial},
                               {"digest", wire::hex64(report.digest)},
                               {"degraded", report.degraded},
                               {"divergent", report.divergent}});
  return out;
}

// ---- figures

/// Figures of one role as a line: "192.0.2.1 calls=12 online_accounts=1520".
std::string figures_line(std::string_view whose, const std::map<std::string, double>& sections) {
  std::string out(whose);
  for (const auto& [section, number] : sections)
    out.append(" ").append(section).append("=").append(statistics::to_text(number));
  return out;
}

void append_figures(std::string& out, const network& what, model::unix_time wall,
                    columns_of width) {
  const auto& members = what.view().members;
  std::map<std::string, std::vector<std::pair<model::ip_address, std::string>>> lines;
  for (const auto& [id, m] : members)
    for (const auto& [name, group] : what.figures().of(id, wall)) {
      if (group.numbers.empty() || !m.what.roles.contains(name))
        continue;
      std::map<std::string, double> sections;
      for (const auto& [section, numbers] : group.numbers)
        sections[section] = statistics::sum_of(numbers);
      const auto& address = m.what.addresses.front();
      lines[name].emplace_back(address, figures_line(address.text(), sections));
    }
  for (const auto& [role, sections] : statistics::sums_of(what.figures(), members, wall)) {
    out.append(role).append(" statistics:\n");
    std::ranges::sort(lines[role]);
    for (const auto& [address, text] : lines[role])
      out.append(visible(text, width)).append("\n");
    out.append(visible(figures_line("summary", sections), width)).append("\n");
  }
}

// ---- times

void append_padded(std::string& out, std::int64_t number, std::size_t digits) {
  const auto text = std::to_string(number);
  if (text.size() < digits)
    out.append(digits - text.size(), '0');
  out.append(text);
}

/// RFC 3339, UTC.
std::string utc(model::unix_time at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss of_day(at - day);
  std::string out;
  append_padded(out, static_cast<int>(date.year()), 4);
  append_padded(out.append("-"), static_cast<unsigned>(date.month()), 2);
  append_padded(out.append("-"), static_cast<unsigned>(date.day()), 2);
  append_padded(out.append("T"), of_day.hours().count(), 2);
  append_padded(out.append(":"), of_day.minutes().count(), 2);
  append_padded(out.append(":"), of_day.seconds().count(), 2);
  return out.append("Z");
}

} // namespace

std::string classic(const network& what, const onlooker& self, std::string_view local_time,
                    model::unix_time wall, columns_of width) {
  auto out = "SIP Thor network for " + self.domain + " at " + std::string(local_time) + ":";
  const auto length = out.size();
  out.append("\n").append(length, '-').append("\n\n");
  for (auto& [role, members] : list_roles(what, self)) {
    out.append(role).append(" members:\n");
    std::ranges::sort(members);
    for (const auto& one : members)
      out.append(visible(line({one.address.text(), one.text}), width)).append("\n");
  }
  append_figures(out, what, wall, width);
  return out;
}

std::string json_report(const network& what, const onlooker& self, model::time_point now,
                        model::unix_time wall) {
  const auto& v = what.view();
  json::array members;
  for (const auto& [id, m] : v.members) {
    auto one = member_object(m, id == self.id);
    one["statistics"] = statistics::member_statistics(what.figures(), id, wall);
    members.emplace_back(std::move(one));
  }
  json::value heard_ms_ago = nullptr;
  if (what.heard_at() != model::never)
    heard_ms_ago =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - what.heard_at()).count();
  const json::object out{
      {"domain", self.domain},
      {"id", self.id.text()},
      {"unix_time", wall.time_since_epoch().count()},
      {"status", to_string(what.trusted())},
      {"manager_heard_ms_ago", std::move(heard_ms_ago)},
      {"epoch", json::object{{"counter", v.where.at.counter}, {"manager", v.where.at.manager}}},
      {"sequence", v.where.sequence},
      {"serial", v.serial},
      {"roles", roles_object(v.members)},
      {"members", std::move(members)},
      {"databases", databases_array(v.members)},
      {"statistics", statistics::network_statistics(what.figures(), v.members, wall)},
      {"dns", dns_array(what)},
      {"event_servers", servers_array(what)}};
  return ascii_json(json::serialize(out));
}

std::string line_of(const change& what, columns_of width) {
  return visible(line({utc(what.at), to_string(what.what), what.subject, what.detail}), width);
}

} // namespace thor::monitor
