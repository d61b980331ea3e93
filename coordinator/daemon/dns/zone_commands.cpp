#include "coordinator/daemon/dns/zone_commands.hpp"

#include "zone/build/audit.hpp"
#include "zone/check/check.hpp"
#include "zone/text/rdata_text.hpp"
#include "zone/text/zonefile.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <expected>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace thor::dns {

namespace {

namespace json = boost::json;

// ---- the daemon's side

/// All zones, each group by apex.
std::vector<const zone::contents*> all_zones(const served_zones& served) {
  std::vector<const zone::contents*> all;
  for (const auto* group : {&served.overlay(), &served.internal(), served.hosted().get()})
    for (const auto& zone : group->zones)
      all.push_back(zone.get());
  return all;
}

/// The zone that a command names, or the first one of the overlay.
std::expected<const zone::contents*, std::string> named_zone(const served_zones& served,
                                                             const std::string& text) {
  const auto all = all_zones(served);
  if (text.empty())
    return all.front();
  const auto apex = zone::name::parse(text);
  if (!apex)
    return std::unexpected(fmt::format("\"{}\" is no DNS name: {}", text, apex.error().detail));
  const auto found = std::ranges::find(all, *apex, &zone::contents::apex);
  if (found == all.end())
    return std::unexpected(
        fmt::format("{} is not served here; thor-dns zone list shows what is", apex->text()));
  return *found;
}

json::object list_of(const served_zones& served) {
  json::array zones;
  for (const auto* zone : all_zones(served)) {
    std::size_t records = 0;
    for (const auto& node : zone->nodes)
      for (const auto& set : node->rrsets)
        records += set->records.size();
    zones.push_back(json::object{{"zone", zone->apex.text()},
                                 {"serial", zone->serial},
                                 {"names", zone->nodes.size()},
                                 {"records", records}});
  }
  return {{"zones", std::move(zones)}};
}

json::object findings_in(const zone::contents& zone) {
  json::array findings;
  for (const auto& one : zone::audit(zone))
    findings.emplace_back(
        fmt::format("{} {}: {}", one.owner.text(), zone::to_string(one.type), one.what));
  return {{"findings", std::move(findings)}};
}

std::string text_of(const std::vector<zone::rrset>& rrsets) {
  std::string text;
  for (const auto& set : rrsets)
    for (const auto& record : set.records)
      text += fmt::format("{} {} IN {} {}\n", set.owner.text(), set.ttl_s,
                          zone::to_string(set.type), zone::to_text(record));
  return text;
}

std::string argument(const std::vector<std::string>& arguments, std::size_t index) {
  return index < arguments.size() ? arguments[index] : "";
}

// ---- the command's side

/// A command that cannot go on; ends up on standard error.
int fail(const std::string& why, int code = runtime::exit_failed) {
  fmt::print(stderr, "thor-dns: {}\n", why);
  return code;
}

std::expected<json::object, std::string> ask(const runtime::invocation& with,
                                             const std::string& request) {
  return runtime::ask(with.overlay.run_dir / "thor-dns.sock", request);
}

std::expected<std::string, std::string> served_text(const runtime::invocation& with,
                                                    const std::string& request) {
  auto answer = ask(with, request);
  if (!answer)
    return std::unexpected(answer.error());
  return std::string(answer->at("text").as_string());
}

int print_text(const runtime::invocation& with, const std::string& request) {
  const auto text = served_text(with, request);
  if (!text)
    return fail(text.error());
  fmt::print("{}", *text);
  return runtime::exit_ok;
}

int list(const runtime::invocation& with) {
  const auto answer = ask(with, "zones");
  if (!answer)
    return fail(answer.error());
  for (const auto& one : answer->at("zones").as_array())
    fmt::print("{} serial {}, {} names, {} records\n", one.at("zone").as_string().c_str(),
               one.at("serial").as_int64(), one.at("names").as_int64(),
               one.at("records").as_int64());
  return runtime::exit_ok;
}

int print(const runtime::invocation& with) {
  return print_text(with, "zone " + argument(with.arguments, 0));
}

int parent(const runtime::invocation& with) {
  return print_text(with, "parent");
}

struct record_line {
  zone::rrset set; ///< of one record
  std::string text;
};

/// One line of a master file, as `zone print` and `dig AXFR` write it: owner, TTL, class, type and
/// content, all given. Nothing for a comment or an empty line; the error says what is wrong.
std::expected<std::optional<record_line>, std::string> read_line(const std::string& line) {
  std::istringstream words(line);
  std::array<std::string, 4> head; // owner, TTL, class, type
  if (!(words >> head[0]) || head[0].starts_with(';'))
    return std::nullopt;
  if (!(words >> head[1] >> head[2] >> head[3]) || head[2] != "IN")
    return std::unexpected("is not \"owner TTL IN TYPE content\"");
  std::string content;
  std::getline(words >> std::ws, content);
  const auto owner = zone::name::parse(head[0]);
  const auto type = zone::parse_type(head[3]);
  std::uint32_t ttl_s = 0;
  const auto [end, failure] =
      std::from_chars(head[1].data(), head[1].data() + head[1].size(), ttl_s);
  if (!owner || !type || failure != std::errc{} || end != head[1].data() + head[1].size())
    return std::unexpected("has no owner, TTL or type that can be read");
  const auto canonical = zone::canonical_rdata(*type, content);
  const auto data =
      canonical ? zone::parse_rdata(*type, *canonical) : std::unexpected(canonical.error());
  if (!data)
    return std::unexpected(data.error().detail);
  record_line read{.set = {*owner, *type, ttl_s, {*data}, 0}, .text = {}};
  read.text = fmt::format("{} {} IN {} {}", owner->text(), ttl_s, zone::to_string(*type),
                          zone::to_text(*data));
  return read;
}

/// The lines of a whole zone in canonical form, once each.
std::expected<std::set<std::string>, std::string> read_zone(std::istream& from,
                                                            const std::string& named) {
  std::set<std::string> lines;
  std::string line;
  for (unsigned number = 1; std::getline(from, line); ++number) {
    const auto read = read_line(line);
    if (!read)
      return std::unexpected(fmt::format("{}:{}: {}", named, number, read.error()));
    if (*read)
      lines.insert((*read)->text);
  }
  return lines;
}

std::expected<std::set<std::string>, std::string> read_file(const std::string& path) {
  if (path == "-")
    return read_zone(std::cin, "standard input");
  std::ifstream file(path);
  if (!file)
    return std::unexpected(path + ": cannot be read");
  return read_zone(file, path);
}

/// As diff(1): 0 = the same, 1 = not, 2 = trouble.
int diff(const runtime::invocation& with) {
  const auto before = read_file(with.arguments.front());
  if (!before)
    return fail(before.error(), runtime::exit_usage);
  const auto text = served_text(with, "zone " + argument(with.arguments, 1));
  if (!text)
    return fail(text.error(), runtime::exit_usage);
  std::istringstream served(*text);
  const auto now = read_zone(served, "the zone");
  if (!now)
    return fail(now.error(), runtime::exit_usage);
  const auto print_missing = [](char sign, const auto& from, const auto& in) {
    std::vector<std::string> missing;
    std::ranges::set_difference(from, in, std::back_inserter(missing));
    for (const auto& line : missing)
      fmt::print("{}{}\n", sign, line);
    return !missing.empty();
  };
  const bool gone = print_missing('-', *before, *now);
  const bool added = print_missing('+', *now, *before);
  return gone || added ? 1 : 0;
}

/// What ldns does not accept, each record by itself.
std::vector<std::string> second_opinion(const std::string& text) {
  std::vector<std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto read = read_line(line);
    if (!read) {
      found.push_back(line + ": " + read.error());
    } else if (*read) {
      if (const auto checked = zone::check((*read)->set); !checked)
        found.push_back(line + ": " + checked.error().detail);
    }
  }
  return found;
}

