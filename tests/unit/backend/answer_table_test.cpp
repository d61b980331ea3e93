#include "backend/answer/answer_table.hpp"
#include "backend/answer/zone_answers.hpp"
#include "tests/support/synthetic_zone.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <optional>
#include <set>
#include <string>

namespace thor::backend {
namespace {

namespace json = boost::json;
using namespace std::string_view_literals;
using test::name_of;
using test::synthetic_zone;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::uint64_t some_time_s = 1'736'000'000;

std::shared_ptr<const answer_table>
table_of(std::vector<std::shared_ptr<const zone::contents>> zones,
         const answer_table* previous = nullptr) {
  return answer_table::build({.zones = test::snapshot_of(std::move(zones)),
                              .metadata = nullptr,
                              .server_id = "ns1",
                              .complete = true},
                             previous);
}

struct asked {
  outcome what = outcome::answered;
  std::string text;
};

asked ask(const answer_table* table, const request& question, connector via = connector::http,
          std::uint64_t unix_time_s = some_time_s) {
  asked out;
  reply made = answer(table, question, std::chrono::seconds(unix_time_s), via, out.text);
  out.what = made.what;
  while (!made.rest.empty()) {
    made.rest.append_to(out.text, 1);
  }
  return out;
}

/// The answer once PowerDNS may keep it.
std::string settled(const answer_table& table, const request& question) {
  for (std::uint32_t i = 0; i < unsettled_answers; ++i) {
    ask(&table, question);
  }
  return ask(&table, question).text;
}

json::value result_of(const answer_table& table, const request& question) {
  const asked got = ask(&table, question);
  EXPECT_EQ(got.what, outcome::answered) << got.text;
  return json::parse(got.text).at("result");
}

lookup_request lookup(std::string_view qname, zone::rr_type qtype = zone::rr_type::any,
                      std::optional<std::uint32_t> zone_id = std::nullopt) {
  return {.qname = name_of(qname), .qtype = qtype, .zone_id = zone_id};
}

/// The contents of all rows as zone::to_text writes them, and that each row is well formed.
std::multiset<std::string> contents_of(const json::value& rows) {
  std::multiset<std::string> out;
  for (const json::value& row : rows.as_array()) {
    EXPECT_TRUE(row.at("ttl").is_int64());
    EXPECT_TRUE(row.at("auth").is_int64());
    EXPECT_TRUE(row.at("domain_id").is_int64());
    out.insert(test::as_we_write(row.at("qtype").as_string(), row.at("content").as_string()));
  }
  return out;
}

TEST(answer, writes_a_row_as_powerdns_reads_it) {
  const auto table = table_of({build(synthetic_zone{.id = 7})});
  EXPECT_EQ(ask(table.get(), lookup("n3.node.sip.example.com.", zone::rr_type::a)).text,
            R"({"result":[{"qtype":"A","qname":"n3.node.sip.example.com.","content":"10.0.0.3",)"
            R"("ttl":30,"auth":1,"domain_id":7}]})");
  EXPECT_EQ(ask(table.get(), lookup("xcap.sip.example.com.")).text,
            R"({"result":[{"qtype":"TXT","qname":"xcap.sip.example.com.",)"
            R"("content":"\"https://xcap.sip.example.com./xcap-root\"","ttl":3600,"auth":1,)"
            R"("domain_id":7}]})");
}

TEST(answer, a_name_that_ends_a_content_is_written_without_the_last_dot_and_the_root_with_it) {
  const auto content = [](zone::rr_type type, const std::string& text) {
    zone::zone_input of{.apex = name_of("e."), .id = 1, .soa = {}, .soa_ttl_s = 1};
    of.rrsets.push_back(test::rrset_of("x.e.", type, 1, {text}));
    const auto table = table_of({zone::build(std::move(of), nullptr).zone});
    const json::value rows = result_of(*table, lookup("x.e.", type));
    return std::string(rows.at(0).at("content").as_string());
  };
  using enum zone::rr_type;
  EXPECT_EQ(content(srv, "10 100 5060 n1.e."), "10 100 5060 n1.e");
  EXPECT_EQ(content(srv, "0 0 0 ."), "0 0 0 .");
  EXPECT_EQ(content(mx, "10 m.e."), "10 m.e");
  EXPECT_EQ(content(cname, "."), ".");
  EXPECT_EQ(content(naptr, R"(10 100 "u" "E2U+sip" "!^.*$!sip:a@e!" .)"),
            R"(10 100 "u" "E2U+sip" "!^.*$!sip:a@e!" .)");
  EXPECT_EQ(content(txt, R"("the end.")"), R"("the end.")");
}

TEST(answer, any_at_the_apex_holds_the_soa_and_all_else) {
  const auto table = table_of({build(synthetic_zone{})});
  const json::value rows = result_of(*table, lookup("sip.example.com."));
  std::multiset<std::string> types;
  for (const json::value& row : rows.as_array()) {
    types.emplace(row.at("qtype").as_string());
  }
  EXPECT_EQ(types, (std::multiset<std::string>{"NAPTR", "NAPTR", "NAPTR", "NS", "NS", "SOA"}));
}

TEST(answer, a_lookup_of_a_type_holds_that_type_only) {
  const auto table = table_of({build(synthetic_zone{})});
  EXPECT_THAT(result_of(*table, lookup("sip.example.com.", zone::rr_type::soa)).as_array(),
              SizeIs(1));
  EXPECT_THAT(result_of(*table, lookup("sip.example.com.", zone::rr_type::ns)).as_array(),
              SizeIs(2));
  EXPECT_EQ(ask(table.get(), lookup("sip.example.com.", zone::rr_type::txt)).text,
            R"({"result":[]})");
  EXPECT_EQ(ask(table.get(), lookup("_sip._udp.sip.example.com.", zone::rr_type::soa)).text,
            R"({"result":[]})");
}

TEST(answer, a_name_without_records_exists) {
  const auto table = table_of({build(synthetic_zone{})});
  // An empty non-terminal, and a name that configuration alone promises.
  for (const auto& [name, auth] :
       {std::pair<std::string, std::string>("_udp.sip.example.com.", "1"),
        std::pair<std::string, std::string>("_xcap._tcp.sip.example.com.", "0")}) {
    EXPECT_EQ(ask(table.get(), lookup(name)).text, R"({"result":[{"qtype":"","qname":")" + name +
                                                       R"(","content":"","ttl":0,"auth":)" + auth +
                                                       R"(,"domain_id":1}]})");
    // Only `any` asks whether the name exists.
    EXPECT_EQ(ask(table.get(), lookup(name, zone::rr_type::soa)).text, R"({"result":[]})");
  }
}

