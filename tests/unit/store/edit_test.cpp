// Edits: what of them is kept, what is refused, and that it is all or nothing.
#include "schema/store/operator_store.hpp"
#include "tests/unit/store/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using zone::rr_type;

/// A zone whose SOA is configured, whose template makes one NAPTR and one SRV, and whose name `dyn`
/// belongs to the members.
class example_rules final : public edit_rules {
 public:
  std::string not_served(const operator_zone& in) override {
    return in.apex == "left.example"_n ? "it is not served by this program" : "";
  }
  std::string reserved(const operator_zone& in, const zone::name& owner, rr_type type) override {
    const auto dynamic = value_of(in.apex.child("dyn"));
    return owner == dynamic && type == rr_type::srv ? "SRV records here are those of a role" : "";
  }
  bool is_synthesised(const operator_zone& in) override { return in.apex == "lookup.example"_n; }
  std::vector<zone::rrset> unless_said(const operator_zone& in) override {
    const std::string apex = in.apex.text();
    return {
        set_of(apex, rr_type::soa, {"ns.example. hostmaster.example. 0 3600 600 1209600 15"}, 300),
        set_of(apex, rr_type::naptr, {R"(10 100 "s" "SIP+D2U" "" _sip._udp.overlay.)"}, 600),
        set_of("_sip._udp." + apex, rr_type::srv, {"100 100 5060 proxy.overlay."}, 600)};
  }
  std::expected<zone::rdata, std::string> read(const zone::name& /*owner*/, rr_type type,
                                               const zone::written_record& written) override {
    auto data = zone::parse_rdata(type, written.content);
    if (!data) {
      return std::unexpected(data.error().detail);
    }
    return *std::move(data);
  }
  std::vector<std::string> misplaced(const operator_zone& in,
                                     std::span<const operator_record> records) override {
    zone::zone_input input{.apex = in.apex, .id = in.id, .soa = {}, .soa_ttl_s = 0};
    for (const auto& one : records) {
      if (one.type != rr_type::soa) {
        input.rrsets.push_back({one.owner, one.type, one.ttl_s, {one.data}, 0});
      }
    }
    std::vector<std::string> lines;
    for (const auto& [owner, type, content, reason] : zone::build(input, nullptr).rejected) {
      lines.push_back(owner.text() + ' ' + zone::to_string(type) + ' ' + content + ": " +
                      reason.detail);
    }
    return lines;
  }
};

class edits : public testing::Test {
 protected:
  edits() {
    value_of(store_.ensure_domain("example"_n));
    sql(file_,
        "UPDATE domains SET template = 'sip', serial = 7; "
        "INSERT INTO records (domain_id, name, type, content, ttl) VALUES "
        "(1, 'www.example', 'A', '192.0.2.1', 60), (1, 'WWW.example.', 'A', '192.0.2.2', 60),"
        "(1, 'mail.example', 'MX', '10 mx.example', 60)");
  }

  zone::edit_outcome apply(const zone::edit& wanted) {
    return value_of(store_.apply(wanted, rules_));
  }
  /// One step in the zone `example`.
  zone::edit_outcome replace(std::string_view owner, const std::string& type,
                             std::vector<zone::written_record> records) {
    return apply(zone::zone_edit{"example"_n,
                                 false,
                                 {{zone::rrset_edit::kind::replace,
                                   value_of(zone::name::parse(owner)), type, std::move(records)}}});
  }
  zone::edit_outcome load(const std::vector<std::pair<std::string, zone::written_record>>& lines) {
    zone::zone_edit whole{"example"_n, true, {}};
    for (const auto& [owner, record] : lines) {
      whole.steps.push_back(
          {zone::rrset_edit::kind::add, value_of(zone::name::parse(owner)), record.type, {record}});
    }
    return apply(whole);
  }
  std::vector<std::string> records() const {
    return rows(file_, "SELECT name, type, ttl, content FROM records WHERE disabled = 0 "
                       "ORDER BY name COLLATE NOCASE, type, content");
  }
  std::string serial() const { return rows(file_, "SELECT serial FROM domains").front(); }
  std::string revision() const { return rows(file_, "SELECT counter FROM revision").front(); }
  void expect_refused(const zone::edit_outcome& outcome, const std::string& sentence) {
    EXPECT_FALSE(outcome.done);
    EXPECT_THAT(outcome.notes, ElementsAre(HasSubstr(sentence)));
    EXPECT_EQ(rows(file_, "SELECT * FROM records"), untouched_);
    EXPECT_EQ(serial(), "7");
  }

