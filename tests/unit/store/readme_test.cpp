// The questions of schema/README.md are asked of a database with data.
#include "schema/store/zone_store.hpp"
#include "tests/unit/store/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace thor::store {
namespace {

constexpr std::size_t questions = 10;

/// The statements of the block after the heading, each with the comment before it.
std::vector<std::string> statements_after(const std::string& heading) {
  const char* const source = std::getenv("THOR_SOURCE");
  std::ifstream file(std::filesystem::path(source == nullptr ? "." : source) / "schema/README.md");
  std::stringstream all;
  all << file.rdbuf();
  const std::string text = all.str();
  const std::size_t begin = text.find("```sql\n", text.find(heading)) + 7;
  std::istringstream block(text.substr(begin, text.find("```", begin) - begin));
  std::vector<std::string> found;
  std::string statement;
  for (std::string line; std::getline(block, line);) {
    statement += line + '\n';
    if (line.ends_with(';')) {
      found.push_back(std::exchange(statement, ""));
    }
  }
  return found;
}

std::shared_ptr<const zone::contents> zone_of(const char* apex, std::uint32_t id,
                                              std::vector<zone::rrset> rrsets, std::uint32_t serial,
                                              const zone::contents* previous = nullptr) {
  zone::zone_input input{
      .apex = value_of(zone::name::parse(apex)),
      .id = id,
      .soa = {"ns1.sip.example"_n, "hostmaster.sip.example"_n, serial, 3600, 600, 1209600, 15},
      .soa_ttl_s = 300,
      .rrsets = std::move(rrsets)};
  return build(input, previous).zone;
}

/// An overlay that gw1 joins, and a hosted domain; the changes are five minutes old.
void fill(const std::filesystem::path& file) {
  using enum zone::rr_type;
  const std::int64_t now = std::stoll(rows(file, "SELECT unixepoch()").front());
  zone_store store = value_of(zone_store::open(file, {}));
  const auto before = zone_of("sip.example", 1, {}, 1);
  publication p{
      .zones = {{before}},
      .hosted = std::make_shared<const zone::snapshot>(zone::snapshot{{zone_of(
          "customer.example", 2,
          {set_of("_sip._udp.customer.example", srv, {"100 100 5060 proxy.sip.example"})}, 7)}}),
      .status = {},
      .cause = "start",
      .at = model::unix_time(std::chrono::seconds(now - 300))};
  value_of(store.publish(p));
  p.zones.zones = {
      zone_of("sip.example", 1,
              {set_of("gw1.node.sip.example", a, {"192.0.2.1"}),
               set_of("_sip._udp.sip.example", srv, {"10 100 5060 gw1.node.sip.example"})},
              2, before.get())};
  const auto gw1 = value_of(model::node_id::parse("gw1"));
  p.status.members.emplace(
      gw1, model::member{.what = {.id = gw1,
                                  .at = {1, 1},
                                  .addresses = {value_of(model::ip_address::parse("192.0.2.1"))},
                                  .roles = {{"sip_proxy", {}}},
                                  .site = "",
                                  .software = "",
                                  .attributes = {}},
                         .since = p.at});
  p.cause = "status 1.m1/2";
  value_of(store.publish(p));
}

TEST(readme, every_question_has_an_answer) {
  const temporary_directory directory;
  const std::filesystem::path file = directory / "zone.sqlite3";
  value_of(zone_store::open(file, {}));
  fill(file);
  const auto asked = statements_after("### Ten questions");
  ASSERT_EQ(asked.size(), questions);
  for (const std::string& question : asked) {
    SCOPED_TRACE(question);
    EXPECT_THAT(rows(file, question), testing::Not(testing::IsEmpty()));
  }
  EXPECT_THAT(rows(file, asked[8]),
              testing::ElementsAre("customer.example|7|2", "sip.example|2|3"));
}

} // namespace
} // namespace thor::store
