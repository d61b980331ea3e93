#include "coordinator/monitor/screen.hpp"

#include "coordinator/model/database.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace thor::monitor {
namespace {

constexpr std::size_t id_columns = 16;
constexpr std::size_t address_columns = 22;
constexpr std::size_t state_columns = 8;
constexpr std::size_t since_columns = 19; // "2026-11-22 03:01:12"
/// Of the screen, for the changes.
constexpr std::size_t changes_share = 4;
constexpr std::size_t changes_rows_min = 4;
/// Event servers and thor-dns shown; the rest is counted.
constexpr std::size_t fixed_rows_max = 5;

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

std::string text_of(const row& whole) {
  std::string out;
  for (const auto& part : whole)
    out += part.text;
  return out;
}

void append_utf8(std::string& out, char32_t c) {
  const auto tail = [&](unsigned shift) {
    out += static_cast<char>(0x80U | ((c >> shift) & 0x3fU));
  };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0U | (c >> 6U));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0U | (c >> 12U));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0U | (c >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

void remove_last_character(std::string& text) {
  while (!text.empty()) {
    const auto octet = static_cast<unsigned char>(text.back());
    text.pop_back();
    if ((octet & 0xc0U) != 0x80U)
      return;
  }
}

std::string seconds_ago(model::time_point then, model::time_point now) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - then).count();
  return std::to_string(std::max<std::int64_t>(0, seconds)) + " s ago";
}