  temporary_directory directory_;
  std::filesystem::path file_ = directory_ / "operator.sqlite3";
  operator_store store_ = value_of(operator_store::open(file_));
  example_rules rules_;
  std::vector<std::string> untouched_;

  void SetUp() override {
    sql(file_, "UPDATE domains SET serial = 7");
    untouched_ = rows(file_, "SELECT * FROM records");
  }
};

const std::string soa_in_force = "ns.example hostmaster.example 7 3600 600 1209600 15";

// ---- RRsets

TEST_F(edits, replace_a_set_and_touch_no_row_that_stays) {
  EXPECT_TRUE(replace("www.example", "A", {{"A", 60, "192.0.2.2"}, {"A", 60, "192.0.2.9"}}).done);
  EXPECT_THAT(rows(file_, "SELECT id, name, content FROM records ORDER BY id"),
              ElementsAre("2|WWW.example.|192.0.2.2", "3|mail.example|10 mx.example",
                          "4|www.example|192.0.2.9"));
}

TEST_F(edits, are_one_step_of_the_serial_however_many_rows) {
  sql(file_, "UPDATE domains SET serial = 4000000000");
  std::vector<zone::written_record> many;
  for (int i = 1; i <= 50; ++i)
    many.push_back({"A", 60, "192.0.2." + std::to_string(i)});
  EXPECT_TRUE(replace("www.example", "A", many).done);
  EXPECT_EQ(serial(), "4000000001");
}

TEST_F(edits, of_what_is_there_already_write_nothing) {
  const auto before = revision();
  EXPECT_TRUE(replace("www.example", "A", {{"A", 60, "192.0.2.1"}, {"A", 60, "192.0.2.2"}}).done);
  EXPECT_EQ(revision(), before);
  EXPECT_EQ(serial(), "7");
}

TEST_F(edits, give_all_records_of_a_set_one_ttl) {
  const zone::zone_edit wanted{
      "example"_n,
      false,
      {{zone::rrset_edit::kind::add, "www.example"_n, "A", {{"A", 20, "192.0.2.3"}}}}};
  EXPECT_TRUE(apply(wanted).done);
  EXPECT_THAT(rows(file_, "SELECT ttl, content FROM records WHERE type = 'A' ORDER BY content"),
              ElementsAre("20|192.0.2.1", "20|192.0.2.2", "20|192.0.2.3"));
}

TEST_F(edits, read_names_with_and_without_the_last_dot) {
  EXPECT_TRUE(replace("mail.example", "MX", {{"MX", 60, "10 mx.example."}}).done);
  EXPECT_THAT(rows(file_, "SELECT id FROM records WHERE type = 'MX'"), ElementsAre("3"))
      << "the same record";
  EXPECT_TRUE(replace("_x._tcp.example", "SRV", {{"SRV", 60, "1 2 3 a.example"}}).done);
  EXPECT_THAT(rows(file_, "SELECT content FROM records WHERE type = 'SRV'"),
              ElementsAre("1 2 3 a.example."));
}

TEST_F(edits, enable_a_record_that_was_disabled) {
  sql(file_, "UPDATE records SET disabled = 1 WHERE id = 1");
  EXPECT_TRUE(replace("www.example", "A", {{"A", 5, "192.0.2.1"}}).done);
  EXPECT_THAT(rows(file_, "SELECT name, ttl, disabled FROM records WHERE type = 'A'"),
              ElementsAre("www.example|5|0"));
}