TEST(answer, a_name_that_does_not_exist_has_no_row) {
  const auto table = table_of({build(synthetic_zone{})});
  for (const char* const name :
       {"nobody.sip.example.com.", "*.sip.example.com.", "n99.node.sip.example.com.",
        "a.b.n1.node.sip.example.com.", "elsewhere.org."}) {
    EXPECT_EQ(ask(table.get(), lookup(name)).text, R"({"result":[]})") << name;
  }
}

TEST(answer, nothing_is_ready_before_the_first_table) {
  const std::vector<request> questions{
      lookup("sip.example.com."),
      list_request{name_of("sip.example.com.")},
      all_domains_request{},
      domain_info_request{name_of("sip.example.com.")},
      all_metadata_request{name_of("sip.example.com.")},
      metadata_request{name_of("sip.example.com."), "ALSO-NOTIFY"sv},
      tsig_keys_request{},
      set_notified_request{},
      write_request(ents_request{method::feed_ents}),
  };
  for (const request& question : questions) {
    const asked got = ask(nullptr, question);
    EXPECT_EQ(got.what, outcome::not_ready);
    EXPECT_EQ(got.text, R"({"error":"not ready: no zone is loaded yet"})");
  }
  EXPECT_EQ(ask(nullptr, initialize_request{}).text, R"({"result":true})");
}

TEST(answer, while_the_members_are_unknown_static_names_answer_and_dynamic_names_do_not) {
  const auto table = table_of({build(synthetic_zone{.known = false})});
  for (const char* const name : {"sip.example.com.", "ns1.sip.example.com.",
                                 "xcap.sip.example.com.", "_udp.sip.example.com."}) {
    EXPECT_EQ(ask(table.get(), lookup(name)).what, outcome::answered) << name;
  }
  for (const char* const name : {"_sip._udp.sip.example.com.", "proxy.sip.example.com."}) {
    for (const zone::rr_type type :
         {zone::rr_type::any, zone::rr_type::a, zone::rr_type::soa, zone::rr_type::srv}) {
      const asked got = ask(table.get(), lookup(name, type));
      EXPECT_EQ(got.what, outcome::not_ready) << name;
      EXPECT_FALSE(json::parse(got.text).as_object().contains("result"));
    }
  }
}

