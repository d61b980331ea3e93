#include "backend/answer/pending.hpp"
#include "backend/answer/writing.hpp"
#include "tests/support/synthetic_zone.hpp"

#include <boost/json/parse.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace thor::backend {
namespace {

namespace json = boost::json;
using test::name_of;
using testing::HasSubstr;

constexpr std::int64_t id = 1'800'000'000;
constexpr std::string_view accepted = R"({"result":true})";

zone::rrset_edit adding(std::string_view owner, std::string content) {
  return {.how = zone::rrset_edit::kind::add,
          .owner = name_of(owner),
          .type = {},
          .records = {{.type = "A", .ttl_s = 300, .content = std::move(content)}}};
}

zone::rrset_edit replacing(std::string_view owner, std::string type,
                           std::vector<zone::written_record> records) {
  return {.how = zone::rrset_edit::kind::replace,
          .owner = name_of(owner),
          .type = std::move(type),
          .records = std::move(records)};
}

/// One connection that writes to a table with sip.example.com. (id 1) and other.example. (id 2).
class writing : public testing::Test {
 protected:
  std::string said(write_request asked) {
    std::string out;
    wanted_ = decide(std::move(asked), open_, *table_, out).wanted;
    return out;
  }
  std::string step(zone::rrset_edit what, std::optional<std::uint32_t> zone_id = std::nullopt,
                   std::optional<std::int64_t> transaction = id) {
    return said(step_request{.what = method::feed_record,
                             .zone_id = zone_id,
                             .transaction = transaction,
                             .step = std::move(what)});
  }
  std::string begin(std::optional<std::uint32_t> zone_id = std::nullopt) {
    return said(begin_request{name_of("sip.example.com."), zone_id, id});
  }
  /// The result of a lookup on this connection.
  json::value looked_up(std::string_view qname, zone::rr_type qtype = zone::rr_type::any) {
    std::string out;
    answer(table_.get(), lookup_request{.qname = name_of(qname), .qtype = qtype, .zone_id = 1U},
           std::chrono::seconds(0), connector::http, out, open_.pending());
    return json::parse(out).at("result");
  }
  std::vector<std::string> contents(std::string_view qname,
                                    zone::rr_type qtype = zone::rr_type::any) {
    std::vector<std::string> out;
    for (const json::value& row : looked_up(qname, qtype).as_array()) {
      out.push_back(std::string(row.at("qtype").as_string()) + " " +
                    std::string(row.at("content").as_string()));
    }
    std::ranges::sort(out);
    return out;
  }

