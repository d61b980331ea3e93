// Golden answers: all that a role adds to the zone, with 0, 1, 2 and 20 members, as committed text.
// `contrib/dev golden` writes the files again, so that a change of the records is seen in the diff
// of the commit that makes it.
//
// A file opens with a case worked out by hand from the RFC it cites: comment lines up to the first
// empty line, kept when the rest is written again. Lines of it that begin with "; = " are the
// outcome, and have to be among the answers.
#include "tests/unit/dns/support.hpp"
#include "zone/check/check.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

namespace thor::dns::test {
namespace {

constexpr std::string_view outcome_mark = "; = ";

std::string source_directory() {
  const auto* source = std::getenv("THOR_SOURCE");
  return source != nullptr ? source : ".";
}

bool is_to_be_written() {
  const auto* what = std::getenv("THOR_GOLDEN");
  return what != nullptr && std::string_view(what) == "write";
}

std::string read_file(const std::string& path) {
  const std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

constexpr std::string_view turn_example = "contrib/examples/roles.d/media_relay.toml";

/// The files, without .txt: one for each role, one for what is there without any, and an example.
std::vector<std::string> files() {
  std::vector<std::string> all{"overlay"};
  for (const auto& role : built_in_roles())
    all.push_back(role.role);
  all.emplace_back("media_relay_turn");
  return all;
}

/// The definition that a file is about.
std::optional<role_definition> role_of(const std::string& file) {
  if (file == "overlay")
    return std::nullopt;
  if (file == "media_relay_turn") {
    const std::string path(turn_example);
    return read_roles({{path, read_file(source_directory() + "/" + path)}}, {})->back();
  }
  return *std::ranges::find(built_in_roles(), file, &role_definition::role);
}

zone_plan plan_with(const std::optional<role_definition>& role) {
  auto with = config();
  with.internal = true;
  with.roles.clear();
  if (role)
    with.roles.push_back(*role);
  return *zone_plan::make(std::move(with));
}

/// The n-th of the members of every file. The second has no IPv6, the third drains, the fourth has
/// no IPv4; the fifth serves its role's first service at another port, the sixth does not serve it.
model::member nth_member(int n, const std::optional<role_definition>& role) {
  std::vector<std::string> addresses;
  if (n != 4)
    addresses.push_back(fmt::format("192.0.2.{}", n));
  if (n != 2)
    addresses.push_back(fmt::format("2001:db8::{:x}", n));
  const std::string name = role ? role->role : "no_role_of_dns";
  auto out = member(fmt::format("n{:02}", n), addresses, {name},
                    n == 3 ? model::role_state::draining : model::role_state::active);
  if (role && !role->services.empty() && (n == 5 || n == 6))
    out.what.roles[name].ports[role->services.front().port_key] = n == 5 ? 7005 : 0;
  return out;
}

std::string line(const std::string& owner, const std::string& rest) {
  return fmt::format("{:<24} {}", owner, rest);
}

/// Every name of the zone with its answers; owners are relative to the domain.
void add_answers(const zone::zone_input& input, std::vector<std::string>& all) {
  const auto made = zone::build(input, nullptr);
  EXPECT_TRUE(made.rejected.empty());
  const auto checked = zone::check_changes(nullptr, *made.zone);
  EXPECT_TRUE(checked.has_value()) << checked.error().detail;
  for (const auto& node : made.zone->nodes) {
    const auto owner = node->owner.relative_text(config().domain);
    if (!node->available)
      all.push_back(line(owner, "SERVFAIL"));
    else if (node->rrsets.empty())
      all.push_back(line(owner, "NODATA"));
    for (const auto& set : node->rrsets) {
      const auto type = zone::to_string(set->type);
      const auto count = set->records.size();
      if (set->slice != 0 && count > set->slice)
        all.push_back(fmt::format("; {} {}: {} records, {} of them in one answer", owner, type,
                                  count, set->slice));
      for (const auto& data : set->records)
        all.push_back(line(owner, fmt::format("{} {} {}", set->ttl_s, type, zone::to_text(data))));
    }
  }
}

/// Of the public zone, then of the internal one.
std::vector<std::string> answers(const std::vector<zone::zone_input>& zones) {
  std::vector<std::string> all;
  for (const auto& zone : zones)
    add_answers(zone, all);
  return all;
}

constexpr std::uint32_t serial = 2025010101;

std::vector<zone::zone_input> described(const zone_plan& p, bool known,
                                        const model::member_map& who) {
  return known ? describe(p, who, serial) : p.describe_unknown({}, serial);
}

std::vector<std::string> answers(const std::optional<role_definition>& role, bool known,
                                 int count) {
  std::vector<model::member> who;
  for (int n = 1; n <= count; ++n)
    who.push_back(nth_member(n, role));
  auto all = answers(described(plan_with(role), known, members(std::move(who))));
  if (!role)
    return all;
  // What is there without the role stands in overlay.txt.
  const auto without = answers(described(plan_with(std::nullopt), known, {}));
  const std::set<std::string> frame(without.begin(), without.end());
  std::erase_if(all, [&](const std::string& one) { return frame.contains(one); });
  return all;
}

std::string body_of(const std::optional<role_definition>& role) {
  std::string text;
  const auto add = [&](const std::string& title, const std::vector<std::string>& lines) {
    text += fmt::format("\n;; {}\n", title);
    for (const auto& one : lines)
      text += one + "\n";
  };
  add("0 members", answers(role, true, 0));
  add("1 member", answers(role, true, 1));
  add("2 members: n02 has no IPv6", answers(role, true, 2));
  add("20 members: n03 drains, n04 has no IPv4, n05 has another port, n06 does not serve it",
      answers(role, true, 20));
  add("membership unknown", answers(role, false, 0));
  return text;
}

/// Runs of blanks as one, so that what is worked out by hand need not be aligned.
std::string folded(const std::string& text) {
  std::istringstream words(text);
  std::string all;
  for (std::string word; words >> word;)
    all += (all.empty() ? "" : " ") + word;
  return all;
}

void expect_outcome(const std::string& head, const std::string& body) {
  std::set<std::string> lines;
  std::istringstream whole(body);
  for (std::string one; std::getline(whole, one);)
    lines.insert(folded(one));
  std::size_t outcomes = 0;
  std::istringstream opening(head);
  for (std::string one; std::getline(opening, one);) {
    if (!one.starts_with(outcome_mark))
      continue;
    ++outcomes;
    EXPECT_TRUE(lines.contains(folded(one.substr(outcome_mark.size()))))
        << "worked out by hand, but not answered: " << one;
  }
  EXPECT_GT(outcomes, 0U) << "the file has to open with a case worked out by hand";
}

class golden : public ::testing::TestWithParam<std::string> {};

TEST_P(golden, answers_are_those_of_the_file) {
  const auto path = source_directory() + "/tests/unit/dns/golden/" + GetParam() + ".txt";
  const auto present = read_file(path);
  const auto blank = present.find("\n\n");
  const auto head = blank == std::string::npos ? present : present.substr(0, blank + 1);
  const auto expected = head + body_of(role_of(GetParam()));
  if (is_to_be_written())
    std::ofstream(path) << expected;
  else
    EXPECT_EQ(present, expected) << path << ": see `contrib/dev golden`";
  expect_outcome(head, expected.substr(head.size()));
}

INSTANTIATE_TEST_SUITE_P(roles, golden, ::testing::ValuesIn(files()),
                         [](const auto& about) { return about.param; });

} // namespace
} // namespace thor::dns::test