TEST(answer, whether_a_name_exists_below_an_unknown_one_is_unknown_too) {
  const auto table = table_of({build(synthetic_zone{.known = false})});
  EXPECT_EQ(ask(table.get(), lookup("n1.node.sip.example.com.")).what, outcome::not_ready);
  EXPECT_EQ(ask(table.get(), lookup("*.node.sip.example.com.")).what, outcome::not_ready);
  EXPECT_EQ(ask(table.get(), lookup("nobody.sip.example.com.")).text, R"({"result":[]})");
  EXPECT_EQ(ask(table.get(), lookup("a.b.nobody.sip.example.com.")).text, R"({"result":[]})");
}

TEST(answer, a_transfer_is_whole_or_refused) {
  const auto unknown = table_of({build(synthetic_zone{.known = false})});
  EXPECT_EQ(ask(unknown.get(), list_request{name_of("sip.example.com.")}).what, outcome::not_ready);

  const auto zone = build(synthetic_zone{.members = 20, .slice = 4});
  std::multiset<std::string> wanted;
  for (const auto& node : zone->nodes) {
    for (const auto& set : node->rrsets) {
      for (const zone::rdata& record : set->records) {
        wanted.insert(zone::to_text(record));
      }
    }
  }
  const auto table = table_of({zone});
  const json::value rows = result_of(*table, list_request{name_of("sip.example.com.")});
  EXPECT_EQ(contents_of(rows), wanted);
}

TEST(answer, a_list_in_pieces_reads_the_same_as_in_one) {
  const auto table = table_of({build(synthetic_zone{.members = 50})});
  const std::string pieces = ask(table.get(), list_request{name_of("sip.example.com.")}).text;
  std::string whole;
  reply made = answer(table.get(), list_request{name_of("sip.example.com.")},
                      std::chrono::seconds(some_time_s), connector::http, whole);
  made.rest.append_to(whole, std::numeric_limits<std::uint32_t>::max());
  EXPECT_TRUE(made.rest.empty());
  EXPECT_EQ(pieces, whole);
}

TEST(answer, a_zone_that_is_not_ours_cannot_be_listed) {
  const auto table = table_of({build(synthetic_zone{})});
  EXPECT_EQ(ask(table.get(), list_request{name_of("example.com.")}).text, R"({"result":false})");
}

TEST(answer, the_unix_connector_gets_no_list_that_powerdns_cannot_read) {
  // SOA, 2 NS, 3 NAPTR, 2 addresses, 1 TXT; 3 SRV, 2 addresses, and 3 of its own for each member.
  const unsigned most = (unix_list_records_max - 9) / 8;
  const auto fits = table_of({build(synthetic_zone{.members = most})});
  const request question = list_request{name_of("sip.example.com.")};
  EXPECT_EQ(ask(fits.get(), question, connector::unix_socket).what, outcome::answered);
  const auto large = table_of({build(synthetic_zone{.members = most + 1})});
  const asked got = ask(large.get(), question, connector::unix_socket);
  EXPECT_EQ(got.what, outcome::too_large);
  EXPECT_THAT(got.text, HasSubstr("list of sip.example.com. has 4001 records"));
  EXPECT_FALSE(json::parse(got.text).as_object().contains("result"));
  EXPECT_EQ(ask(large.get(), question, connector::http).what, outcome::answered);
}