TEST_F(edits, remove_a_set_and_all_sets_of_an_owner) {
  EXPECT_TRUE(replace("mail.example", "MX", {}).done);
  EXPECT_TRUE(replace("www.example", "ANY", {}).done);
  EXPECT_THAT(records(), IsEmpty());
  EXPECT_TRUE(replace("www.example", "A", {}).done) << "nothing to remove is no error";
}

TEST_F(edits, are_all_or_nothing) {
  zone::zone_edit wanted{"example"_n, false, {}};
  wanted.steps.push_back({zone::rrset_edit::kind::replace, "www.example"_n, "A", {}});
  wanted.steps.push_back(
      {zone::rrset_edit::kind::add, "x.example"_n, "A", {{"A", 60, "192.0.2.300"}}});
  expect_refused(apply(wanted), "x.example. A 192.0.2.300: A address: \"192.0.2.300\" is not an");
}

TEST_F(edits, with_a_bad_record_are_refused_in_a_sentence) {
  expect_refused(replace("www.other", "A", {{"A", 60, "192.0.2.1"}}),
                 "www.other. is not at or below example.");
  expect_refused(replace("www.example", "NONSENSE", {{"NONSENSE", 60, "x"}}),
                 "www.example. NONSENSE");
  expect_refused(replace("www.example", "A", {{"AAAA", 60, "::1"}}), "not of the type A");
  expect_refused(replace("www.example", "A", {{"A", 2147483648, "192.0.2.1"}}),
                 "TTL 2147483648 is above 2147483647");
  expect_refused(replace("www.example", "RRSIG", {{"RRSIG", 60, "A 13 2 60"}}),
                 "PowerDNS makes it from the zone's keys");
  expect_refused(replace("www.example", "SOA", {{"SOA", 60, soa_in_force}}),
                 "an SOA stands at the apex");
  expect_refused(replace("www.example", "CNAME", {{"CNAME", 60, "a.example"}}),
                 "a CNAME stands beside no other data");
  expect_refused(replace("example", "SOA", {}), "a zone has an SOA");
}

TEST_F(edits, do_not_mind_what_was_wrong_before) {
  sql(file_, "INSERT INTO records (domain_id, name, type, content) VALUES "
             "(1, 'www.example', 'CNAME', 'a.example'), (1, 'elsewhere.', 'A', '192.0.2.1'),"
             "(1, 'x.example', 'A', 'nonsense')");
  EXPECT_TRUE(replace("mail.example", "MX", {{"MX", 60, "20 mx.example"}}).done);
  EXPECT_THAT(rows(file_, "SELECT count(*) FROM records"), ElementsAre("6"));
}

TEST_F(edits, of_an_unknown_or_unserved_zone_are_refused) {
  const auto unknown = apply(zone::zone_edit{"nowhere.example"_n, false, {}});
  EXPECT_FALSE(unknown.done);
  EXPECT_THAT(unknown.notes, ElementsAre("there is no zone nowhere.example. here"));
  value_of(store_.ensure_domain("left.example"_n));
  const auto unserved = apply(zone::zone_edit{"left.example"_n, false, {}});
  EXPECT_FALSE(unserved.done);
  EXPECT_THAT(unserved.notes, ElementsAre("left.example.: it is not served by this program"));
}

TEST_F(edits, of_members_records_are_refused) {
  const std::string why = "dyn.example. SRV: SRV records here are those of a role";
  expect_refused(replace("dyn.example", "SRV", {{"SRV", 60, "1 2 3 a.example"}}), why);
  expect_refused(replace("dyn.example", "SRV", {}), why);
  expect_refused(replace("dyn.example", "ANY", {}), why);
}

// ---- templates

