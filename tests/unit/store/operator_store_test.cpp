#include "schema/store/operator_store.hpp"
#include "tests/unit/store/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <fstream>

namespace thor::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using zone::rr_type;

class operator_database : public testing::Test {
 protected:
  operator_store open() { return value_of(operator_store::open(file_)); }

  /// A domain `example` with id 1.
  operator_store open_with_domain() {
    operator_store store = open();
    EXPECT_EQ(value_of(store.ensure_domain("example"_n)), 1U);
    return store;
  }

  temporary_directory directory_;
  std::filesystem::path file_ = directory_ / "operator.sqlite3";
};

zone::rdata address(const char* text) {
  return value_of(zone::parse_rdata(rr_type::a, text));
}

TEST_F(operator_database, is_private_from_the_first_moment) {
  const mode_t before = ::umask(0);
  operator_store store = open_with_domain();
  ::umask(before);
  EXPECT_EQ(mode_of(file_), 0600);
  EXPECT_EQ(mode_of(file_.string() + "-wal"), 0600);
  EXPECT_EQ(mode_of(file_.string() + "-shm"), 0600);
}

TEST_F(operator_database, that_was_readable_by_others_is_made_private) {
  {
    operator_store store = open_with_domain();
  }
  for (const char* suffix : {"", "-wal", "-shm"}) {
    ASSERT_EQ(::chmod((file_.string() + suffix).c_str(), 0644), 0);
  }
  operator_store store = open();
  EXPECT_EQ(mode_of(file_), 0600);
  EXPECT_EQ(mode_of(file_.string() + "-wal"), 0600);
}

TEST_F(operator_database, starts_empty) {
  const operator_data data = value_of(open().read());
  EXPECT_THAT(data.zones, IsEmpty());
  EXPECT_THAT(data.records, IsEmpty());
  EXPECT_THAT(data.metadata, IsEmpty());
  EXPECT_THAT(data.quarantined, IsEmpty());
}

TEST_F(operator_database, ids_are_persistent) {
  {
    operator_store store = open();
    EXPECT_EQ(value_of(store.ensure_domain("a.example"_n)), 1U);
    EXPECT_EQ(value_of(store.ensure_domain("b.example"_n)), 2U);
    EXPECT_EQ(value_of(store.ensure_domain("A.example"_n)), 1U);
  }
  sql(file_, "DELETE FROM domains WHERE id = 2");
  operator_store store = open();
  EXPECT_EQ(value_of(store.ensure_domain("c.example"_n)), 3U) << "2 is never given again";
  const operator_data data = value_of(store.read());
  ASSERT_EQ(data.zones.size(), 2U);
  EXPECT_EQ(data.zones[0].id, 1U);
  EXPECT_EQ(data.zones[0].apex, "a.example"_n);
  EXPECT_EQ(data.zones[1].id, 3U);
  EXPECT_EQ(data.zones[1].apex, "c.example"_n);
}

TEST_F(operator_database, knows_a_domain_written_with_a_last_dot) {
  operator_store store = open();
  sql(file_, "INSERT INTO domains (id, name) VALUES (7, 'Example.')");
  EXPECT_EQ(value_of(store.ensure_domain("example"_n)), 7U);
}

TEST_F(operator_database, keeps_records_and_metadata) {
  operator_store store = open_with_domain();
  const zone::rdata srv = value_of(zone::parse_rdata(rr_type::srv, "10 100 5060 n1.example"));
  const std::int64_t row =
      value_of(store.add_record(1, "_sip._udp.example"_n, rr_type::srv, 60, srv));
  value_of(store.set_metadata(1, "also-notify", {"192.0.2.1", "192.0.2.2"}));
  value_of(store.set_metadata(1, "SOA-EDIT", {"INCREASE"}));

  const operator_data data = value_of(open().read());
  EXPECT_THAT(data.records,
              ElementsAre(operator_record{row, 1, "_sip._udp.example"_n, rr_type::srv, 60, srv}));
  EXPECT_THAT(data.metadata,
              ElementsAre(operator_metadata{1, "ALSO-NOTIFY", {"192.0.2.1", "192.0.2.2"}},
                          operator_metadata{1, "SOA-EDIT", {"INCREASE"}}));
  EXPECT_THAT(data.quarantined, IsEmpty());

  value_of(store.set_metadata(1, "ALSO-NOTIFY", {}));
  value_of(store.remove_record(row));
  const operator_data after = value_of(store.read());
  EXPECT_THAT(after.records, IsEmpty());
  EXPECT_THAT(after.metadata, ElementsAre(operator_metadata{1, "SOA-EDIT", {"INCREASE"}}));
}