/// `count` zones of three names each.
std::vector<std::shared_ptr<const zone::contents>> hosted(std::uint32_t count) {
  std::vector<std::shared_ptr<const zone::contents>> out;
  for (std::uint32_t id = 1; id <= count; ++id) {
    const std::string apex = "z" + std::to_string(100'000 + id) + ".example.";
    out.push_back(zone::build({.apex = name_of(apex),
                               .id = id,
                               .soa = {},
                               .soa_ttl_s = 300,
                               .rrsets = {},
                               .promised = {},
                               .dynamic_known = true},
                              nullptr)
                      .zone);
  }
  return out;
}

TEST(answer, all_domains_are_all_or_not_ready) {
  const auto table = table_of(hosted(3));
  const json::value domains = result_of(*table, all_domains_request{});
  ASSERT_THAT(domains.as_array(), SizeIs(3));
  EXPECT_EQ(json::serialize(domains.at(1)),
            R"({"id":2,"zone":"z100002.example.","kind":"master","serial":0,"notified_serial":0,)"
            R"("last_check":0,"masters":[]})");

  EXPECT_EQ(ask(table_of({}).get(), all_domains_request{}).what, outcome::not_ready);
  const auto partial = answer_table::build({.zones = test::snapshot_of(hosted(3)),
                                            .metadata = nullptr,
                                            .server_id = "ns1",
                                            .complete = false},
                                           nullptr);
  EXPECT_EQ(ask(partial.get(), all_domains_request{}).what, outcome::not_ready);
}

TEST(answer, both_groups_of_zones_are_one_to_those_who_ask) {
  const auto group = test::snapshot_of(hosted(2));
  const auto build_beside = [&](std::uint32_t serial, const answer_table* previous) {
    return answer_table::build(
        {.zones = test::snapshot_of({build(synthetic_zone{.id = 77, .serial = serial})}),
         .hosted = group,
         .metadata = nullptr,
         .server_id = "ns1",
         .complete = true},
        previous);
  };
  const auto first = build_beside(1, nullptr);
  const auto table = build_beside(2, first.get());
  EXPECT_THAT(result_of(*table, all_domains_request{}).as_array(), SizeIs(3));
  EXPECT_EQ(result_of(*table, domain_info_request{name_of("sip.example.com")}).at("serial"), 2);
  EXPECT_EQ(result_of(*table, domain_info_request{name_of("z100002.example.")}).at("id"), 2);
  for (const auto* owner : {"z100001.example.", "sip.example.com."}) {
    EXPECT_FALSE(result_of(*table, lookup(owner)).as_array().empty()) << owner;
  }
  EXPECT_FALSE(
      result_of(*table, lookup("z100001.example.", zone::rr_type::any, 1)).as_array().empty());
  EXPECT_EQ(ask(table.get(), lookup("elsewhere.org.")).text, R"({"result":[]})");
}

TEST(answer, hosted_zones_that_were_written_elsewhere_are_taken_over) {
  const auto group = test::snapshot_of(hosted(2));
  const auto build_beside = [&](const char* server_id,
                                std::shared_ptr<const answer_table> written) {
    return answer_table::build(
        {.zones = test::snapshot_of({build(synthetic_zone{.id = 77, .serial = 1})}),
         .hosted = group,
         .written = std::move(written),
         .metadata = nullptr,
         .server_id = server_id,
         .complete = true},
        nullptr);
  };
  const auto elsewhere = build_beside("ns1", nullptr);
  const auto holders = group.use_count();
  const auto table = build_beside("ns1", elsewhere);
  EXPECT_EQ(group.use_count(), holders) << "nothing was written again";
  EXPECT_EQ(result_of(*table, domain_info_request{name_of("z100002.example.")}).at("id"), 2);
  const auto other_server = build_beside("ns2", elsewhere);
  EXPECT_EQ(group.use_count(), holders + 1) << "another name server has other slices";
}

TEST(answer, the_unix_connector_gets_no_more_domains_than_powerdns_can_read) {
  const auto fits = table_of(hosted(unix_domains_max));
  EXPECT_EQ(ask(fits.get(), all_domains_request{}, connector::unix_socket).what, outcome::answered);
  const auto large = table_of(hosted(unix_domains_max + 1));
  EXPECT_EQ(ask(large.get(), all_domains_request{}, connector::unix_socket).what,
            outcome::too_large);
  EXPECT_EQ(ask(large.get(), all_domains_request{}, connector::http).what, outcome::answered);
}

TEST(answer, a_missing_zone_is_not_ready_until_all_zones_are_known) {
  const auto partial = answer_table::build({.zones = test::snapshot_of(hosted(1)),
                                            .metadata = nullptr,
                                            .server_id = "ns1",
                                            .complete = false},
                                           nullptr);
  const zone::name elsewhere = name_of("elsewhere.org.");
  for (const request& question :
       {request(lookup("elsewhere.org.")), request(lookup("elsewhere.org.", zone::rr_type::a, 9)),
        request(list_request{elsewhere}), request(domain_info_request{elsewhere}),
        request(all_metadata_request{elsewhere}), request(metadata_request{elsewhere, "X"sv})}) {
    EXPECT_EQ(ask(partial.get(), question).what, outcome::not_ready);
  }
  EXPECT_EQ(ask(partial.get(), lookup("z100001.example.")).what, outcome::answered);
}

TEST(answer, domain_info_is_the_domain_or_false) {
  const auto table = table_of({build(synthetic_zone{.id = 4, .serial = 42})});
  EXPECT_EQ(ask(table.get(), domain_info_request{name_of("SIP.example.com")}).text,
            R"({"result":{"id":4,"zone":"sip.example.com.","kind":"master","serial":42,)"
            R"("notified_serial":42,"last_check":0,"masters":[]}})");
  EXPECT_EQ(ask(table.get(), domain_info_request{name_of("node.sip.example.com.")}).text,
            R"({"result":false})");
}

TEST(answer, metadata_is_what_the_table_was_given) {
  const auto metadata = std::make_shared<std::map<zone::name, zone_metadata>>();
  (*metadata)[name_of("sip.example.com.")] = {{"ALSO-NOTIFY", {"192.0.2.1", "192.0.2.2"}},
                                              {"X-NOTE", {"say \"hi\""}}};
  const auto table =
      answer_table::build({.zones = test::snapshot_of({build(synthetic_zone{}), hosted(1)[0]}),
                           .metadata = metadata,
                           .server_id = "ns1",
                           .complete = true},
                          nullptr);
  const auto text = [&](const request& question) { return ask(table.get(), question).text; };
  EXPECT_EQ(text(all_metadata_request{name_of("sip.example.com.")}),
            R"({"result":{"ALSO-NOTIFY":["192.0.2.1","192.0.2.2"],"X-NOTE":["say \"hi\""]}})");
  EXPECT_EQ(text(all_metadata_request{name_of("z100001.example.")}), R"({"result":{}})");
  EXPECT_EQ(text(metadata_request{name_of("sip.example.com."), "ALSO-NOTIFY"sv}),
            R"({"result":["192.0.2.1","192.0.2.2"]})");
  EXPECT_EQ(text(metadata_request{name_of("sip.example.com."), "also-notify"sv}),
            R"({"result":[]})");
  EXPECT_EQ(text(metadata_request{name_of("elsewhere.org."), "ALSO-NOTIFY"sv}),
            R"({"result":false})");
}