TEST_F(edits, put_records_in_the_place_of_those_of_the_template) {
  EXPECT_TRUE(replace("_sip._udp.example", "SRV", {{"SRV", 60, "1 2 3 own.example"}}).done);
  EXPECT_THAT(rows(file_, "SELECT content FROM records WHERE type = 'SRV'"),
              ElementsAre("1 2 3 own.example."));
  const auto gone = replace("_sip._udp.example", "SRV", {});
  EXPECT_TRUE(gone.done);
  EXPECT_THAT(gone.notes, ElementsAre("_sip._udp.example. SRV: the template's records are back"));
}

TEST_F(edits, add_to_the_records_of_the_template) {
  const zone::zone_edit wanted{
      "example"_n,
      false,
      {{zone::rrset_edit::kind::add, "_sip._udp.example"_n, "SRV", {{"SRV", 600, "1 2 3 b."}}}}};
  EXPECT_TRUE(apply(wanted).done);
  EXPECT_THAT(rows(file_, "SELECT content FROM records WHERE type = 'SRV' ORDER BY content"),
              ElementsAre("1 2 3 b.", "100 100 5060 proxy.overlay."));
}

TEST_F(edits, cannot_remove_what_the_template_makes) {
  expect_refused(replace("_sip._udp.example", "SRV", {}),
                 "_sip._udp.example. SRV comes from the template sip");
}

// ---- the SOA