  transaction open_;
  std::optional<zone::edit> wanted_;
  std::shared_ptr<const answer_table> table_ = answer_table::build(
      {.zones = test::snapshot_of({build(test::synthetic_zone{}),
                                   build(test::synthetic_zone{.apex = "other.example.", .id = 2})}),
       .metadata = nullptr,
       .server_id = "ns1",
       .complete = true},
      nullptr);
};

TEST_F(writing, a_transaction_leaves_as_one_edit_at_its_commit) {
  EXPECT_EQ(begin(), accepted);
  EXPECT_EQ(step(adding("a.sip.example.com.", "192.0.2.1")), accepted);
  EXPECT_EQ(step(replacing("b.sip.example.com.", "A", {}), 1U), accepted);
  EXPECT_FALSE(wanted_);
  EXPECT_EQ(said(commit_request{id}), "");
  EXPECT_EQ(wanted_,
            zone::edit(zone::zone_edit{.apex = name_of("sip.example.com."),
                                       .whole_zone = false,
                                       .steps = {adding("a.sip.example.com.", "192.0.2.1"),
                                                 replacing("b.sip.example.com.", "A", {})}}));
  EXPECT_THAT(said(commit_request{id}), HasSubstr("no transaction 1800000000 was begun"));
}

TEST_F(writing, a_transaction_with_the_zone_s_id_replaces_all_of_it) {
  EXPECT_EQ(begin(1U), accepted);
  said(commit_request{id});
  ASSERT_TRUE(wanted_);
  EXPECT_TRUE(std::get<zone::zone_edit>(*wanted_).whole_zone);
}

TEST_F(writing, a_transaction_of_a_zone_that_is_not_ours_is_declined) {
  EXPECT_THAT(said(begin_request{name_of("example.org."), std::nullopt, id}),
              HasSubstr("there is no zone example.org."));
  EXPECT_THAT(begin(2U), HasSubstr("the id of the zone sip.example.com. is not 2"));
  EXPECT_THAT(said(commit_request{id}), HasSubstr("no transaction"));
}

TEST_F(writing, a_step_names_the_transaction_it_belongs_to) {
  EXPECT_THAT(step(adding("a.sip.example.com.", "192.0.2.1")), HasSubstr("no transaction"));
  begin();
  EXPECT_THAT(step(adding("a.sip.example.com.", "192.0.2.1"), std::nullopt, id + 1),
              HasSubstr("no transaction 1800000001"));
  EXPECT_EQ(step(adding("b.sip.example.com.", "192.0.2.2")), accepted);
  said(commit_request{id});
  ASSERT_TRUE(wanted_);
  EXPECT_EQ(std::get<zone::zone_edit>(*wanted_).steps.size(), 1U);
}

TEST_F(writing, an_aborted_transaction_is_gone) {
  begin();
  step(adding("a.sip.example.com.", "192.0.2.1"));
  EXPECT_EQ(said(abort_request{id}), accepted);
  EXPECT_EQ(open_.pending(), nullptr);
  EXPECT_THAT(said(abort_request{id}), HasSubstr("no transaction"));
  EXPECT_THAT(said(commit_request{id}), HasSubstr("no transaction"));
}

TEST_F(writing, a_new_transaction_takes_the_place_of_one_that_powerdns_gave_up) {
  begin();
  step(adding("a.sip.example.com.", "192.0.2.1"));
  EXPECT_EQ(said(begin_request{name_of("other.example."), std::nullopt, id}), accepted);
  said(commit_request{id});
  ASSERT_TRUE(wanted_);
  EXPECT_EQ(std::get<zone::zone_edit>(*wanted_),
            (zone::zone_edit{.apex = name_of("other.example."), .whole_zone = false, .steps = {}}));
}

TEST_F(writing, a_step_that_cannot_be_taken_spoils_the_commit) {
  begin();
  EXPECT_EQ(step(adding("a.sip.example.com.", "192.0.2.1")), accepted);
  EXPECT_THAT(step(adding("a.other.example.", "192.0.2.1")),
              HasSubstr("a.other.example. is not in the zone sip.example.com."));
  EXPECT_THAT(step(adding("b.sip.example.com.", "192.0.2.1")), HasSubstr("is not in the zone"));
  EXPECT_THAT(said(commit_request{id}), HasSubstr("is not in the zone"));
  EXPECT_FALSE(wanted_);

  begin();
  EXPECT_THAT(step(adding("a.sip.example.com.", "192.0.2.1"), 2U),
              HasSubstr("a step is for another zone than sip.example.com."));
  EXPECT_THAT(said(commit_request{id}), HasSubstr("another zone"));

  begin();
  open_.spoil("could not be read");
  EXPECT_THAT(said(commit_request{id}), HasSubstr("could not be read"));
  begin();
  EXPECT_EQ(step(adding("a.sip.example.com.", "192.0.2.1")), accepted);
}

TEST_F(writing, a_transaction_is_bounded) {
  begin();
  zone::rrset_edit large =
      adding("a.sip.example.com.", std::string(transaction_octets_max / 2, 'x'));
  EXPECT_EQ(step(large), accepted);
  EXPECT_THAT(step(std::move(large)), HasSubstr("the transaction is larger than"));
  EXPECT_TRUE(open_.pending()->steps.empty());
  EXPECT_THAT(said(commit_request{id}), HasSubstr("the transaction is larger than"));

  begin();
  zone::rrset_edit many = adding("a.sip.example.com.", "192.0.2.1");
  many.records.resize(transaction_records_max + 1);
  EXPECT_THAT(step(std::move(many)), HasSubstr("the transaction is larger than"));
}

TEST_F(writing, a_step_without_a_transaction_is_an_edit_of_its_own) {
  EXPECT_EQ(step(adding("a.other.example.", "192.0.2.1"), std::nullopt, std::nullopt), "");
  EXPECT_EQ(wanted_,
            zone::edit(zone::zone_edit{.apex = name_of("other.example."),
                                       .whole_zone = false,
                                       .steps = {adding("a.other.example.", "192.0.2.1")}}));
  EXPECT_EQ(step(replacing("a.other.example.", "ANY", {}), 2U, std::nullopt), "");
  EXPECT_TRUE(wanted_);
  EXPECT_THAT(step(adding("a.example.org.", "192.0.2.1"), std::nullopt, std::nullopt),
              HasSubstr("there is no such zone"));
  EXPECT_THAT(step(adding("a.other.example.", "192.0.2.1"), 1U, std::nullopt),
              HasSubstr("a.other.example. is not in the zone sip.example.com."));
  EXPECT_THAT(step(adding("a.other.example.", "192.0.2.1"), 7U, std::nullopt),
              HasSubstr("there is no such zone"));
}

TEST_F(writing, names_without_records_are_taken_and_not_kept) {
  EXPECT_EQ(said(ents_request{method::feed_ents}), accepted);
  EXPECT_FALSE(wanted_);
}

TEST_F(writing, a_connection_finds_what_it_has_written_and_not_committed) {
  const std::string host = "n3.node.sip.example.com.";
  const std::vector<std::string> published{"A 10.0.0.3", "AAAA 2001:db8:1::3", "TXT \"sip_proxy\""};
  EXPECT_EQ(contents(host), published);
  begin();
  EXPECT_EQ(contents(host), published);
  // Two deletions from one set, as DNS UPDATE has PowerDNS make them: each from what it read.
  step(replacing(host, "A", {{"A", 30, "10.0.0.3"}, {"A", 30, "10.0.0.4"}, {"A", 30, "10.0.0.5"}}));
  EXPECT_EQ(contents(host, zone::rr_type::a),
            (std::vector<std::string>{"A 10.0.0.3", "A 10.0.0.4", "A 10.0.0.5"}));
  step(replacing(host, "A", {{"A", 30, "10.0.0.4"}, {"A", 30, "10.0.0.5"}}));
  step(adding(host, "10.0.0.5"));
  step(adding(host, "10.0.0.6"));
  EXPECT_EQ(contents(host, zone::rr_type::a),
            (std::vector<std::string>{"A 10.0.0.4", "A 10.0.0.5", "A 10.0.0.6"}));
  step(replacing(host, "ANY", {}));
  EXPECT_EQ(contents(host), (std::vector<std::string>{" "}));
  EXPECT_TRUE(contents(host, zone::rr_type::a).empty());
  step(adding("new.sip.example.com.", "192.0.2.9"));
  EXPECT_EQ(looked_up("new.sip.example.com."),
            json::parse(R"([{"qtype":"A","qname":"new.sip.example.com.","content":"192.0.2.9",)"
                        R"("ttl":300,"auth":1,"domain_id":1}])"));
  // Names that it has not written are as they were, and all are for everybody else.
  EXPECT_EQ(contents("n4.node.sip.example.com.").size(), 3U);
  std::string others;
  answer(table_.get(), lookup_request{.qname = name_of(host), .zone_id = 1U},
         std::chrono::seconds(0), connector::http, others);
  EXPECT_THAT(others, HasSubstr("10.0.0.3"));
  said(abort_request{id});
  EXPECT_EQ(contents(host), published);
}

TEST_F(writing, the_outcome_is_told_with_its_notes) {
  const auto told = [](method what, const zone::edit_outcome& of) {
    std::string out;
    append_outcome(out, what, of);
    return out;
  };
  EXPECT_EQ(told(method::commit_transaction, {.done = true, .key_id = 0, .notes = {}}), accepted);
  EXPECT_EQ(told(method::commit_transaction, {.done = true, .key_id = 0, .notes = {"a", "b"}}),
            R"({"result":true,"log":["a","b"]})");
  EXPECT_EQ(told(method::add_domain_key, {.done = true, .key_id = 12, .notes = {}}),
            R"({"result":12})");
  EXPECT_EQ(told(method::add_domain_key, {.done = false, .key_id = 0, .notes = {"no"}}),
            R"({"result":false,"log":["no"]})");
}

TEST_F(writing, the_log_is_told_what_an_edit_is_about_and_no_secret) {
  const zone::name apex = name_of("e.");
  EXPECT_EQ(subject_of(zone::zone_edit{apex, false, {adding("a.e.", "secret")}}),
            "1 changes of e.");
  EXPECT_EQ(subject_of(zone::zone_edit{apex, true, {}}), "0 records as the whole of e.");
  EXPECT_EQ(subject_of(zone::metadata_edit{apex, "KIND", {"secret"}}), "metadata \"KIND\" of e.");
  zone::key_addition key{.apex = apex, .key = {}};
  key.key.content = "secret";
  EXPECT_EQ(subject_of(key), "a new key of e.");
  EXPECT_EQ(subject_of(zone::key_edit{zone::key_edit::action::activate, apex, 3}),
            "activation of key 3 of e.");
  EXPECT_EQ(subject_of(zone::tsig_edit{apex, "hmac-md5.", "secret"}), "TSIG key e.");
  EXPECT_EQ(subject_of(zone::tsig_edit{apex, "", std::nullopt}), "removal of TSIG key e.");
}

} // namespace
} // namespace thor::backend