TEST(answer, what_there_is_none_of_is_an_empty_list) {
  const auto table = table_of({build(synthetic_zone{})});
  for (const method what : {method::get_updated_masters, method::get_unfresh_slave_infos}) {
    EXPECT_EQ(ask(table.get(), nothing_request{what}).text, R"({"result":[]})");
  }
  EXPECT_EQ(ask(table.get(), domain_keys_request{name_of("sip.example.com.")}).text,
            R"({"result":[]})");
  EXPECT_EQ(ask(table.get(), tsig_keys_request{}).text, R"({"result":[]})");
  EXPECT_EQ(ask(table.get(), tsig_key_request{name_of("k.")}).text, R"({"result":false})");
  EXPECT_EQ(ask(table.get(), set_notified_request{}).text, R"({"result":true})");
}

TEST(answer, keys_are_told_to_who_asks_for_them) {
  auto secrets = std::make_shared<backend::secrets>();
  secrets->keys[name_of("sip.example.com.")] = {
      {.id = 3, .flags = 257, .active = true, .published = true, .content = "Private-key: a\nb"},
      {.id = 4, .flags = 256, .active = false, .published = false, .content = "c"}};
  secrets->tsig_keys[name_of("k.example.")] = {
      .owner = name_of("k.example."), .algorithm = "hmac-sha256.", .secret = "c2VjcmV0"};
  const auto table = answer_table::build({.zones = test::snapshot_of({build(synthetic_zone{})}),
                                          .metadata = nullptr,
                                          .secrets = secrets,
                                          .server_id = "ns1",
                                          .complete = true},
                                         nullptr);
  EXPECT_EQ(ask(table.get(), domain_keys_request{name_of("sip.example.com.")}).text,
            R"({"result":[{"id":3,"flags":257,"active":true,"published":true,)"
            R"("content":"Private-key: a\u000ab"},)"
            R"({"id":4,"flags":256,"active":false,"published":false,"content":"c"}]})");
  EXPECT_EQ(ask(table.get(), domain_keys_request{name_of("example.com.")}).text,
            R"({"result":[]})");
  const std::string key =
      R"({"name":"k.example.","algorithm":"hmac-sha256.","content":"c2VjcmV0"})";
  EXPECT_EQ(ask(table.get(), tsig_key_request{name_of("k.example.")}).text,
            "{\"result\":" + key + "}");
  EXPECT_EQ(ask(table.get(), tsig_key_request{name_of("other.")}).text, R"({"result":false})");
  EXPECT_EQ(ask(table.get(), tsig_keys_request{}).text, "{\"result\":[" + key + "]}");
}