TEST_F(edits, keep_the_timers_of_an_soa_and_not_its_serial) {
  EXPECT_TRUE(replace("example", "SOA", {{"SOA", 120, "a.example b.example 99 1 2 3 4"}}).done);
  EXPECT_THAT(rows(file_, "SELECT name, ttl, content FROM records WHERE type = 'SOA'"),
              ElementsAre("example|120|a.example. b.example. 0 1 2 3 4"));
  EXPECT_NE(serial(), "99");
  EXPECT_GT(std::stoul(serial()), 1'700'000'000U);
}

TEST_F(edits, step_the_serial_when_only_that_is_written) {
  sql(file_, "UPDATE domains SET serial = 4000000000");
  EXPECT_TRUE(
      replace("example", "SOA",
              {{"SOA", 300, "ns.example hostmaster.example 4000000001 3600 600 1209600 15"}})
          .done);
  EXPECT_EQ(serial(), "4000000001");
  EXPECT_THAT(rows(file_, "SELECT * FROM records WHERE type = 'SOA'"), IsEmpty())
      << "the configuration is still followed";
}

TEST_F(edits, leave_the_serial_when_the_same_soa_is_written) {
  EXPECT_TRUE(replace("example", "SOA", {{"SOA", 300, soa_in_force}}).done);
  EXPECT_EQ(serial(), "7");
}

TEST_F(edits, go_back_to_the_configured_soa) {
  EXPECT_TRUE(replace("example", "SOA", {{"SOA", 300, "a.example b.example 9 1 2 3 4"}}).done);
  EXPECT_TRUE(replace("example", "SOA", {{"SOA", 300, soa_in_force}}).done);
  EXPECT_THAT(rows(file_, "SELECT * FROM records WHERE type = 'SOA'"), IsEmpty());
}

// ---- whole zones

TEST_F(edits, of_a_whole_zone_take_the_place_of_all_records) {
  const auto loaded = load({{"example", {"SOA", 300, soa_in_force}},
                            {"www.example", {"A", 60, "192.0.2.1"}},
                            {"new.example", {"TXT", 5, R"("a b" c)"}}});
  EXPECT_TRUE(loaded.done);
  EXPECT_THAT(records(),
              ElementsAre(R"(new.example|TXT|5|"a b" "c")", "www.example|A|60|192.0.2.1"));
  EXPECT_THAT(loaded.notes, ElementsAre("example. NAPTR comes from the template sip",
                                        "_sip._udp.example. SRV comes from the template sip"));
}

TEST_F(edits, of_a_whole_zone_leave_out_what_is_not_the_operators) {
  const auto loaded =
      load({{"example", {"SOA", 300, "a.example b.example 9 1 2 3 4"}},
            {"example", {"NAPTR", 600, R"(10 100 "s" "SIP+D2U" "" _sip._udp.overlay)"}},
            {"_sip._udp.example", {"SRV", 600, "100 100 5060 other.overlay"}},
            {"dyn.example", {"SRV", 30, "1 2 3 a.example"}},
            {"example", {"DNSKEY", 60, "257 3 13 abcd"}},
            {"www.example", {"RRSIG", 60, "whatever it holds"}},
            {"www.example", {"NSEC", 60, "example. A RRSIG NSEC"}},
            {"www.example", {"A", 60, "192.0.2.1"}}});
  EXPECT_TRUE(loaded.done);
  EXPECT_THAT(records(), ElementsAre("_sip._udp.example|SRV|600|100 100 5060 other.overlay.",
                                     "example|SOA|300|a.example. b.example. 0 1 2 3 4",
                                     "www.example|A|60|192.0.2.1"));
  EXPECT_THAT(loaded.notes,
              ElementsAre("left out: dyn.example. SRV: SRV records here are those of a role",
                          "left out: example. DNSKEY: PowerDNS makes it from the zone's keys",
                          "left out: www.example. RRSIG: PowerDNS makes it from the zone's keys",
                          "left out: www.example. NSEC: PowerDNS makes it from the zone's keys",
                          "left out: example. NAPTR: the same as in the template sip"));
}

TEST_F(edits, of_a_whole_zone_list_not_too_much) {
  std::vector<std::pair<std::string, zone::written_record>> lines;
  for (int i = 0; i < 100; ++i)
    lines.push_back({"n" + std::to_string(i) + ".example", {"NSEC", 60, "x. A"}});
  const auto loaded = load(lines);
  EXPECT_TRUE(loaded.done);
  EXPECT_THAT(loaded.notes, testing::Contains("left out: 80 more records"));
  EXPECT_LE(loaded.notes.size(), 23U);
}

TEST_F(edits, of_a_whole_zone_with_a_bad_record_are_refused) {
  expect_refused(load({{"www.example", {"A", 60, "192.0.2.1"}}, {"www.other", {"A", 60, "::"}}}),
                 "www.other. is not at or below example.");
  expect_refused(
      load({{"c.example", {"CNAME", 60, "a.example"}}, {"c.example", {"A", 60, "192.0.2.1"}}}),
      "c.example. CNAME a.example.: a CNAME stands beside no other data");
}

// ---- metadata

TEST_F(edits, set_and_remove_metadata) {
  EXPECT_TRUE(
      apply(zone::metadata_edit{"example"_n, "also-notify", {"192.0.2.1", "192.0.2.2"}}).done);
  EXPECT_THAT(rows(file_, "SELECT kind, content FROM domainmetadata"),
              ElementsAre("ALSO-NOTIFY|192.0.2.1", "ALSO-NOTIFY|192.0.2.2"));
  EXPECT_TRUE(apply(zone::metadata_edit{"example"_n, "ALSO-NOTIFY", {}}).done);
  EXPECT_THAT(rows(file_, "SELECT * FROM domainmetadata"), IsEmpty());
}

TEST_F(edits, of_metadata_that_cannot_work_are_refused) {
  const auto why = [&](const std::string& kind, const std::vector<std::string>& values) {
    const auto outcome = apply(zone::metadata_edit{"example"_n, kind, values});
    return outcome.done ? std::string("done") : outcome.notes.front();
  };
  EXPECT_THAT(why("PRESIGNED", {"1"}), HasSubstr("PRESIGNED: signatures made elsewhere"));
  EXPECT_EQ(why("PRESIGNED", {}), "done");
  for (const auto* good : {"1 0 0 -", "1 1 500 ABcd", "1 0 10 00"})
    EXPECT_EQ(why("NSEC3PARAM", {good}), "done") << good;
  EXPECT_THAT(why("NSEC3PARAM", {"2 0 0 -"}), HasSubstr("hash algorithm"));
  EXPECT_THAT(why("NSEC3PARAM", {"1 2 0 -"}), HasSubstr("flags"));
  EXPECT_THAT(why("NSEC3PARAM", {"1 0 501 -"}), HasSubstr("iterations"));
  EXPECT_THAT(why("NSEC3PARAM", {"1 0 -1 -"}), HasSubstr("iterations"));
  for (const auto* bad : {"1 0 0 abc", "1 0 0 zz"})
    EXPECT_THAT(why("NSEC3PARAM", {bad}), HasSubstr("salt")) << bad;
  EXPECT_THAT(why("NSEC3PARAM", {"1 0 0 " + std::string(512, 'a')}), HasSubstr("salt"));
  for (const auto* bad : {"", "1 0 0", "1 0 0 - -"})
    EXPECT_THAT(why("NSEC3PARAM", {bad}), HasSubstr("is not \"algorithm")) << bad;
  EXPECT_THAT(why("NSEC3PARAM", {"1 0 0 -", "1 0 0 -"}), HasSubstr("more than one"));
  EXPECT_THAT(why("NSEC3NARROW", {"yes"}), HasSubstr("neither 0 nor 1"));
  EXPECT_THAT(why("KIND WITH SPACE", {"x"}), HasSubstr("letters, digits"));
  EXPECT_THAT(why("X-LONG", {std::string(5000, 'x')}), HasSubstr("4096 octets"));
}

// ---- keys

const std::string private_key =
    "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: c2VjcmV0\n";

TEST_F(edits, add_keys_with_ids_that_are_never_given_again) {
  const zone::key_addition addition{"example"_n, {0, 257, true, true, private_key}};
  EXPECT_EQ(apply(addition).key_id, 1U);
  EXPECT_EQ(apply(addition).key_id, 2U);
  EXPECT_TRUE(apply(zone::key_edit{zone::key_edit::action::remove, "example"_n, 2}).done);
  EXPECT_EQ(apply(addition).key_id, 3U);
  const auto data = value_of(store_.read());
  EXPECT_THAT(data.keys, ElementsAre(operator_key{1, {1, 257, true, true, private_key}},
                                     operator_key{1, {3, 257, true, true, private_key}}));
}

TEST_F(edits, change_keys) {
  apply(zone::key_addition{"example"_n, {0, 256, false, true, private_key}});
  using enum zone::key_edit::action;
  const auto after = [&](zone::key_edit::action what) {
    EXPECT_TRUE(apply(zone::key_edit{what, "example"_n, 1}).done);
    return rows(file_, "SELECT active, published FROM cryptokeys").front();
  };
  EXPECT_EQ(after(activate), "1|1");
  EXPECT_EQ(after(unpublish), "1|0");
  EXPECT_EQ(after(deactivate), "0|0");
  EXPECT_EQ(after(publish), "0|1");
}

TEST_F(edits, of_another_zones_key_are_refused) {
  value_of(store_.ensure_domain("other.example"_n));
  apply(zone::key_addition{"example"_n, {0, 257, true, true, private_key}});
  const auto outcome = apply(zone::key_edit{zone::key_edit::action::remove, "other.example"_n, 1});
  EXPECT_FALSE(outcome.done);
  EXPECT_THAT(outcome.notes, ElementsAre("other.example. has no key 1"));
}

TEST_F(edits, with_keys_that_nobody_could_sign_with_are_refused_without_telling_them) {
  const auto why = [&](const zone::dnssec_key& key) {
    const auto outcome = apply(zone::key_addition{"example"_n, key});
    EXPECT_FALSE(outcome.done);
    return outcome.notes.front();
  };
  EXPECT_THAT(why({0, 0, true, true, private_key}), HasSubstr("flags 0"));
  EXPECT_THAT(why({0, 258, true, true, private_key}), HasSubstr("flags 258"));
  const auto no_key = why({0, 257, true, true, "the secret"});
  EXPECT_THAT(no_key, HasSubstr("BIND's format"));
  EXPECT_THAT(no_key, testing::Not(HasSubstr("the secret")));
  EXPECT_THAT(why({0, 257, true, true, "Private-key-format: v1.2\n" + std::string(20000, 'x')}),
              HasSubstr("16384 octets"));
  for (unsigned i = 0; i < 32; ++i)
    apply(zone::key_addition{"example"_n, {0, 257, false, true, private_key}});
  EXPECT_THAT(why({0, 257, true, true, private_key}), HasSubstr("at most 32 keys"));
}

TEST_F(edits, put_and_remove_tsig_keys) {
  EXPECT_TRUE(apply(zone::tsig_edit{"key.example"_n, "HMAC-SHA256.", "c2VjcmV0"}).done);
  EXPECT_TRUE(apply(zone::tsig_edit{"KEY.example."_n, "hmac-sha512", "bW9yZQ=="}).done);
  EXPECT_TRUE(apply(zone::tsig_edit{"a"_n, "hmac-md5.sig-alg.reg.int.", "bW9yZQ=="}).done);
  const auto data = value_of(store_.read());
  EXPECT_THAT(data.tsig_keys,
              ElementsAre(zone::tsig_key{"a"_n, "hmac-md5.", "bW9yZQ=="},
                          zone::tsig_key{"key.example"_n, "hmac-sha512.", "bW9yZQ=="}));
  EXPECT_TRUE(apply(zone::tsig_edit{"a"_n, "", std::nullopt}).done);
  EXPECT_FALSE(apply(zone::tsig_edit{"a"_n, "", std::nullopt}).done);
  EXPECT_THAT(rows(file_, "SELECT name FROM tsigkeys"), ElementsAre("key.example"));
}

TEST_F(edits, of_tsig_keys_that_cannot_work_are_refused_without_telling_them) {
  const auto why = [&](const std::string& algorithm, const std::string& secret) {
    const auto outcome = apply(zone::tsig_edit{"k"_n, algorithm, secret});
    EXPECT_FALSE(outcome.done);
    return outcome.notes.front();
  };
  EXPECT_THAT(why("gss-tsig", "c2VjcmV0"), HasSubstr("TSIG key k.: its algorithm"));
  EXPECT_THAT(why("hmac-sha256", "no base64!"), testing::Not(HasSubstr("no base64!")));
  EXPECT_THAT(why("hmac-sha256", ""), HasSubstr("base64"));
  EXPECT_THAT(why("hmac-sha256", "c2VjcmV"), HasSubstr("base64"));
}

TEST_F(edits, quarantine_bad_keys_without_telling_them) {
  sql(file_,
      "INSERT INTO cryptokeys (domain_id, flags, active, content) VALUES (1, 257, 1, 'hidden');"
      "INSERT INTO tsigkeys (name, algorithm, secret) VALUES ('k', 'hmac-sha256', 'hidden!')");
  const auto data = value_of(store_.read());
  EXPECT_THAT(data.keys, IsEmpty());
  EXPECT_THAT(data.tsig_keys, IsEmpty());
  ASSERT_EQ(data.quarantined.size(), 2U);
  for (const auto& row : data.quarantined)
    EXPECT_THAT(row.text + row.reason.detail, testing::Not(HasSubstr("hidden")));
}

// ---- where, and for how long

TEST_F(edits, on_a_follower_are_refused_with_the_name_of_the_writer) {
  value_of(store_.follow({3, "dns2"}));
  const std::string sentence =
      "this name server follows dns2: write there, or run thor-dns promote here";
  expect_refused(replace("www.example", "A", {}), sentence);
  expect_refused(apply(zone::tsig_edit{"k"_n, "hmac-sha256", "c2VjcmV0"}), sentence);
  expect_refused(apply(zone::metadata_edit{"example"_n, "X", {}}), sentence);
}

TEST_F(edits, do_not_wait_long_for_another_writer) {
  SQLite::Database other(file_, SQLite::OPEN_READWRITE);
  SQLite::Transaction held(other, SQLite::TransactionBehavior::IMMEDIATE);
  const zone::edit wanted = zone::metadata_edit{"example"_n, "X", {}};
  const auto outcome = store_.apply(wanted, rules_);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::busy);
}

