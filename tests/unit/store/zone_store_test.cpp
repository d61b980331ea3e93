#include "schema/store/zone_store.hpp"
#include "tests/unit/store/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

namespace thor::store {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using zone::rr_type;

constexpr model::unix_time at_1000{std::chrono::seconds(1000)};

std::shared_ptr<const zone::contents> zone_of(std::vector<zone::rrset> rrsets,
                                              std::uint32_t serial = 1,
                                              const zone::contents* previous = nullptr,
                                              std::uint32_t id = 1, zone::name apex = "example"_n) {
  zone::zone_input input{
      .apex = apex,
      .id = id,
      .soa = {"ns1.example"_n, "hostmaster.example"_n, serial, 3600, 600, 1209600, 15},
      .soa_ttl_s = 300};
  input.rrsets = std::move(rrsets);
  input.rrsets.push_back(set_of(apex.text(), rr_type::ns, {"ns1.example"}, 3600));
  return build(input, previous).zone;
}

publication of(std::vector<std::shared_ptr<const zone::contents>> zones,
               std::string cause = "test") {
  return {.zones = {std::move(zones)}, .status = {}, .cause = std::move(cause), .at = at_1000};
}

model::member member_of(const std::string& id, std::uint64_t sequence = 1) {
  return {.what = {.id = value_of(model::node_id::parse(id)),
                   .at = {0xffff'ffff'ffff'fff0U, sequence},
                   .addresses = {value_of(model::ip_address::parse("192.0.2.1")),
                                 value_of(model::ip_address::parse("2001:db8::1"))},
                   .roles = {{"sip_proxy",
                              {.state = model::role_state::draining,
                               .ports = {{"sip.udp", 5060}, {"sips.tcp", 0}},
                               .priority = 65535,
                               .weight = 0}},
                             {"media_relay", {}}},
                   .site = "zurich",
                   .software = "thor-node \"0.1\"",
                   .attributes = {{"key", "väl\\ue"}, {"empty", ""}}},
          .since = model::unix_time(std::chrono::seconds(900))};
}

class zone_database : public testing::Test {
 protected:
  zone_store open() { return value_of(zone_store::open(file_, at_1000)); }

  std::vector<std::string> records() {
    return rows(file_, "SELECT name, type, content, ttl, prio, auth FROM records ORDER BY 1, 2, 3");
  }
  std::vector<std::string> changes() {
    return rows(file_, "SELECT change, name, type, ttl, content FROM history ORDER BY id");
  }

  temporary_directory directory_;
  std::filesystem::path file_ = directory_ / "zone.sqlite3";
};

TEST_F(zone_database, is_readable_by_its_group_only) {
  const mode_t before = ::umask(0);
  zone_store store = open();
  value_of(store.publish(of({zone_of({})})));
  ::umask(before);
  EXPECT_EQ(mode_of(file_), 0640);
  EXPECT_EQ(mode_of(file_.string() + "-wal"), 0640);
  EXPECT_EQ(mode_of(file_.string() + "-shm"), 0640);
}

TEST_F(zone_database, holds_the_rows_that_powerdns_reads) {
  zone_store store = open();
  value_of(store.publish(of({zone_of({
      set_of("_sip._udp.example", rr_type::srv, {"10 100 5060 n1.example"}),
      set_of("example", rr_type::mx, {"10 mail.example"}),
      set_of("example", rr_type::naptr, {"10 100 \"s\" \"SIP+D2U\" \"\" _sip._udp.example"}),
      set_of("Alice\\@home\\.x.example", rr_type::txt, {"\"a b\""}),
      set_of("child.example", rr_type::ns, {"ns.child.example"}),
      set_of("child.example", rr_type::ds, {"1 8 2 ab"}),
      set_of("ns.child.example", rr_type::a, {"192.0.2.9"}),
  })})));
  EXPECT_THAT(rows(file_, "SELECT id, name, type FROM domains"), ElementsAre("1|example|NATIVE"));
  EXPECT_THAT(
      records(),
      ElementsAre("_sip._udp.example|SRV|100 5060 n1.example.|30|10|1", "_udp.example|||||1",
                  "alice@home\\.x.example|TXT|\"a b\"|30||1", "child.example|DS|1 8 2 ab|30||1",
                  "child.example|NS|ns.child.example.|30||0", "example|MX|mail.example.|30|10|1",
                  "example|NAPTR|10 100 \"s\" \"SIP+D2U\" \"\" _sip._udp.example.|30||1",
                  "example|NS|ns1.example.|3600||1",
                  "example|SOA|ns1.example. hostmaster.example. 1 3600 600 1209600 15|300||1",
                  "ns.child.example|A|192.0.2.9|30||0"));
  EXPECT_THAT(rows(file_, "SELECT count(*) FROM records WHERE type IS NULL"), ElementsAre("1"));
}

TEST_F(zone_database, writes_only_the_difference) {
  zone_store store = open();
  const auto first = zone_of({set_of("a.example", rr_type::a, {"192.0.2.1", "192.0.2.2"}),
                              set_of("b.example", rr_type::a, {"192.0.2.3"}),
                              set_of("gone.example", rr_type::a, {"192.0.2.4"})});
  value_of(store.publish(of({first})));
  const auto ids = rows(file_, "SELECT id, name, content FROM records WHERE type = 'A'");
  const auto second = zone_of({set_of("a.example", rr_type::a, {"192.0.2.2", "192.0.2.5"}),
                               set_of("b.example", rr_type::a, {"192.0.2.3"}, 60)},
                              2, first.get());
  value_of(store.publish(of({second}, "n1 left")));

  EXPECT_THAT(rows(file_, "SELECT id, name, content FROM records WHERE type = 'A'"),
              Contains(ids[1]))
      << "an unchanged record keeps its row";
  EXPECT_THAT(changes(), ElementsAre("-|a.example|A|30|192.0.2.1", "+|a.example|A|30|192.0.2.5",
                                     "-|b.example|A|30|192.0.2.3", "+|b.example|A|60|192.0.2.3",
                                     "-|gone.example|A|30|192.0.2.4"));
  EXPECT_THAT(rows(file_, "SELECT DISTINCT at, zone, serial, cause FROM history"),
              ElementsAre("1000|example|2|n1 left"));
  EXPECT_THAT(rows(file_, "SELECT count(*) FROM records WHERE name = 'gone.example'"),
              ElementsAre("0"));
}

TEST_F(zone_database, a_name_that_loses_its_records_stays_and_gets_them_back) {
  zone_store store = open();
  zone::zone_input input{.apex = "example"_n, .id = 1, .soa = {}, .soa_ttl_s = 300};
  input.promised = {{"_sip._udp.example"_n, true}};
  const auto empty = build(input, nullptr).zone;
  input.rrsets = {set_of("_sip._udp.example", rr_type::srv, {"10 100 5060 n1.example"})};
  const auto full = build(input, empty.get()).zone;
  const std::string query = "SELECT type, content FROM records WHERE name = '_sip._udp.example'";

  value_of(store.publish(of({full})));
  EXPECT_THAT(rows(file_, query), ElementsAre("SRV|100 5060 n1.example."));
  value_of(store.publish(of({empty})));
  EXPECT_THAT(rows(file_, query), ElementsAre("|"));
  value_of(store.publish(of({full})));
  EXPECT_THAT(rows(file_, query), ElementsAre("SRV|100 5060 n1.example."));
}

TEST_F(zone_database, a_new_cut_changes_auth_below_it) {
  zone_store store = open();
  const zone::rrset glue = set_of("ns.child.example", rr_type::a, {"192.0.2.9"});
  const auto before = zone_of({glue});
  value_of(store.publish(of({before})));
  value_of(store.publish(of({zone_of(
      {glue, set_of("child.example", rr_type::ns, {"ns.child.example"})}, 2, before.get())})));
  EXPECT_THAT(
      rows(file_, "SELECT name, type, auth FROM records WHERE name LIKE '%child%' ORDER BY 1"),
      ElementsAre("child.example|NS|0", "ns.child.example|A|0"));
}

TEST_F(zone_database, a_restart_continues_the_history_and_mends_what_others_wrote) {
  const auto first = zone_of({set_of("a.example", rr_type::a, {"192.0.2.1"}),
                              set_of("b.example", rr_type::a, {"192.0.2.2"}),
                              set_of("c.example", rr_type::a, {"192.0.2.3"})});
  {
    zone_store store = open();
    value_of(store.publish(of({first})));
  }
  sql(file_, "INSERT INTO records (domain_id, name, type, content, ttl) "
             "VALUES (1, 'evil.example', 'A', '192.0.2.66', 30);"
             "UPDATE records SET disabled = 1 WHERE name = 'b.example';"
             "INSERT INTO records (domain_id, name, type, content, ttl, auth) "
             "SELECT 1, name, type, content, ttl, auth FROM records WHERE name = 'c.example';");
  zone_store store = open();
  value_of(store.publish(of({zone_of({set_of("a.example", rr_type::a, {"192.0.2.9"}),
                                      set_of("b.example", rr_type::a, {"192.0.2.2"}),
                                      set_of("c.example", rr_type::a, {"192.0.2.3"})},
                                     2)})));
  EXPECT_THAT(
      rows(file_, "SELECT name, content, disabled FROM records WHERE type = 'A' ORDER BY 1"),
      ElementsAre("a.example|192.0.2.9|0", "b.example|192.0.2.2|0", "c.example|192.0.2.3|0"));
  EXPECT_THAT(changes(),
              ElementsAre("-|a.example|A|30|192.0.2.1", "+|a.example|A|30|192.0.2.9",
                          "-|b.example|A|30|192.0.2.2", "+|b.example|A|30|192.0.2.2",
                          "-|c.example|A|30|192.0.2.3", "-|evil.example|A|30|192.0.2.66"));
}

TEST_F(zone_database, zones_come_and_go) {
  zone_store store = open();
  const auto one = zone_of({}, 1, nullptr, 1, "one.example"_n);
  const auto two = zone_of({}, 1, nullptr, 2, "two.example"_n);
  value_of(store.publish(of({one, two})));
  EXPECT_THAT(rows(file_, "SELECT id, name FROM domains ORDER BY id"),
              ElementsAre("1|one.example", "2|two.example"));
  value_of(store.publish(of({zone_of({}, 1, nullptr, 5, "two.example"_n)})));
  EXPECT_THAT(rows(file_, "SELECT id, name FROM domains"), ElementsAre("5|two.example"));
  EXPECT_THAT(rows(file_, "SELECT DISTINCT domain_id FROM records"), ElementsAre("5"));
  EXPECT_THAT(changes(), IsEmpty());
}

TEST_F(zone_database, restores_what_was_published) {
  publication p = of({zone_of({})});
  p.status = {.where = {.at = {0xffff'ffff'ffff'ffffU, "gw1"}, .sequence = 42},
              .serial = 0xffff'ffffU,
              .heard_at = model::unix_time(std::chrono::seconds(990)),
              .own_members = true,
              .divergent = true,
              .members = {}};
  for (const char* id : {"n1", "n2", "n3"}) {
    p.status.members.emplace(value_of(model::node_id::parse(id)), member_of(id));
  }
  {
    zone_store store = open();
    EXPECT_FALSE(value_of(store.last_published()));
    value_of(store.publish(p));
    p.status.members.erase(value_of(model::node_id::parse("n2")));
    p.status.members.at(value_of(model::node_id::parse("n3"))) = member_of("n3", 7);
    p.status.where.sequence = 43;
    p.at += std::chrono::seconds(1);
    p.zones_digest = 0xffff'ffff'0000'0001U;
    value_of(store.publish(p));
  }
  zone_store store = open();
  const auto last = value_of(store.last_published());
  ASSERT_TRUE(last);
  EXPECT_EQ(last->status.where, p.status.where);
  EXPECT_EQ(last->status.serial, p.status.serial);
  EXPECT_EQ(last->status.heard_at, p.status.heard_at);
  EXPECT_TRUE(last->status.own_members);
  EXPECT_TRUE(last->status.divergent);
  EXPECT_EQ(last->at, p.at);
  EXPECT_EQ(last->zones_digest, p.zones_digest);
  EXPECT_EQ(last->status.members, p.status.members);
  EXPECT_THAT(store.take_notices(), IsEmpty());
  EXPECT_THAT(rows(file_, "SELECT id, changed_sequence FROM member"),
              ElementsAre("n1|42", "n3|43"));

  value_of(store.publish(of({zone_of({})})));
  EXPECT_THAT(rows(file_, "SELECT id FROM member"), IsEmpty());
}

TEST_F(zone_database, a_member_that_cannot_be_read_is_left_out_with_a_notice) {
  publication p = of({zone_of({})});
  for (const char* id : {"n1", "n2", "n3", "n4", "n5"}) {
    p.status.members.emplace(value_of(model::node_id::parse(id)), member_of(id));
  }
  {
    zone_store store = open();
    value_of(store.publish(p));
  }
  sql(file_,
      "UPDATE member SET roles = '[]' WHERE id = 'n1';"
      "UPDATE member SET addresses = '[\"no address\"]' WHERE id = 'n2';"
      "UPDATE member SET attributes = '{\"a\": 1}' WHERE id = 'n3';"
      "UPDATE member SET roles = '{\"sip_proxy\": {\"state\": \"asleep\"}}' WHERE id = 'n4';");
  zone_store store = open();
  EXPECT_THAT(value_of(store.last_published())->status.members, SizeIs(1));
  const auto notices = store.take_notices();
  ASSERT_THAT(notices, SizeIs(4));
  EXPECT_THAT(notices[0], HasSubstr("member \"n1\" is left out, it cannot be read: roles"));
  EXPECT_THAT(store.take_notices(), IsEmpty()) << "each once";
}

TEST_F(zone_database, views_are_for_people) {
  zone_store store = open();
  const auto first =
      zone_of({set_of("_sip._udp.example", rr_type::srv, {"10 100 5060 n1.example"})});
  publication p = of({first});
  p.status.members.emplace(value_of(model::node_id::parse("n1")), member_of("n1"));
  value_of(store.publish(p));
  p.zones.zones = {zone_of({set_of("_sip._udp.example", rr_type::srv, {"10 100 5060 n2.example"})},
                           2, first.get())};
  p.cause = "n1 left";
  value_of(store.publish(p));
  EXPECT_THAT(rows(file_, "SELECT * FROM zone_now WHERE type = 'SRV'"),
              ElementsAre("example|_sip._udp.example|30|SRV|10 100 5060 n2.example."));
  EXPECT_THAT(rows(file_, "SELECT * FROM role_now WHERE role = 'sip_proxy'"),
              ElementsAre("sip_proxy|n1|draining|192.0.2.1 2001:db8::1|65535|0|"
                          "{\"sip.udp\":5060,\"sips.tcp\":0}|zurich|1970-01-01 00:15:00"));
  EXPECT_THAT(rows(file_, "SELECT * FROM changes"),
              ElementsAre("1970-01-01 00:16:40|example|2|+|_sip._udp.example|SRV|30|"
                          "10 100 5060 n2.example.|n1 left",
                          "1970-01-01 00:16:40|example|2|-|_sip._udp.example|SRV|30|"
                          "10 100 5060 n1.example.|n1 left"));
}

publication with_hosted(std::vector<std::shared_ptr<const zone::contents>> zones,
                        std::vector<std::shared_ptr<const zone::contents>> hosted) {
  publication p = of(std::move(zones));
  p.hosted = std::make_shared<const zone::snapshot>(zone::snapshot{std::move(hosted)});
  return p;
}

TEST_F(zone_database, hosted_zones_come_change_and_go_beside_the_others) {
  zone_store store = open();
  const auto overlay = zone_of({});
  const auto a =
      zone_of({set_of("x.a.test", rr_type::a, {"192.0.2.1"})}, 1, nullptr, 2, "a.test"_n);
  const auto b = zone_of({}, 1, nullptr, 3, "b.test"_n);
  value_of(store.publish(with_hosted({overlay}, {a, b})));
  const std::string domains = "SELECT id, name FROM domains ORDER BY id";
  EXPECT_THAT(rows(file_, domains), ElementsAre("1|example", "2|a.test", "3|b.test"));

  const auto changed =
      zone_of({set_of("x.a.test", rr_type::a, {"192.0.2.2"})}, 2, a.get(), 2, "a.test"_n);
  const auto c = zone_of({}, 1, nullptr, 3, "c.test"_n); // with the id of one that goes
  value_of(store.publish(with_hosted({overlay}, {changed, c})));
  EXPECT_THAT(rows(file_, domains), ElementsAre("1|example", "2|a.test", "3|c.test"));
  EXPECT_THAT(rows(file_, "SELECT DISTINCT domain_id FROM records ORDER BY 1"),
              ElementsAre("1", "2", "3"));
  EXPECT_THAT(changes(), ElementsAre("-|x.a.test|A|30|192.0.2.1", "+|x.a.test|A|30|192.0.2.2"));

  value_of(store.publish(of({overlay})));
  EXPECT_THAT(rows(file_, domains), ElementsAre("1|example"));
  EXPECT_THAT(rows(file_, "SELECT DISTINCT domain_id FROM records"), ElementsAre("1"));
}

TEST_F(zone_database, hosted_zones_that_are_the_same_object_cost_nothing) {
  zone_store store = open();
  const auto first = zone_of({});
  publication p = with_hosted({first}, {zone_of({}, 1, nullptr, 2, "a.test"_n)});
  value_of(store.publish(p));
  sql(file_, "DELETE FROM domains WHERE id = 2");
  p.zones.zones = {zone_of({set_of("a.example", rr_type::a, {"192.0.2.1"})}, 2, first.get())};
  value_of(store.publish(p));
  EXPECT_THAT(rows(file_, "SELECT name FROM domains"), ElementsAre("example"))
      << "nobody looked at it";
  EXPECT_THAT(rows(file_, "SELECT content FROM records WHERE name = 'a.example'"),
              ElementsAre("192.0.2.1"));
}

TEST_F(zone_database, remembers_who_came_went_and_changed) {
  publication p = of({zone_of({})}, "one");
  const auto n1 = value_of(model::node_id::parse("n1"));
  p.status.members.emplace(n1, member_of("n1"));
  {
    zone_store store = open();
    value_of(store.publish(p));
    value_of(store.publish(p));
    p.status.members.at(n1).what.roles.at("sip_proxy").state = model::role_state::active;
    p.cause = "two";
    value_of(store.publish(p));
  }
  zone_store store = open(); // and goes on after a restart
  p.status.members.at(n1).what.roles.erase("media_relay");
  p.cause = "three";
  value_of(store.publish(p));
  p.status.members.at(n1).what.addresses.pop_back();
  p.status.members.at(n1).what.software = "newer";
  p.cause = "four";
  value_of(store.publish(p));
  p.status.members.clear();
  p.cause = "five";
  value_of(store.publish(p));
  const std::string both = "|192.0.2.1 2001:db8::1|";
  EXPECT_THAT(rows(file_, "SELECT node, role, change, state, addresses, cause FROM member_history"),
              ElementsAre("n1|sip_proxy|left|active|192.0.2.1|five",
                          "n1|sip_proxy|changed|active|192.0.2.1|four",
                          "n1|media_relay|left|active" + both + "three",
                          "n1|sip_proxy|changed|active" + both + "two",
                          "n1|sip_proxy|joined|draining" + both + "one",
                          "n1|media_relay|joined|active" + both + "one"));
  EXPECT_THAT(rows(file_, "SELECT DISTINCT time FROM member_history"),
              ElementsAre("1970-01-01 00:16:40"));
}

TEST_F(zone_database, the_memory_of_members_is_bounded) {
  zone_store store = open();
  publication p = of({zone_of({})});
  value_of(store.publish(p));
  sql(file_, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
                 std::to_string(member_changes_max) +
                 ") INSERT INTO member_change (at, node, role, change, state, addresses, cause) "
                 "SELECT i, 'n', 'r', 'joined', 'active', '[]', 'old' FROM n");
  p.status.members.emplace(value_of(model::node_id::parse("n1")), member_of("n1"));
  value_of(store.publish(p));
  EXPECT_THAT(rows(file_, "SELECT count(*), min(at) FROM member_change"),
              ElementsAre(std::to_string(member_changes_max) + "|3"));
}

TEST_F(zone_database, history_is_bounded) {
  zone_store store = open();
  const auto first = zone_of({});
  value_of(store.publish(of({first})));
  sql(file_,
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
          std::to_string(history_rows_max) +
          ") INSERT INTO history (at, zone, serial, change, name, type, ttl, content, cause) "
          "SELECT i, 'z', 1, '+', 'n', 'A', 1, 'c', 'old' FROM n");
  value_of(store.publish(of(
      {zone_of({set_of("a.example", rr_type::a, {"192.0.2.1", "192.0.2.2"})}, 2, first.get())})));
  EXPECT_THAT(rows(file_, "SELECT count(*), min(at) FROM history"),
              ElementsAre(std::to_string(history_rows_max) + "|3"));
  EXPECT_THAT(rows(file_, "SELECT content FROM history WHERE name = 'a.example'"), SizeIs(2));
}

TEST_F(zone_database, a_damaged_one_is_set_aside) {
  std::ofstream(file_) << "this is no database, it is a text that is long enough to be read as one";
  zone_store store = open();
  const auto notices = store.take_notices();
  ASSERT_THAT(notices, SizeIs(1));
  EXPECT_THAT(notices[0], HasSubstr("zone.sqlite3.corrupt-1000"));
  EXPECT_TRUE(std::filesystem::exists(file_.string() + ".corrupt-1000"));
  value_of(store.publish(of({zone_of({})})));
  EXPECT_THAT(rows(file_, "SELECT name FROM domains"), ElementsAre("example"));
}

TEST_F(zone_database, damage_while_running_is_mended_by_the_next_publication) {
  zone_store store = open();
  std::vector<zone::rrset> many;
  for (int i = 0; i < 500; ++i) {
    many.push_back(set_of("n" + std::to_string(i) + ".example", rr_type::a, {"192.0.2.1"}));
  }
  const auto first = zone_of(many);
  value_of(store.publish(of({first})));
  sql(file_, "PRAGMA wal_checkpoint(TRUNCATE)");
  {
    std::fstream raw(file_, std::ios::in | std::ios::out | std::ios::binary);
    raw.seekp(4096);
    raw << std::string(4096 * 30, '\x55');
  }
  many.pop_back();
  value_of(store.publish(of({zone_of(many, 2, first.get())})));
  EXPECT_THAT(store.take_notices(), SizeIs(1));
  EXPECT_THAT(rows(file_, "SELECT count(*) FROM records WHERE type = 'A'"), ElementsAre("499"));
}

TEST_F(zone_database, of_a_newer_thor_is_set_aside_and_of_another_program_left_alone) {
  {
    zone_store store = open();
  }
  sql(file_, "PRAGMA user_version = 1000");
  {
    EXPECT_THAT(open().take_notices(), SizeIs(1));
  }
  const std::filesystem::path foreign = directory_ / "foreign.sqlite3";
  {
    SQLite::Database(foreign, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
        .exec("CREATE TABLE t (x)");
  }
  const auto opened = zone_store::open(foreign, at_1000);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::foreign);
}

TEST_F(zone_database, an_error_changes_nothing_and_the_next_publication_catches_up) {
  zone_store store = open();
  const auto first = zone_of({set_of("a.example", rr_type::a, {"192.0.2.1"})});
  value_of(store.publish(of({first})));
  const auto second = zone_of({set_of("a.example", rr_type::a, {"192.0.2.2"})}, 2, first.get());
  const auto third = zone_of({set_of("a.example", rr_type::a, {"192.0.2.2"}),
                              set_of("b.example", rr_type::a, {"192.0.2.3"})},
                             3, second.get());
  sql(file_,
      "CREATE TRIGGER full BEFORE INSERT ON history BEGIN SELECT raise(ABORT, 'no room'); END");
  const auto failed = store.publish(of({second}));
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().detail, HasSubstr("no room"));
  EXPECT_THAT(rows(file_, "SELECT content FROM records WHERE type = 'A'"),
              ElementsAre("192.0.2.1"));
  sql(file_, "DROP TRIGGER full");
  value_of(store.publish(of({third})));
  EXPECT_THAT(rows(file_, "SELECT content FROM records WHERE type = 'A' ORDER BY name"),
              ElementsAre("192.0.2.2", "192.0.2.3"));
}

/// While it lives no file of this process grows beyond `octets`.
class file_size_limit {
 public:
  explicit file_size_limit(rlim_t octets)
      : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{octets, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~file_size_limit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }
  file_size_limit(const file_size_limit&) = delete;
  file_size_limit& operator=(const file_size_limit&) = delete;

 private:
  rlimit old_{};
  void (*old_handler_)(int);
};

TEST_F(zone_database, a_disk_that_takes_no_more_is_an_error_until_it_does) {
  zone_store store = open();
  std::vector<zone::rrset> many;
  for (int i = 0; i < 2000; ++i) {
    many.push_back(set_of("n" + std::to_string(i) + ".example", rr_type::a, {"192.0.2.1"}));
  }
  const auto first = zone_of({});
  value_of(store.publish(of({first})));
  const publication next = of({zone_of(many, 2, first.get())});
  {
    const file_size_limit limit(64 << 10);
    EXPECT_FALSE(store.publish(next));
  }
  EXPECT_THAT(rows(file_, "SELECT count(*) FROM records WHERE type = 'A'"), ElementsAre("0"));
  value_of(store.publish(next));
  EXPECT_THAT(rows(file_, "SELECT count(*) FROM records WHERE type = 'A'"), ElementsAre("2000"));
}

TEST_F(zone_database, a_reader_without_write_permission_can_open_it_after_a_clean_stop) {
  {
    zone_store store = open();
    value_of(store.publish(of({zone_of({})})));
  }
  EXPECT_TRUE(std::filesystem::exists(file_.string() + "-wal"));
  EXPECT_TRUE(std::filesystem::exists(file_.string() + "-shm"));
}

} // namespace
} // namespace thor::store