TEST(answer, the_api_sees_all_members_of_a_sliced_set) {
  const auto table = table_of({build(synthetic_zone{.members = 20, .slice = 8, .sites = 2})});
  lookup_request question = lookup("_sip._udp.sip.example.com.", zone::rr_type::srv);
  EXPECT_THAT(result_of(*table, question).as_array(), SizeIs(8));
  question.for_api = true;
  EXPECT_THAT(result_of(*table, question).as_array(), SizeIs(20));
  EXPECT_THAT(ask(table.get(), question).text, testing::Not(HasSubstr("scopeMask")));
  question.qtype = zone::rr_type::any;
  EXPECT_THAT(result_of(*table, question).as_array(), SizeIs(20));
}

TEST(answer, a_search_finds_owners_and_contents) {
  const auto table = table_of({build(synthetic_zone{})});
  const auto found = [&](std::string pattern, std::uint32_t max = 100) {
    std::multiset<std::string> out;
    const json::value rows = result_of(*table, search_request{std::move(pattern), max});
    for (const json::value& row : rows.as_array()) {
      out.insert(std::string(row.at("qname").as_string()) + " " +
                 std::string(row.at("qtype").as_string()));
    }
    return out;
  };
  const std::multiset<std::string> n3{"n3.node.sip.example.com. A", "n3.node.sip.example.com. AAAA",
                                      "n3.node.sip.example.com. TXT"};
  EXPECT_EQ(found("n3.node.sip.example.com"), n3);
  EXPECT_EQ(found("N3.node.sip.example.com."), n3);
  EXPECT_EQ(found("n3.*").size(), 3U);
  EXPECT_EQ(found("n?.node.*").size(), 30U);
  EXPECT_EQ(found("n?.node.*", 7).size(), 7U);
  EXPECT_TRUE(found("n?.node.*", 0).empty());
  EXPECT_EQ(found("10.0.0.3"),
            (std::multiset<std::string>{"n3.node.sip.example.com. A", "proxy.sip.example.com. A"}));
  EXPECT_EQ(found("* 5061 N3.node.sip.example.com"),
            (std::multiset<std::string>{"_sips._tcp.sip.example.com. SRV"}));
  EXPECT_TRUE(found("node").empty());
  const asked refused = ask(table.get(), search_request{std::string(2000, '*'), 1});
  EXPECT_EQ(refused.what, outcome::declined);
}

TEST(answer, a_command_of_the_operator_is_answered_in_words) {
  const auto table = table_of({build(synthetic_zone{.serial = 7})});
  const auto said = [&](std::string words) {
    return std::string(result_of(*table, command_request{std::move(words)}).as_string());
  };
  EXPECT_EQ(said("zones"), "sip.example.com. serial 7, 89 records\n");
  EXPECT_EQ(said("zone SIP.example.com"), said("zones"));
  EXPECT_EQ(said("zone example.com"), "there is no such zone\n");
  EXPECT_EQ(said("status"), "1 zones (0 with keys), 89 records\n");
  EXPECT_EQ(said("help"), "Thor knows: status, zones, zone NAME\n");
}

TEST(answer, a_write_is_declined_in_words) {
  const auto table = table_of({build(synthetic_zone{})});
  const asked got = ask(table.get(), write_request(ents_request{method::feed_ents}));
  EXPECT_EQ(got.what, outcome::declined);
  EXPECT_EQ(got.text, R"({"result":false,"log":["Thor does not offer \"feedEnts\": this )"
                      R"(backend is read-only, its zones follow the overlay"]})");
}

/// A parent that delegates `child.parent.example.` and holds its glue, and the child itself.
struct family {
  std::shared_ptr<const zone::contents> parent;
  std::shared_ptr<const zone::contents> child;