// ---- zones with names that are in no list

class synthesised_zone_edits : public edits {
 protected:
  synthesised_zone_edits() { value_of(store_.ensure_domain(zone)); }

  bool set(const std::string& kind, std::vector<std::string> values) {
    return last_(apply(zone::metadata_edit{zone, kind, std::move(values)}));
  }
  bool add_key(bool active) {
    return last_(apply(zone::key_addition{
        zone,
        {.flags = 257, .active = active, .content = "Private-key-format: v1.2\nAlgorithm: 13\n"}}));
  }
  bool change_key(zone::key_edit::action what) {
    return last_(apply(zone::key_edit{what, zone, 1}));
  }
  bool narrow() { return set("NSEC3PARAM", {"1 0 0 -"}) && set("NSEC3NARROW", {"1"}); }

  const zone::name zone = "lookup.example"_n;
  std::string why_;

 private:
  bool last_(const zone::edit_outcome& outcome) {
    why_ = outcome.notes.empty() ? "" : outcome.notes.front();
    return outcome.done;
  }
};

TEST_F(synthesised_zone_edits, take_a_key_once_nsec3_is_narrow) {
  EXPECT_FALSE(add_key(true));
  EXPECT_THAT(why_, HasSubstr("pdnsutil set-nsec3 lookup.example. '1 0 0 -' narrow"));
  EXPECT_THAT(rows(file_, "SELECT * FROM cryptokeys"), IsEmpty());
  EXPECT_TRUE(set("NSEC3PARAM", {"1 0 0 -"}));
  EXPECT_FALSE(add_key(true));
  EXPECT_TRUE(set("NSEC3NARROW", {"1"}));
  EXPECT_TRUE(add_key(true));
}

