#include "schema/store/operator_store.hpp"
#include "schema/store/zone_store.hpp"
#include "tests/property/zone/generators.hpp"
#include "tests/unit/store/support.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

namespace thor::store {
namespace {

constexpr model::unix_time start{std::chrono::seconds(1000)};

/// What the database must say about the zone: a record a line, names without records alone.
std::multiset<std::string> lines_of(const zone::contents& zone) {
  std::multiset<std::string> lines;
  for (const auto& n : zone.nodes) {
    const std::string owner = n->owner.text();
    if (n->rrsets.empty()) {
      lines.insert(owner + " auth=" + (n->authoritative ? "1" : "0"));
    }
    for (const auto& set : n->rrsets) {
      for (const zone::rdata& r : set->records) {
        lines.insert(owner + ' ' + std::to_string(set->ttl_s) + ' ' + to_string(set->type) + ' ' +
                     zone::to_text(r) + " auth=" + (is_authoritative(*n, set->type) ? "1" : "0"));
      }
    }
  }
  return lines;
}

std::multiset<std::string> lines_in(const std::filesystem::path& file, std::uint32_t domain) {
  const auto found = rows(
      file,
      "SELECT CASE WHEN type IS NULL THEN name || '.' "
      "ELSE name || '. ' || ttl || ' ' || type || ' ' || ifnull(prio || ' ', '') || content END "
      "|| ' auth=' || auth FROM records WHERE domain_id = " +
          std::to_string(domain));
  return {found.begin(), found.end()};
}

model::member any_member(const std::string& id) {
  const auto small = rc::gen::inRange<std::uint8_t>(1, 200);
  model::member member{
      .what = {.id = model::node_id::parse(id).value(),
               .at = {*rc::gen::arbitrary<std::uint64_t>(), *rc::gen::arbitrary<std::uint64_t>()},
               .addresses = {model::ip_address::v4({10, 0, 0, *small})},
               .roles = {},
               .site = *rc::gen::element<std::string>("", "zurich"),
               .software = *rc::gen::element<std::string>("", "a \"b\" \\ c"),
               .attributes = {}},
      .since = start};
  if (*rc::gen::arbitrary<bool>()) {
    member.what.addresses.push_back(
        model::ip_address::v6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, *small}));
  }
  for (const char* role : {"sip_proxy", "media_relay"}) {
    if (*rc::gen::arbitrary<bool>()) {
      member.what.roles[role] = {
          .state = *rc::gen::element(model::role_state::active, model::role_state::draining),
          .ports = {{"sip.udp", *rc::gen::arbitrary<std::uint16_t>()}},
          .priority = *rc::gen::arbitrary<std::uint16_t>(),
          .weight = *rc::gen::arbitrary<std::uint16_t>()};
      member.what.attributes[role] = *rc::gen::element<std::string>("", "\"", "\\n", "é{}");
    }
  }
  return member;
}

publication any_publication(const zone::contents* previous) {
  publication p{.zones = {{build(*zone::any_input(), previous).zone}},
                .status = {.where = {.at = {*rc::gen::arbitrary<std::uint64_t>(), "gw1"},
                                     .sequence = *rc::gen::arbitrary<std::uint64_t>()},
                           .serial = *rc::gen::arbitrary<std::uint32_t>(),
                           .heard_at = start,
                           .members = {}},
                .cause = "property",
                .at = start};
  for (const char* id : {"n1", "n2", "n3"}) {
    if (*rc::gen::arbitrary<bool>()) {
      p.status.members.emplace(model::node_id::parse(id).value(), any_member(id));
    }
  }
  return p;
}

/// Whatever was published before, by this process or an earlier one, the database shows the last
/// publication exactly.
TEST(zone_store, shows_the_last_publication) {
  const temporary_directory directory;
  const std::filesystem::path file = directory / "zone.sqlite3";
  zone_store store = value_of(zone_store::open(file, start));
  std::shared_ptr<const zone::contents> previous;
  EXPECT_TRUE(rc::check([&] {
    if (*rc::gen::weightedElement<bool>({{9, false}, {1, true}})) {
      store = value_of(zone_store::open(file, start));
    }
    const publication p = any_publication(previous.get());
    value_of(store.publish(p));
    previous = p.zones.zones.front();
    RC_ASSERT(lines_in(file, 1) == lines_of(*previous));
    const auto last = value_of(store.last_published());
    RC_ASSERT(last->status.where == p.status.where);
    RC_ASSERT(last->status.serial == p.status.serial);
    RC_ASSERT(last->status.members == p.status.members);
  }));
}

/// Every enabled row is either served or quarantined, whatever is written into it.
TEST(operator_store, loses_no_row) {
  const temporary_directory directory;
  const std::filesystem::path file = directory / "operator.sqlite3";
  operator_store store = value_of(operator_store::open(file));
  value_of(store.ensure_domain("example"_n));
  SQLite::Database other(file, SQLite::OPEN_READWRITE);
  SQLite::Statement insert(other,
                           "INSERT OR IGNORE INTO records (domain_id, name, type, content, ttl) "
                           "VALUES (1, ?, ?, ?, ?)");
  EXPECT_TRUE(rc::check([&] {
    insert.reset();
    insert.bind(1, *rc::gen::oneOf(rc::gen::string<std::string>(),
                                   rc::gen::element<std::string>("example", "a.example.", "x")));
    insert.bind(2, *rc::gen::oneOf(rc::gen::string<std::string>(),
                                   rc::gen::element<std::string>("A", "TXT", "srv")));
    insert.bind(3, *rc::gen::oneOf(rc::gen::string<std::string>(),
                                   rc::gen::element<std::string>("192.0.2.1", "1 2 3 a")));
    insert.bind(4, static_cast<std::int64_t>(*rc::gen::inRange(0, 100)));
    insert.exec();
    const operator_data data = value_of(store.read());
    const auto count = other.execAndGet("SELECT count(*) FROM records").getInt64();
    RC_ASSERT(static_cast<std::int64_t>(data.records.size() + data.quarantined.size()) == count);
    for (const operator_record& r : data.records) {
      RC_ASSERT(r.owner.is_at_or_below("example"_n));
    }
  }));
}

} // namespace
} // namespace thor::store