TEST_F(operator_database, adding_a_record_again_enables_it_with_the_new_ttl) {
  operator_store store = open_with_domain();
  const std::int64_t row =
      value_of(store.add_record(1, "a.example"_n, rr_type::a, 60, address("192.0.2.1")));
  sql(file_, "UPDATE records SET disabled = 1");
  EXPECT_THAT(value_of(store.read()).records, IsEmpty());
  EXPECT_EQ(value_of(store.add_record(1, "A.example"_n, rr_type::a, 90, address("192.0.2.1"))),
            row);
  const operator_data data = value_of(store.read());
  ASSERT_EQ(data.records.size(), 1U);
  EXPECT_EQ(data.records[0].ttl_s, 90U);
}

TEST_F(operator_database, writes_refuse_what_cannot_be_served) {
  operator_store store = open_with_domain();
  const auto code = [](const auto& result) { return result ? errc{} : result.error().code; };
  const zone::rdata a = address("192.0.2.1");
  EXPECT_EQ(code(store.add_record(9, "a.example"_n, rr_type::a, 60, a)), errc::not_found);
  EXPECT_EQ(code(store.add_record(1, "a.other"_n, rr_type::a, 60, a)), errc::bad_value);
  EXPECT_EQ(code(store.add_record(1, "a.example"_n, rr_type::aaaa, 60, a)), errc::bad_value);
  EXPECT_EQ(code(store.add_record(1, "a.example"_n, rr_type::any, 60, a)), errc::bad_value);
  EXPECT_EQ(code(store.add_record(1, "a.example"_n, rr_type::a, 0x8000'0000, a)), errc::bad_value);
  EXPECT_EQ(code(store.remove_record(1)), errc::not_found);
  EXPECT_EQ(code(store.set_metadata(9, "X", {"y"})), errc::not_found);
  EXPECT_EQ(code(store.set_metadata(1, "not a kind", {"y"})), errc::bad_value);
  EXPECT_EQ(code(store.set_metadata(1, "X", std::vector<std::string>(metadata_values_max + 1))),
            errc::bad_value);
  EXPECT_THAT(store.add_record(1, "a.other"_n, rr_type::a, 60, a).error().detail,
              HasSubstr("a.other. A 192.0.2.1: not at or below example."));
  EXPECT_THAT(value_of(store.read()).records, IsEmpty());
}

TEST_F(operator_database, accepts_the_forms_people_write) {
  operator_store store = open_with_domain();
  sql(file_, "INSERT INTO records (domain_id, name, type, content) VALUES "
             "(1, 'WWW.Example', 'a', '192.0.2.1'), (1, 'mail.example.', 'MX', '10 mx.example'), "
             "(1, 'x.example', 'TYPE257', '0 issue  \"ca\"')");
  const operator_data data = value_of(store.read());
  ASSERT_EQ(data.records.size(), 3U);
  EXPECT_EQ(data.records[0].owner, "www.example"_n);
  EXPECT_EQ(data.records[0].ttl_s, 300U);
  EXPECT_EQ(zone::to_text(data.records[1].data), "10 mx.example.");
  EXPECT_EQ(to_string(data.records[2].type), "CAA");
}

TEST_F(operator_database, quarantines_bad_rows_and_serves_the_others) {
  operator_store store = open_with_domain();
  sql(file_, "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;"
             "INSERT INTO domains (id, name) VALUES (2, 'a..b'), (3, 'example.'), (-4, 'minus');"
             "INSERT INTO records (id, domain_id, name, type, content, ttl) VALUES "
             "(1, 1, 'good.example', 'A', '192.0.2.1', 60),"
             "(2, 1, 'bad..example', 'A', '192.0.2.1', 60),"
             "(3, 1, 'x.example', 'NOTYPE', '192.0.2.1', 60),"
             "(4, 1, 'x.example', 'A', '192.0.2.300', 60),"
             "(5, 1, 'x.example', 'A', '192.0.2.1', -1),"
             "(6, 1, 'x.other', 'A', '192.0.2.1', 60),"
             "(7, 2, 'x.a.b', 'A', '192.0.2.1', 60),"
             "(8, 99, 'x.example', 'A', '192.0.2.1', 60);"
             "INSERT INTO domainmetadata (id, domain_id, kind, content) VALUES (1, 99, 'X', 'y');");
  const operator_data data = value_of(store.read());
  ASSERT_EQ(data.records.size(), 1U);
  EXPECT_EQ(data.records[0].owner, "good.example"_n);

  std::vector<std::string> listed;
  for (const quarantined_row& q : data.quarantined) {
    listed.push_back(q.table + ' ' + std::to_string(q.row) + ": " + q.text + ": " +
                     q.reason.detail);
  }
  EXPECT_THAT(
      listed,
      ElementsAre("domains -4: minus: the id is not a 32-bit number >= 1",
                  "domains 2: a..b: name \"a..b\": empty label",
                  "domains 3: example.: the domain is there already",
                  "records 2: bad..example A 60 192.0.2.1: name \"bad..example\": empty label",
                  "records 3: x.example NOTYPE 60 192.0.2.1: \"NOTYPE\" is not a record type",
                  "records 4: x.example A 60 192.0.2.300: A address: \"192.0.2.300\" is not an "
                  "IPv4 address",
                  "records 5: x.example A -1 192.0.2.1: TTL -1 is not within 0 and 2147483647",
                  "records 6: x.other A 60 192.0.2.1: not at or below example.",
                  "records 7: x.a.b A 60 192.0.2.1: there is no domain 2",
                  "records 8: x.example A 60 192.0.2.1: there is no domain 99",
                  "domainmetadata 1: X y: there is no domain 99"));
}

TEST_F(operator_database, the_schema_itself_refuses_the_plain_mistakes) {
  operator_store store = open_with_domain();
  EXPECT_THROW(sql(file_, "INSERT INTO records (domain_id, name, type, content, ttl) VALUES "
                          "(1, 'x.example', 'A', '192.0.2.1', -1)"),
               SQLite::Exception);
  EXPECT_THROW(
      sql(file_, "INSERT INTO records (domain_id, name, type) VALUES (1, 'x.example', 'A')"),
      SQLite::Exception);
}

TEST_F(operator_database, notices_writes_of_others_and_of_its_own) {
  operator_store store = open_with_domain();
  EXPECT_TRUE(value_of(store.changed())) << "never read";
  const std::int64_t first = value_of(store.read()).revision;
  EXPECT_FALSE(value_of(store.changed()));

  sql(file_,
      "INSERT INTO records (domain_id, name, type, content) VALUES (1, 'x.example', 'A', '::')");
  EXPECT_TRUE(value_of(store.changed()));
  EXPECT_TRUE(value_of(store.changed())) << "until it is read";
  const std::int64_t second = value_of(store.read()).revision;
  EXPECT_GT(second, first);
  EXPECT_FALSE(value_of(store.changed()));

  value_of(store.add_record(1, "a.example"_n, rr_type::a, 60, address("192.0.2.1")));
  EXPECT_TRUE(value_of(store.changed()));
  value_of(store.read());
  sql(file_, "UPDATE records SET ttl = 61");
  EXPECT_TRUE(value_of(store.changed()));
  value_of(store.read());
  sql(file_, "DELETE FROM records");
  EXPECT_TRUE(value_of(store.changed()));
}

TEST_F(operator_database, has_a_template_for_sip_from_the_start) {
  const operator_data data = value_of(open().read());
  ASSERT_EQ(data.templates.size(), 1U);
  EXPECT_EQ(data.templates[0].name, "sip");
  std::vector<std::string> lines;
  for (const template_record& r : data.templates[0].records) {
    lines.push_back(r.name + ' ' + std::to_string(r.ttl_s) + ' ' + to_string(r.type) + ' ' +
                    r.content);
  }
  EXPECT_THAT(lines, ElementsAre("@ 600 NAPTR 10 100 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.{overlay}.",
                                 "@ 600 NAPTR 20 100 \"s\" \"SIP+D2T\" \"\" _sip._tcp.{overlay}.",
                                 "@ 600 NAPTR 30 100 \"s\" \"SIP+D2U\" \"\" _sip._udp.{overlay}.",
                                 "_sips._tcp 600 SRV 100 100 5061 proxy.{overlay}.",
                                 "_sip._tcp 600 SRV 100 100 5060 proxy.{overlay}.",
                                 "_sip._udp 600 SRV 100 100 5060 proxy.{overlay}."));
}

TEST_F(operator_database, hosted_domains_come_and_go) {
  operator_store store = open();
  const std::uint32_t id = value_of(store.add_domain("Customer.example"_n, "SIP"));
  value_of(store.add_domain("plain.example"_n, ""));
  value_of(store.add_record(id, "www.customer.example"_n, rr_type::a, 60, address("192.0.2.1")));
  const operator_data data = value_of(store.read());
  ASSERT_EQ(data.zones.size(), 2U);
  EXPECT_EQ(data.zones[0].apex, "customer.example"_n);
  EXPECT_EQ(data.zones[0].template_name, "sip") << "as the template spells itself";
  EXPECT_EQ(data.zones[1].template_name, "");

  EXPECT_EQ(store.add_domain("customer.example"_n, "sip").error().code, errc::bad_value);
  EXPECT_EQ(store.add_domain("other.example"_n, "nosuch").error().code, errc::not_found);
  value_of(store.remove_domain("CUSTOMER.example"_n));
  EXPECT_EQ(store.remove_domain("customer.example"_n).error().code, errc::not_found);
  const operator_data after = value_of(store.read());
  EXPECT_EQ(after.zones.size(), 1U);
  EXPECT_THAT(after.records, IsEmpty());
  EXPECT_THAT(after.quarantined, IsEmpty());
}

/// The serial of the domain `customer.example`, after the domains were given the serial 5 that no
/// clock would give: a step shows.
class serial_of_a_domain : public operator_database {
 protected:
  serial_of_a_domain() {
    value_of(store_.add_domain("customer.example"_n, "sip"));
    value_of(store_.add_domain("plain.example"_n, ""));
    for (const zone::name& apex : {"customer.example"_n, "plain.example"_n}) {
      value_of(store_.add_record(id_of(apex), apex, rr_type::a, 60, address("192.0.2.1")));
    }
    far_ahead();
  }

  std::uint32_t id_of(const zone::name& apex) { return value_of(store_.ensure_domain(apex)); }
  void far_ahead() { sql(file_, "UPDATE domains SET serial = 4000000000"); }

  /// Whether `edit` stepped the serials of customer.example and of plain.example.
  std::pair<bool, bool> steps(const std::string& edit) {
    far_ahead();
    sql(file_, edit);
    const auto data = value_of(store_.read());
    return {data.zones.at(0).serial == 4'000'000'001, data.zones.at(1).serial == 4'000'000'001};
  }

  operator_store store_ = open();
};

TEST_F(serial_of_a_domain, is_the_time_of_the_last_change) {
  const std::string query = "SELECT serial BETWEEN unixepoch() - 60 AND unixepoch() FROM domains";
  sql(file_, "UPDATE domains SET serial = 5; UPDATE records SET ttl = 61");
  EXPECT_THAT(rows(file_, query), ElementsAre("1", "1"));
  value_of(store_.add_domain("new.example"_n, "sip"));
  EXPECT_THAT(rows(file_, query), ElementsAre("1", "1", "1"));
}

TEST_F(serial_of_a_domain, steps_with_what_its_zone_is_made_of_and_with_nothing_else) {
  using both = std::pair<bool, bool>;
  const both none{false, false};
  const both customer{true, false};
  const both plain{false, true};
  EXPECT_EQ(steps("UPDATE records SET ttl = 61 WHERE domain_id = 1"), customer);
  EXPECT_EQ(steps("UPDATE records SET disabled = 1 WHERE domain_id = 2"), plain);
  EXPECT_EQ(steps("UPDATE records SET domain_id = 1 WHERE domain_id = 2"), both(true, true));
  EXPECT_EQ(steps("INSERT INTO records (domain_id, name, type, content) "
                  "VALUES (2, 'www.plain.example', 'A', '192.0.2.1')"),
            plain);
  EXPECT_EQ(steps("DELETE FROM records WHERE domain_id = 2"), plain);
  EXPECT_EQ(steps("UPDATE domains SET template = NULL WHERE id = 1"), customer);
  EXPECT_EQ(steps("UPDATE domains SET template = 'sip' WHERE id = 1"), customer);
  EXPECT_EQ(steps("UPDATE template_records SET ttl = 61 WHERE id = 1"), customer);
  EXPECT_EQ(steps("DELETE FROM template_records WHERE id = 1"), customer);
  EXPECT_EQ(steps("INSERT INTO template_records (template, name, type, content) "
                  "VALUES ('sip', 'www', 'A', '192.0.2.1')"),
            customer);
  EXPECT_EQ(steps("INSERT INTO templates (name) VALUES ('other')"), none);
  EXPECT_EQ(steps("INSERT INTO template_records (template, name, type, content) "
                  "VALUES ('other', 'www', 'A', '192.0.2.1')"),
            none);
  EXPECT_EQ(steps("INSERT INTO domainmetadata (domain_id, kind, content) VALUES (1, 'X', 'y')"),
            none);
}

TEST_F(operator_database, notices_changed_templates) {
  operator_store store = open();
  for (const char* edit : {"INSERT INTO templates (name) VALUES ('other')",
                           "UPDATE template_records SET ttl = 61 WHERE id = 1",
                           "UPDATE templates SET name = 'another' WHERE name = 'other'",
                           "DELETE FROM template_records WHERE id = 2",
                           "DELETE FROM templates WHERE name = 'another'"}) {
    const std::int64_t before = value_of(store.read()).revision;
    sql(file_, edit);
    EXPECT_TRUE(value_of(store.changed())) << edit;
    EXPECT_GT(value_of(store.read()).revision, before) << edit;
  }
}

TEST_F(operator_database, quarantines_bad_templates_row_by_row) {
  operator_store store = open();
  sql(file_, "PRAGMA ignore_check_constraints = ON;"
             "INSERT INTO domains (id, name, template) VALUES (1, 'a.example', 'nosuch');"
             "DELETE FROM template_records WHERE id > 1;"
             "INSERT INTO template_records (id, template, name, type, content, ttl) VALUES "
             "(7, 'nosuch', 'www', 'A', '192.0.2.1', 60),"
             "(8, 'sip', 'www', 'NOTYPE', '192.0.2.1', 60),"
             "(9, 'sip', 'www', 'A', '192.0.2.1', -1);");
  const operator_data data = value_of(store.read());
  std::vector<std::string> listed;
  for (const quarantined_row& q : data.quarantined) {
    listed.push_back(q.table + ' ' + std::to_string(q.row) + ": " + q.text + ": " +
                     q.reason.detail);
  }
  EXPECT_THAT(
      listed,
      ElementsAre(
          "template_records 7: nosuch www A 60 192.0.2.1: there is no template nosuch",
          "template_records 8: sip www NOTYPE 60 192.0.2.1: \"NOTYPE\" is not a record type",
          "template_records 9: sip www A -1 192.0.2.1: TTL -1 is not within 0 and 2147483647",
          "domains 1: a.example: there is no template nosuch"));
  ASSERT_EQ(data.templates.size(), 1U);
  EXPECT_EQ(data.templates[0].records.size(), 1U);
}

TEST_F(operator_database, that_is_damaged_is_a_failure_with_advice) {
  std::ofstream(file_) << "this is no database, it is a text that is long enough to be read as one";
  const auto opened = operator_store::open(file_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::corrupt);
  EXPECT_THAT(opened.error().detail, HasSubstr("restore the file from a backup"));
  EXPECT_THAT(opened.error().detail, HasSubstr(file_.string()));
}

TEST_F(operator_database, damage_inside_is_found_at_the_start) {
  {
    operator_store store = open_with_domain();
  }
  sql(file_, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) "
             "INSERT INTO records (domain_id, name, type, content) "
             "SELECT 1, 'a.example', 'TXT', i FROM n");
  sql(file_, "PRAGMA wal_checkpoint(TRUNCATE)");
  {
    std::fstream raw(file_, std::ios::in | std::ios::out | std::ios::binary);
    raw.seekp(4096 * 4);
    raw << std::string(4096 * 3, '\x55');
  }
  const auto opened = operator_store::open(file_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::corrupt);
}

TEST_F(operator_database, of_another_program_is_left_alone) {
  {
    SQLite::Database(file_, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE)
        .exec("CREATE TABLE t (x)");
  }
  const auto opened = operator_store::open(file_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::foreign);
  EXPECT_THAT(rows(file_, "SELECT name FROM sqlite_schema"), ElementsAre("t"));
}

TEST_F(operator_database, of_a_newer_thor_is_refused) {
  {
    operator_store store = open();
  }
  sql(file_, "PRAGMA user_version = 1000");
  const auto opened = operator_store::open(file_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::newer_schema);
  EXPECT_THAT(opened.error().detail, HasSubstr("version 1000"));
}

TEST_F(operator_database, an_empty_file_becomes_one) {
  std::ofstream(file_).close();
  EXPECT_TRUE(operator_store::open(file_));
  EXPECT_EQ(mode_of(file_), 0600);
}

TEST_F(operator_database, errors_name_the_file_and_the_next_step) {
  const auto opened = operator_store::open(directory_ / "missing/operator.sqlite3");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::cannot_open);
  EXPECT_THAT(opened.error().detail,
              HasSubstr("missing/operator.sqlite3: No such file or directory"));
  const auto directory = operator_store::open(directory_ / "");
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, errc::cannot_open);
}

} // namespace
} // namespace thor::store