/// A span of time in its largest fitting unit: "3 d".
std::string duration_text(std::uint64_t ms) {
  struct unit {
    std::uint64_t ms;
    std::string_view name;
  };
  constexpr unit units[] = {{86'400'000, " d"}, {3'600'000, " h"}, {60'000, " min"}};
  for (const auto& unit : units)
    if (ms >= unit.ms)
      return std::to_string(ms / unit.ms).append(unit.name);
  return std::to_string(ms / 1000) + " s";
}

style style_of(change_kind kind) {
  switch (kind) {
  case change_kind::gone:
  case change_kind::stale:
  case change_kind::refused:
  case change_kind::server_down:
    return style::alarm;
  case change_kind::changed:
  case change_kind::manager:
  case change_kind::dns:
  case change_kind::complaint:
    return style::warning;
  case change_kind::joined:
  case change_kind::confirmed:
  case change_kind::server_up:
    return style::good;
  case change_kind::status:
    return style::plain;
  }
  return style::plain;
}

std::string sums_text(const std::map<std::string, double>& sections) {
  std::string out;
  for (const auto& [section, number] : sections)
    out.append(out.empty() ? "" : "  ").append(section + " " + statistics::to_text(number));
  return out;
}

std::string domains_text(const statistics::by_domain& numbers) {
  std::string out;
  for (const auto& [domain, number] : numbers)
    out.append(out.empty() ? "" : ", ").append(domain + " " + statistics::to_text(number));
  return out;
}

void keep_first(std::vector<row>& rows, std::string_view of_what) {
  if (rows.size() <= fixed_rows_max)
    return;
  const auto more = rows.size() - fixed_rows_max + 1;
  rows.resize(fixed_rows_max - 1);
  rows.push_back({{"  and " + std::to_string(more) + " more " + std::string(of_what)}});
}

} // namespace

// ---- panes

void screen::pane::clamp() {
  first = std::min(first, lines > room ? lines - room : 0);
}

void screen::pane::scroll(std::ptrdiff_t by) {
  const auto wanted = static_cast<std::ptrdiff_t>(first) + by;
  first = wanted < 0 ? 0 : static_cast<std::size_t>(wanted);
  clamp();
}

// ---- inputs

void screen::on_resize(std::size_t rows, std::size_t columns) {
  rows_ = rows;
  columns_ = columns;
}

void screen::on_change(const change& what) {
  changes_.push_back(what);
  if (changes_.size() > changes_kept_max)
    changes_.pop_front();
}

bool screen::on_key(key_press pressed) {
  if (editing_) {
    edit_filter(pressed);
    return true;
  }
  if (pressed.which != key::character) {
    scroll(pressed.which);
    return true;
  }
  switch (pressed.character) {
  case U'q':
  case U'Q':
    return false;
  case U'/':
    editing_ = true;
    break;
  case U's':
    show_figures_ = !show_figures_;
    break;
  case U'k':
    scroll(key::up);
    break;
  case U'j':
    scroll(key::down);
    break;
  case U' ':
    scroll(key::page_down);
    break;
  default:
    break;
  }
  return true;
}

void screen::edit_filter(key_press pressed) {
  switch (pressed.which) {
  case key::enter:
    editing_ = false;
    break;
  case key::escape:
    editing_ = false;
    filter_.clear();
    break;
  case key::backspace:
    remove_last_character(filter_);
    break;
  case key::character:
    if (filter_.size() < filter_octets_max && pressed.character >= 0x20 &&
        how_.width(pressed.character) >= 0)
      append_utf8(filter_, pressed.character);
    break;
  default:
    break;
  }
}

void screen::scroll(key pressed) {
  auto& at = changes_selected_ ? changes_pane_ : members_pane_;
  const auto page = static_cast<std::ptrdiff_t>(std::max<std::size_t>(1, at.room));
  switch (pressed) {
  case key::up:
    at.scroll(-1);
    break;
  case key::down:
    at.scroll(1);
    break;
  case key::page_up:
    at.scroll(-page);
    break;
  case key::page_down:
    at.scroll(page);
    break;
  case key::home:
    at.first = 0;
    break;
  case key::end:
    at.first = at.lines;
    at.clamp();
    break;
  case key::tab:
    changes_selected_ = !changes_selected_;
    return;
  case key::escape:
    filter_.clear();
    return;
  default:
    return;
  }
  if (changes_selected_)
    follow_changes_ = at.first + at.room >= at.lines;
}

// ---- the frame

frame screen::draw(const network& what, model::time_point now, model::unix_time wall) {
  frame out;
  auto& rows = out.rows;
  rows.push_back(title(wall));
  rows.push_back(manager_row(what, now));
  std::ranges::move(server_rows(what), std::back_inserter(rows));
  std::ranges::move(dns_rows(what), std::back_inserter(rows));

  const std::size_t fixed = rows.size() + 3; // two headings, and the keys
  const std::size_t left = rows_ > fixed ? rows_ - fixed : 0;
  const std::size_t below = std::min(left, std::max(left / changes_share, changes_rows_min));
  put_pane(rows, members_pane_,
           "  " + fit("MEMBERS", id_columns, how_.width) + " " +
               fit("ADDRESS", address_columns, how_.width) + " " +
               fit("STATE", state_columns, how_.width) + " " +
               fit("SINCE", since_columns, how_.width) + " SOFTWARE",
           !changes_selected_, member_rows(what, wall), left - below);
  if (follow_changes_)
    changes_pane_.first = changes_.size();
  put_pane(rows, changes_pane_, "  CHANGES", changes_selected_, change_rows(), below);

  rows.resize(rows_ == 0 ? 0 : rows_ - 1);
  rows.push_back(help_row(out));
  rows.resize(rows_);
  std::ranges::transform(rows, rows.begin(), [this](const row& whole) { return cut_row(whole); });
  return out;
}

row screen::title(model::unix_time wall) const {
  const auto time = how_.local_time(wall) + " ";
  const auto name = " Thor network " + seen(how_.self.domain);
  const auto room = columns_ > time.size() ? columns_ - time.size() : 0;
  return {{fit(name, room, how_.width) + time, style::title}};
}

row screen::manager_row(const network& what, model::time_point now) const {
  const auto& v = what.view();
  if (what.trusted() == trust::unknown)
    return {{" no network status yet ", style::alarm}, {" " + seen(what.complaint())}};
  row out{{" manager "}, {seen(v.where.at.manager), style::heading}, {"  "}};
  if (what.trusted() == trust::confirmed)
    out.push_back({"confirmed", style::good});
  else if (what.heard_at() == model::never)
    out.push_back({"STALE: no manager is heard", style::alarm});
  else
    out.push_back({"STALE: heard " + seconds_ago(what.heard_at(), now), style::alarm});
  out.push_back({"  epoch " + std::to_string(v.where.at.counter) + "  sequence " +
                 std::to_string(v.where.sequence) + "  serial " + std::to_string(v.serial)});
  return out;
}

std::vector<row> screen::server_rows(const network& what) const {
  std::vector<row> out;
  for (const auto& [where, server] : what.servers()) {
    row one{{" event server " + fit(seen(where), address_columns, how_.width) + " "}};
    if (server.up) {
      one.push_back({"up", style::good});
      one.push_back({"   " + seen(server.id) + ", " + std::to_string(server.members) +
                     " members, runs for " + duration_text(server.age_ms) +
                     (server.admitting ? ", admitting" : "")});
    } else {
      one.push_back({"down", style::alarm});
      one.push_back({" " + seen(server.why)});
    }
    out.push_back(std::move(one));
  }
  if (out.empty())
    out.push_back({{" event server "}, {"none found yet", style::alarm}});
  keep_first(out, "event servers");
  return out;
}

std::vector<row> screen::dns_rows(const network& what) const {
  std::vector<row> out;
  for (const auto& [id, report] : what.dns_reports()) {
    row one{{" thor-dns     " + fit(seen(id.text()), address_columns, how_.width) + " serial " +
             std::to_string(report.serial)}};
    if (report.degraded)
      one.push_back({"  DEGRADED", style::alarm});
    if (report.divergent)
      one.push_back({"  DIVERGENT", style::alarm});
    out.push_back(std::move(one));
  }
  keep_first(out, "thor-dns");
  return out;
}

std::vector<row> screen::member_rows(const network& what, model::unix_time wall) const {
  const auto& v = what.view();
  const auto sums = statistics::sums_of(what.figures(), v.members, wall);
  std::map<std::string, std::vector<row>> by_role;
  for (const auto& [id, m] : v.members)
    for (const auto& [role, offer] : m.what.roles)
      add_member_rows(by_role[role], role, m, what, wall);
  std::map<std::string, std::size_t> withheld;
  for (const auto& [id, m] : v.members) {
    for (const auto& [role, verdict] : model::health_of(m.what)) {
      if (!m.what.roles.contains(role)) {
        ++withheld[role];
        add_withheld_row(by_role[role], role, verdict, m);
      }
    }
  }
  const auto active = count_roles(v.members, model::role_state::active);
  const auto draining = count_roles(v.members, model::role_state::draining);
  std::vector<row> out;
  for (auto& [role, members] : by_role) {
    if (members.empty())
      continue; // all filtered out
    const auto taking = active.find(role);
    const auto number = taking == active.end() ? 0 : taking->second;
    row heading{{" " + role + ": ", style::heading},
                {std::to_string(number) + " active", number == 0 ? style::alarm : style::heading}};
    if (const auto found = draining.find(role); found != draining.end())
      heading.push_back({", " + std::to_string(found->second) + " draining", style::warning});
    if (const auto counted = sums.find(role); counted != sums.end())
      heading.push_back({"   " + seen(sums_text(counted->second))});
    if (const auto found = withheld.find(role); found != withheld.end())
      heading.push_back({", " + std::to_string(found->second) + " not healthy", style::alarm});
    out.push_back(std::move(heading));
    std::ranges::move(members, std::back_inserter(out));
  }
  return out;
}

/// One row, and one more for each database and for figures.
void screen::add_member_rows(std::vector<row>& into, const std::string& role,
                             const model::member& m, const network& what,
                             model::unix_time wall) const {
  const auto& v = what.view();
  const auto& p = m.what;
  const auto& offer = p.roles.at(role);
  auto address = p.addresses.front().text();
  if (p.addresses.size() > 1)
    address += " +" + std::to_string(p.addresses.size() - 1);
  std::string rest = seen(p.software);
  if (!p.site.empty())
    rest += "  site " + seen(p.site);
  if (role == role_manager)
    rest += "  priority=" + std::to_string(offer.priority);
  if (role == role_manager && p.id.text() == v.where.at.manager)
    rest += "  publishes";
  if (p.id == how_.self.id)
    rest += "  myself";
  const auto health = model::health_of(p);
  const auto verdict = health.find(role);
  const bool doubtful = verdict != health.end() && verdict->second != "up";
  const bool draining = offer.state == model::role_state::draining;
  std::vector<row> rows{
      {{"  " + fit(seen(p.id.text()), id_columns, how_.width) + " " +
        fit(address, address_columns, how_.width) + " "},
       {fit(model::to_string(offer.state), state_columns, how_.width),
        draining ? style::warning : style::good},
       {" " + fit(how_.local_time(m.since), since_columns, how_.width) + " " + rest}}};
  if (doubtful)
    rows.front().push_back({"  " + seen(verdict->second), style::warning});
  if (role == model::role_database)
    add_database_rows(rows, p, v);
  if (show_figures_)
    add_figure_rows(rows, role, p, what, wall);
  std::string all = role;
  for (const auto& one : rows)
    all += " " + text_of(one);
  if (passes_filter(all))
    std::ranges::move(rows, std::back_inserter(into));
}

/// Those of the role; those of no role once, under the member's first.
void screen::add_figure_rows(std::vector<row>& into, const std::string& role,
                             const model::presence& p, const network& what,
                             model::unix_time wall) const {
  for (const auto& [name, group] : what.figures().of(p.id, wall)) {
    const bool of_no_role = !p.roles.contains(name) && role == p.roles.begin()->first;
    if (name != role && !of_no_role)
      continue;
    std::string text = "    " + name + ":";
    for (const auto& [section, numbers] : group.numbers) {
      text += "  " + section + " " + statistics::to_text(statistics::sum_of(numbers));
      if (!numbers.contains(""))
        text += " (" + domains_text(numbers) + ")";
    }
    into.push_back({{seen(text) + "  " + std::to_string(group.age.count()) + " s ago"}});
  }
}

/// Of a member whose checks keep it out of a role.
void screen::add_withheld_row(std::vector<row>& into, const std::string& role,
                              const std::string& verdict, const model::member& m) const {
  const auto& p = m.what;
  const auto text = seen(verdict);
  const auto colon = std::min(text.find(':'), text.size());
  row whole{{"  " + fit(seen(p.id.text()), id_columns, how_.width) + " " +
             fit(p.addresses.front().text(), address_columns, how_.width) + " "},
            {fit(text.substr(0, colon), state_columns, how_.width), style::alarm},
            {text.substr(std::min(colon + 1, text.size())), style::alarm}};
  if (passes_filter(role + " " + text_of(whole)))
    into.push_back(std::move(whole));
}

void screen::add_database_rows(std::vector<row>& into, const model::presence& p,
                               const model::view& v) const {
  const auto chosen = model::choose_database(v.members);
  for (const auto& one : model::announced_databases(p)) {
    row whole{{"    priority=" + std::to_string(one.priority) + " " + seen(one.uri)}};
    if (chosen && chosen->id == p.id.text() && chosen->uri == one.uri)
      whole.push_back({"  the one to use", style::good});
    into.push_back(std::move(whole));
  }
}

std::vector<row> screen::change_rows() const {
  std::vector<row> out;
  for (const auto& one : changes_) {
    row whole{{"  " + how_.local_time(one.at) + " "},
              {fit(to_string(one.what), 11, how_.width), style_of(one.what)},
              {" " + seen(one.subject) + (one.subject.empty() ? "" : " ") + seen(one.detail)}};
    if (passes_filter(text_of(whole)))
      out.push_back(std::move(whole));
  }
  return out;
}

row screen::help_row(frame& into) const {
  if (editing_) {
    const std::string prompt = " filter: " + filter_;
    into.cursor_at = std::min(columns(prompt, how_.width), columns_ == 0 ? 0 : columns_ - 1);
    return {{prompt, style::heading}, {"  (Enter: keep, Esc: clear)"}};
  }
  row out{{" q quit  / filter  s statistics  Tab members or changes  arrows, PgUp, PgDn, Home, End "
           "scroll"}};
  if (!filter_.empty())
    out.insert(out.begin(), {" filter: " + filter_ + " (Esc: clear) ", style::warning});
  return out;
}

void screen::put_pane(std::vector<row>& into, pane& at, std::string heading, bool selected,
                      std::vector<row> lines, std::size_t room) const {
  at.lines = lines.size();
  at.room = room;
  at.clamp();
  std::string shown;
  if (at.lines > room && room > 0)
    shown = " " + std::to_string(at.first + 1) + "-" + std::to_string(at.first + room) + " of " +
            std::to_string(at.lines) + " ";
  if (selected || !shown.empty())
    heading = fit(heading, columns_ - std::min(columns_, shown.size()), how_.width) + shown;
  into.push_back({{std::move(heading), selected ? style::title : style::heading}});
  for (std::size_t i = 0; i < room; ++i) {
    const auto line = at.first + i;
    into.push_back(line < lines.size() ? std::move(lines[line]) : row{});
  }
}

bool screen::passes_filter(std::string_view visible_text) const {
  return filter_.empty() || lower_ascii(visible_text).contains(lower_ascii(filter_));
}

row screen::cut_row(const row& whole) const {
  row out;
  std::size_t left = columns_;
  for (const auto& part : whole) {
    auto text = cut(part.text, left, how_.width);
    left -= columns(text, how_.width);
    if (!text.empty())
      out.push_back({std::move(text), part.how});
  }
  return out;
}

} // namespace thor::monitor