  family() {
    using enum zone::rr_type;
    const auto make = [](std::string_view apex, std::uint32_t id, std::vector<zone::rrset> rrsets) {
      return zone::build({.apex = name_of(apex),
                          .id = id,
                          .soa = {},
                          .soa_ttl_s = 300,
                          .rrsets = std::move(rrsets),
                          .promised = {},
                          .dynamic_known = true},
                         nullptr)
          .zone;
    };
    child = make("child.parent.example.", 2,
                 {test::rrset_of("child.parent.example.", ns, 60, {"ns.child.parent.example."}),
                  test::rrset_of("ns.child.parent.example.", a, 60, {"192.0.2.2"})});
    parent = make("parent.example.", 1,
                  {test::rrset_of("parent.example.", ns, 60, {"ns.parent.example."}),
                   test::rrset_of("child.parent.example.", ns, 60, {"ns.child.parent.example."}),
                   test::rrset_of("child.parent.example.", ds, 60, {"1 13 2 AA"}),
                   test::rrset_of("ns.child.parent.example.", a, 60, {"192.0.2.1"})});
  }
};

TEST(answer, the_zone_id_chooses_between_parent_and_child) {
  const family both;
  const auto table = table_of({both.parent, both.child});
  const auto address = [&](std::optional<std::uint32_t> zone_id) {
    return contents_of(
        result_of(*table, lookup("ns.child.parent.example.", zone::rr_type::a, zone_id)));
  };
  EXPECT_EQ(address(1), std::multiset<std::string>{"192.0.2.1"});
  EXPECT_EQ(address(2), std::multiset<std::string>{"192.0.2.2"});
  EXPECT_EQ(address(std::nullopt), std::multiset<std::string>{"192.0.2.2"});
  EXPECT_EQ(address(3), std::multiset<std::string>{});
}

TEST(answer, without_a_zone_id_the_nearest_zone_alone_answers) {
  const family both;
  const auto table = table_of({both.parent, both.child});
  EXPECT_THAT(result_of(*table, lookup("child.parent.example.", zone::rr_type::soa)).as_array(),
              SizeIs(1));
  EXPECT_THAT(result_of(*table, lookup("child.parent.example.", zone::rr_type::ds)).as_array(),
              SizeIs(0));
  EXPECT_THAT(result_of(*table, lookup("parent.example.", zone::rr_type::soa)).as_array(),
              SizeIs(1));
}

TEST(answer, auth_is_0_for_delegations_and_glue) {
  const family both;
  const auto table = table_of({both.parent});
  const auto auth = [&](std::string_view name, zone::rr_type type) {
    return result_of(*table, lookup(name, type)).at(0).at("auth").as_int64();
  };
  EXPECT_EQ(auth("child.parent.example.", zone::rr_type::ns), 0);
  EXPECT_EQ(auth("child.parent.example.", zone::rr_type::ds), 1);
  EXPECT_EQ(auth("ns.child.parent.example.", zone::rr_type::a), 0);
  EXPECT_EQ(auth("parent.example.", zone::rr_type::ns), 1);
}

TEST(answer, a_slice_holds_k_members_and_all_lookups_of_a_second_agree) {
  const auto table = table_of({build(synthetic_zone{.members = 20, .slice = 6})});
  const auto members = [&](zone::rr_type type, std::uint64_t time_s) {
    return ask(table.get(), lookup("_sip._udp.sip.example.com.", type), connector::http, time_s)
        .text;
  };
  std::set<std::string> seen;
  for (std::uint64_t second = 0; second < 20;
       ++second) { // the window goes around, and over the end
    const std::string text = members(zone::rr_type::any, some_time_s + second);
    const auto contents = contents_of(json::parse(text).at("result"));
    EXPECT_EQ(std::set(contents.begin(), contents.end()).size(), 6U);
    seen.insert(contents.begin(), contents.end());
  }
  EXPECT_THAT(seen, SizeIs(20));
  const std::string now = members(zone::rr_type::any, some_time_s);
  EXPECT_EQ(members(zone::rr_type::srv, some_time_s), now);
  EXPECT_NE(members(zone::rr_type::any, some_time_s + 1), now);
  EXPECT_THAT(result_of(*table, lookup("proxy.sip.example.com.")).as_array(), SizeIs(12));
}