TEST_F(synthesised_zone_edits, activate_no_key_before) {
  EXPECT_TRUE(add_key(false));
  EXPECT_FALSE(change_key(zone::key_edit::action::activate));
  EXPECT_TRUE(narrow());
  EXPECT_TRUE(change_key(zone::key_edit::action::activate));
}

TEST_F(synthesised_zone_edits, keep_narrow_nsec3_while_there_is_a_key) {
  EXPECT_TRUE(narrow());
  EXPECT_TRUE(add_key(true));
  EXPECT_FALSE(set("NSEC3NARROW", {}));
  EXPECT_FALSE(set("NSEC3NARROW", {"0"}));
  EXPECT_FALSE(set("NSEC3PARAM", {}));
  EXPECT_TRUE(set("NSEC3PARAM", {"1 0 0 ab"}));
  EXPECT_TRUE(change_key(zone::key_edit::action::remove));
  EXPECT_TRUE(set("NSEC3NARROW", {}));
}

TEST_F(synthesised_zone_edits, mend_what_somebody_wrote_by_sql) {
  EXPECT_TRUE(add_key(false));
  sql(file_, "UPDATE cryptokeys SET active = 1");
  EXPECT_TRUE(narrow()) << why_;
}

TEST_F(edits, of_other_zones_may_deny_as_they_like) {
  EXPECT_TRUE(apply(zone::key_addition{"example"_n,
                                       {.flags = 257,
                                        .active = true,
                                        .content = "Private-key-format: v1.2\nAlgorithm: 13\n"}})
                  .done);
}

} // namespace
} // namespace thor::store