std::expected<std::size_t, std::string> check_one(const runtime::invocation& with,
                                                  const std::string& apex) {
  const auto text = served_text(with, "zone " + apex);
  if (!text)
    return std::unexpected(text.error());
  const auto audited = ask(with, "audit " + apex);
  if (!audited)
    return std::unexpected(audited.error());
  auto findings = second_opinion(*text);
  for (const auto& one : audited->at("findings").as_array())
    findings.emplace_back(one.as_string());
  for (const auto& one : findings)
    fmt::print("{}\n", one);
  fmt::print("{} {} records, {}\n", apex, std::ranges::count(*text, '\n'),
             findings.empty() ? "nothing wrong" : fmt::format("{} wrong", findings.size()));
  return findings.size();
}

int check(const runtime::invocation& with) {
  std::vector<std::string> apexes(with.arguments);
  if (apexes.empty()) {
    const auto answer = ask(with, "zones");
    if (!answer)
      return fail(answer.error());
    for (const auto& one : answer->at("zones").as_array())
      apexes.emplace_back(one.at("zone").as_string());
  }
  std::size_t wrong = 0;
  for (const auto& apex : apexes) {
    const auto found = check_one(with, apex);
    if (!found)
      return fail(found.error());
    wrong += *found;
  }
  return wrong == 0 ? runtime::exit_ok : runtime::exit_failed;
}

} // namespace

void answer_zone_commands(runtime::control_server& control, const served_zones& served,
                          std::function<const zone_plan&()> plan) {
  using result = std::expected<json::object, std::string>;
  using words = std::vector<std::string>;
  control.on("zones", [&served](const words&) -> result { return list_of(served); });
  control.on("zone", [&served](const words& arguments) -> result {
    const auto zone = named_zone(served, argument(arguments, 0));
    if (!zone)
      return std::unexpected(zone.error());
    return json::object{{"text", zone::to_zonefile(**zone)}};
  });
  control.on("audit", [&served](const words& arguments) -> result {
    const auto zone = named_zone(served, argument(arguments, 0));
    if (!zone)
      return std::unexpected(zone.error());
    return findings_in(**zone);
  });
  control.on("parent", [plan = std::move(plan)](const words&) -> result {
    const auto& records = plan().parent_rrsets();
    if (records.empty())
      return std::unexpected("the overlay's domain is a zone of its own here: its parent needs no "
                             "more than a delegation (deployment in [dns])");
    return json::object{{"text", text_of(records)}};
  });
}

std::vector<runtime::local_command> zone_commands() {
  const std::string group = "zone";
  return {{group, "list", "list the zones that are served", {}, list},
          {group, "print", "print a zone as a master file", {"[ZONE]"}, print},
          {group,
           "diff",
           "compare FILE (a master file, - = standard input) with the zone as it is served",
           {"FILE", "[ZONE]"},
           diff},
          {group, "check", "look for records that are wrong or lead nowhere", {"[ZONE]"}, check},
          {group, "parent", "print what the parent of delegated zones has to hold", {}, parent}};
}

} // namespace thor::dns