TEST(answer, a_set_that_fits_in_the_slice_is_whole) {
  const auto table = table_of({build(synthetic_zone{.members = 6, .slice = 6})});
  EXPECT_THAT(result_of(*table, lookup("_sip._udp.sip.example.com.")).as_array(), SizeIs(6));
}

TEST(answer, name_servers_hand_out_different_slices) {
  const auto zone = build(synthetic_zone{.members = 40, .slice = 4});
  std::set<std::string> answers;
  for (const char* const server : {"ns1", "ns2", "ns3", "ns4"}) {
    const auto table = answer_table::build({.zones = test::snapshot_of({zone}),
                                            .metadata = nullptr,
                                            .server_id = server,
                                            .complete = true},
                                           nullptr);
    answers.insert(ask(table.get(), lookup("_sip._udp.sip.example.com.")).text);
  }
  EXPECT_GT(answers.size(), 2U);
}

TEST(answer_table, a_later_table_answers_like_one_made_from_scratch) {
  const auto first = build(synthetic_zone{.members = 10});
  auto next_of = synthetic_zone{.serial = 2'025'010'102, .members = 12};
  const auto second = build(next_of, first.get());
  const auto before = table_of({first});
  const auto after = table_of({second}, before.get());
  const auto scratch = table_of({build(next_of)});
  EXPECT_EQ(ask(after.get(), list_request{name_of("sip.example.com.")}).text,
            ask(scratch.get(), list_request{name_of("sip.example.com.")}).text);
  for (const auto& node : second->nodes) {
    const lookup_request question{.qname = node->owner, .qtype = zone::rr_type::any, .zone_id = 1};
    EXPECT_EQ(settled(*after, question), ask(scratch.get(), question).text);
  }
  // A member of the first that left.
  const auto back = table_of({build(synthetic_zone{.members = 9}, second.get())}, after.get());
  EXPECT_EQ(ask(back.get(), lookup("n11.node.sip.example.com.")).text, R"({"result":[]})");
}

TEST(answer_table, the_first_answers_of_a_name_that_changed_are_kept_out_of_caches) {
  const auto first = build(synthetic_zone{.members = 10});
  const auto before = table_of({first});
  const auto after = table_of(
      {build(synthetic_zone{.serial = 2'025'010'102, .members = 12}, first.get())}, before.get());
  const auto is_kept_out = [&](std::string_view name) {
    return ask(after.get(), lookup(name)).text.contains("\"scopeMask\":1,");
  };
  const json::value rows = result_of(*after, lookup("_sip._udp.sip.example.com."));
  EXPECT_EQ(rows.at(0).at("scopeMask"), 1);
  EXPECT_THAT(contents_of(rows), SizeIs(8)) << "a slice";
  for (std::uint32_t i = 1; i < unsettled_answers; ++i) {
    ASSERT_TRUE(is_kept_out("_sip._udp.sip.example.com.")) << i;
  }
  EXPECT_FALSE(is_kept_out("_sip._udp.sip.example.com."));
  EXPECT_FALSE(is_kept_out("n11.node.sip.example.com.")) << "a new name";
  EXPECT_FALSE(is_kept_out("n3.node.sip.example.com.")) << "nothing changed";
  EXPECT_FALSE(is_kept_out("sip.example.com.")) << "nothing but the SOA changed";
}

TEST(answer_table, a_zone_with_another_id_is_written_anew) {
  const auto zone = build(synthetic_zone{.id = 1});
  auto renumbered = std::make_shared<zone::contents>(*zone);
  renumbered->id = 2;
  const auto before = table_of({zone});
  const auto after = table_of({renumbered}, before.get());
  EXPECT_THAT(ask(after.get(), lookup("sip.example.com.")).text, HasSubstr("\"domain_id\":2}"));
}

TEST(zone_answers, takes_over_what_was_written_for_the_same_node) {
  const auto first = build(synthetic_zone{.members = 10});
  const auto second = build(synthetic_zone{.serial = 2'025'010'102, .members = 10}, first.get());
  const zone_answers before(first, 1, nullptr);
  const zone_answers after(second, 1, &before);
  for (const auto& node : second->nodes) {
    const bool is_apex = node->owner == second->apex; // its SOA changed
    EXPECT_EQ(after.find(node->owner.wire()) == before.find(node->owner.wire()), !is_apex)
        << node->owner.text();
  }
}

} // namespace
} // namespace thor::backend
