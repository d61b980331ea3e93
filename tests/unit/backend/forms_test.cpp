// Every method in all forms it is written in, as PowerDNS writes them.
#include "backend/protocol/json_text.hpp"
#include "backend/protocol/methods.hpp"
#include "backend/protocol/read.hpp"
#include "tests/support/synthetic_zone.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace thor::backend {
namespace {

using namespace std::string_view_literals;
using test::name_of;

/// The REST of PowerDNS 5.0, which writes truth values with their keys.
struct rest_call {
  std::string verb;
  std::string path; ///< after the method
  std::string body{};
  std::string zone_id{};
  std::string transaction{};
};

struct call {
  std::string method;
  std::string parameters;
  request meant;
  std::optional<rest_call> rest;
};

zone::written_record record(std::string type, std::string content, std::uint32_t ttl_s = 300) {
  return {.type = std::move(type), .ttl_s = ttl_s, .content = std::move(content)};
}

write_request key_edit_request(method what, zone::key_edit::action action) {
  return edit_request{what, zone::key_edit{.what = action, .apex = name_of("e."), .id = 7}};
}

std::vector<call> reading_calls() {
  const zone::name zone = name_of("e.");
  return {
      {"initialize", R"({"path":"/run/x"})", initialize_request{}, std::nullopt},
      {"lookup",
       R"({"qname":"A.e.","qtype":"MX","zone-id":3,"remote":"192.0.2.1","local":"0.0.0.0"})",
       lookup_request{.qname = name_of("a.e."), .qtype = zone::rr_type::mx, .zone_id = 3U},
       rest_call{"GET", "/A%2ee%2e/MX", "", "3"}},
      {"APILookup", R"({"qname":"a.e.","qtype":"ANY","zone-id":-1,"include-disabled":true})",
       lookup_request{.qname = name_of("a.e."), .zone_id = std::nullopt, .for_api = true},
       rest_call{"GET", "/a%2ee%2e/ANY", "", "-1"}},
      {"list", R"({"zonename":"e.","domain_id":1,"include_disabled":false})", list_request{zone},
       rest_call{"GET", "/1/e%2e"}},
      {"getAllDomains", R"({"include_disabled":true})", all_domains_request{},
       rest_call{"GET", "?includeDisabled=true"}},
      {"getDomainInfo", R"({"name":"e."})", domain_info_request{zone}, rest_call{"GET", "/e%2e"}},
      {"getAllDomainMetadata", R"({"name":"e."})", all_metadata_request{zone},
       rest_call{"GET", "/e%2e"}},
      {"getDomainMetadata", R"({"name":"e.","kind":"ALSO-NOTIFY"})",
       metadata_request{zone, "ALSO-NOTIFY"sv}, rest_call{"GET", "/e%2e/ALSO%2dNOTIFY"}},
      {"getBeforeAndAfterNamesAbsolute", R"({"id":7,"qname":"n1.node."})",
       neighbours_request{.zone_id = 7U, .qname = name_of("n1.node.")},
       rest_call{"GET", "/7/n1%2enode%2e"}},
      {"getBeforeAndAfterNamesAbsolute", R"({"id":-1,"qname":"."})",
       neighbours_request{.zone_id = std::nullopt, .qname = name_of(".")},
       rest_call{"GET", "/%2d2147483648/%2e"}},
      {"getDomainKeys", R"({"name":"e."})", domain_keys_request{zone}, rest_call{"GET", "/e%2e"}},
      {"getTSIGKey", R"({"name":"k."})", tsig_key_request{name_of("k.")},
       rest_call{"GET", "/k%2e"}},
      {"getTSIGKeys", "{}", tsig_keys_request{}, rest_call{"GET", ""}},
      {"getUpdatedMasters", "{}", nothing_request{method::get_updated_masters},
       rest_call{"GET", ""}},
      {"getUnfreshSlaveInfos", "{}", nothing_request{method::get_unfresh_slave_infos},
       rest_call{"GET", ""}},
      {"searchRecords", R"({"pattern":"a*.e","maxResults":100})", search_request{"a*.e", 100},
       rest_call{"GET", "?maxResults=100&pattern=a%2a%2ee"}},
      {"directBackendCmd", R"({"query":"zone e."})", command_request{"zone e."},
       rest_call{"POST", "", "query=zone%20e%2e"}},
      {"setNotified", R"({"id":1,"serial":1800000000})", set_notified_request{},
       rest_call{"PATCH", "/1", "serial=1800000000"}},
  };
}

std::vector<call> writing_calls() {
  using enum zone::key_edit::action;
  const zone::name zone = name_of("e.");
  const zone::dnssec_key key{
      .id = 0, .flags = 257, .active = true, .published = false, .content = "Key: a=\n"};
  const std::string key_path = "/7/e%2e";
  const std::string key_parameters = R"({"name":"e.","id":7})";
  const step_request fed{.what = method::feed_record,
                         .zone_id = std::nullopt,
                         .transaction = 1'800'000'000,
                         .step = {.how = zone::rrset_edit::kind::add,
                                  .owner = name_of("a.e."),
                                  .type = {},
                                  .records = {record("A", "192.0.2.1")}}};
  const step_request replaced{
      .what = method::replace_rrset,
      .zone_id = 3U,
      .transaction = 1'800'000'000,
      .step = {.how = zone::rrset_edit::kind::replace,
               .owner = name_of("a.e."),
               .type = "MX",
               .records = {record("MX", "10 m.e", 60), record("MX", "20 n.e", 60)}}};
  step_request removed = replaced;
  removed.transaction = std::nullopt;
  removed.step.type = "ANY";
  removed.step.records.clear();
  const auto decline = [](method what) {
    return declined_request{what, std::string(to_string(what)) +
                                      ": incoming zones are not offered, every zone here is a "
                                      "primary"};
  };
  return {
      {"setDomainMetadata", R"({"name":"e.","kind":"NSEC3PARAM","value":["1 0 0 -","x"]})",
       write_request(edit_request{method::set_domain_metadata,
                                  zone::metadata_edit{zone, "NSEC3PARAM", {"1 0 0 -", "x"}}}),
       rest_call{"PATCH", "/e%2e/NSEC3PARAM", "value[]=1%200%200%20%2d&value[]=x"}},
      {"setDomainMetadata", R"({"name":"e.","kind":"NSEC3PARAM","value":[]})",
       write_request(
           edit_request{method::set_domain_metadata, zone::metadata_edit{zone, "NSEC3PARAM", {}}}),
       rest_call{"PATCH", "/e%2e/NSEC3PARAM", ""}},
      {"addDomainKey",
       R"({"name":"e.","key":{"flags":257,"active":true,"published":false,"content":"Key: a=\n"}})",
       write_request(edit_request{method::add_domain_key, zone::key_addition{zone, key}}),
       rest_call{"PUT", "/e%2e", "active=1&content=Key%3a%20a%3d%0a&flags=257&published=0"}},
      {"removeDomainKey", key_parameters, key_edit_request(method::remove_domain_key, remove),
       rest_call{"DELETE", key_path}},
      {"activateDomainKey", key_parameters, key_edit_request(method::activate_domain_key, activate),
       rest_call{"POST", key_path}},
      {"deactivateDomainKey", key_parameters,
       key_edit_request(method::deactivate_domain_key, deactivate), rest_call{"POST", key_path}},
      {"publishDomainKey", key_parameters, key_edit_request(method::publish_domain_key, publish),
       rest_call{"POST", key_path}},
      {"unpublishDomainKey", key_parameters,
       key_edit_request(method::unpublish_domain_key, unpublish), rest_call{"POST", key_path}},
      {"setTSIGKey", R"({"name":"k.","algorithm":"hmac-sha256.","content":"c2VjcmV0"})",
       write_request(edit_request{method::set_tsig_key,
                                  zone::tsig_edit{name_of("k."), "hmac-sha256.", "c2VjcmV0"}}),
       rest_call{"PATCH", "/k%2e", "algorithm=hmac%2dsha256%2e&content=c2VjcmV0"}},
      {"deleteTSIGKey", R"({"name":"k."})",
       write_request(
           edit_request{method::delete_tsig_key, zone::tsig_edit{name_of("k."), "", std::nullopt}}),
       rest_call{"DELETE", "/k%2e"}},
      {"startTransaction", R"({"domain":"e.","domain_id":3,"trxid":1800000000})",
       write_request(begin_request{zone, 3U, 1'800'000'000}),
       rest_call{"POST", "/3/e%2e/1800000000", "", "", "1800000000"}},
      {"startTransaction", R"({"domain":"e.","domain_id":-1,"trxid":1800000000})",
       write_request(begin_request{zone, std::nullopt, 1'800'000'000}),
       rest_call{"POST", "/%2d1/e%2e/1800000000", "", "", "1800000000"}},
      {"commitTransaction", R"({"trxid":1800000000})", write_request(commit_request{1'800'000'000}),
       rest_call{"POST", "/1800000000", "", "", "1800000000"}},
      {"abortTransaction", R"({"trxid":1800000000})", write_request(abort_request{1'800'000'000}),
       rest_call{"POST", "/1800000000", "", "", "1800000000"}},
      {"feedRecord",
       R"({"rr":{"qtype":"A","qname":"A.e.","qclass":1,"content":"192.0.2.1","ttl":300,)"
       R"("auth":true,"ordername":null},"trxid":1800000000})",
       write_request(fed),
       rest_call{"PATCH", "/1800000000",
                 "rr[auth]=1&rr[content]=192%2e0%2e2%2e1&rr[ordername]=&rr[qclass]=1"
                 "&rr[qname]=A%2ee%2e&rr[qtype]=A&rr[ttl]=300",
                 "", "1800000000"}},
      {"replaceRRSet",
       R"({"domain_id":3,"qname":"a.e.","qtype":"MX","trxid":1800000000,"rrset":[)"
       R"({"qtype":"MX","qname":"a.e.","qclass":1,"content":"10 m.e","ttl":60,"auth":true},)"
       R"({"qtype":"MX","qname":"a.e.","qclass":1,"content":"20 n.e","ttl":60,"auth":true}]})",
       write_request(replaced),
       rest_call{"PATCH", "/3/a%2ee%2e/MX",
                 "rrset[0][auth]=1&rrset[0][content]=10%20m%2ee&rrset[0][qclass]=1"
                 "&rrset[0][qname]=a%2ee%2e&rrset[0][qtype]=MX&rrset[0][ttl]=60"
                 "&rrset[1][auth]=1&rrset[1][content]=20%20n%2ee&rrset[1][qclass]=1"
                 "&rrset[1][qname]=a%2ee%2e&rrset[1][qtype]=MX&rrset[1][ttl]=60",
                 "", "1800000000"}},
      {"replaceRRSet", R"({"domain_id":3,"qname":"a.e.","qtype":"ANY","trxid":-1,"rrset":[]})",
       write_request(removed), rest_call{"PATCH", "/3/a%2ee%2e/ANY", "", "", "-1"}},
      {"feedEnts",
       R"({"domain_id":3,"trxid":1800000000,"nonterm":[{"nonterm":"b.e.","auth":true}]})",
       write_request(ents_request{method::feed_ents}), std::nullopt},
      {"feedEnts3",
       R"({"domain_id":3,"domain":"e.","times":0,"salt":"","narrow":false,"trxid":1800000000,)"
       R"("nonterm":[]})",
       write_request(ents_request{method::feed_ents3}), std::nullopt},
      {"setFresh", R"({"id":1})", decline(method::set_fresh), rest_call{"PATCH", "/1"}},
      {"setStale", R"({"id":1})", decline(method::set_stale), rest_call{"PATCH", "/1"}},
      {"superMasterBackend", R"({"ip":"192.0.2.1","domain":"e.","nsset":[]})",
       decline(method::super_master_backend), rest_call{"POST", "/192%2e0%2e2%2e1/e%2e"}},
      {"createSlaveDomain", R"({"ip":"192.0.2.1","domain":"e.","nameserver":"","account":"a"})",
       decline(method::create_slave_domain),
       rest_call{"PUT", "/192%2e0%2e2%2e1/e%2e", "account=a"}},
  };
}

std::vector<call> all_calls() {
  std::vector<call> out = reading_calls();
  std::ranges::move(writing_calls(), std::back_inserter(out));
  return out;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    out += '%';
    out += hex[static_cast<unsigned char>(c) >> 4];
    out += hex[static_cast<unsigned char>(c) & 0xf];
  }
  return out;
}

std::expected<request, error> over_http(std::string_view verb, const std::string& url,
                                        std::string_view body, const rest_call* rest = nullptr) {
  const auto where = read_target(url);
  if (!where) {
    return std::unexpected(where.error());
  }
  return read_http({.verb = verb,
                    .where = *where,
                    .body = body,
                    .zone_id = rest == nullptr ? std::string_view() : rest->zone_id,
                    .transaction = rest == nullptr ? std::string_view() : rest->transaction});
}

void expect_meant(const std::expected<request, error>& read, const call& of,
                  std::string_view form) {
  ASSERT_TRUE(read) << of.method << " as " << form << ": " << read.error().detail;
  EXPECT_TRUE(*read == of.meant) << of.method << " as " << form << ", " << of.parameters;
}

TEST(forms, say_the_same) {
  for (const call& one : all_calls()) {
    const std::string envelope =
        "{\"method\":\"" + one.method + "\",\"parameters\":" + one.parameters + "}";
    expect_meant(read_envelope(envelope), one, "a line");
    expect_meant(over_http("POST", "/t/", envelope), one, "post_json");
    expect_meant(
        over_http("POST", "/t/" + one.method, "parameters=" + percent_encoded(one.parameters)), one,
        "post");
    if (one.rest) {
      expect_meant(over_http(one.rest->verb, "/t/" + one.method + one.rest->path, one.rest->body,
                             &*one.rest),
                   one, "REST");
    }
  }
}

TEST(forms, hold_every_method_of_the_table) {
  std::set<method> seen;
  for (const call& one : all_calls()) {
    seen.insert(method_of(one.meant));
    EXPECT_EQ(to_string(method_of(one.meant)), one.method);
  }
  EXPECT_EQ(seen.size(), method_count - 1);
}

TEST(forms, rest_that_powerdns_writes_broken_is_declined_in_words) {
  const auto why = [](std::string_view verb, const std::string& path, std::string_view body) {
    const auto read = over_http(verb, "/t/" + path, body);
    const auto* const declined = read ? std::get_if<declined_request>(&*read) : nullptr;
    return declined == nullptr ? std::string() : declined->why;
  };
  constexpr std::string_view rest =
      ": this PowerDNS writes it broken over REST; use post=1,post_json=1 in "
      "remote-connection-string";
  // As 4.7.3 writes them: a truth value without its key, no '&' between records, no names at all.
  EXPECT_EQ(why("PATCH", "feedRecord/1800000000",
                "1&rr[content]=192%2e0%2e2%2e1&rr[ordername]=&rr[qclass]=1&rr[qname]=a%2ee%2e"
                "&rr[qtype]=A&rr[ttl]=300"),
            "feedRecord" + std::string(rest));
  EXPECT_EQ(why("PATCH", "replaceRRSet/3/a%2ee%2e/A",
                "1&rrset[0][content]=192%2e0%2e2%2e1&rrset[0][qclass]=1&rrset[0][qname]=a%2ee%2e"
                "&rrset[0][qtype]=A&rrset[0][ttl]=3001&rrset[1][content]=192%2e0%2e2%2e2"),
            "replaceRRSet" + std::string(rest));
  EXPECT_EQ(why("PATCH", "feedEnts/3/1800000000", "nonterm[]="), "feedEnts" + std::string(rest));
  EXPECT_EQ(why("PATCH", "feedEnts3/3/e%2e/1800000000", "times=0&salt=&narrow=0&nonterm[]="),
            "feedEnts3" + std::string(rest));
  EXPECT_EQ(why("GET", "calculateSOASerial/e%2e", ""),
            "Thor does not know the method \"calculateSOASerial\"");
  // setNotified keeps nothing, so its serial may look as it likes.
  EXPECT_TRUE(over_http("PATCH", "/t/setNotified/1", "serial=1800000000%2e000000"));
}

TEST(forms, a_write_with_something_wrong_is_refused_with_its_place) {
  const auto refusal = [](std::string_view method, std::string_view parameters) {
    const auto read = read_envelope("{\"method\":\"" + std::string(method) +
                                    "\",\"parameters\":" + std::string(parameters) + "}");
    return read ? std::string() : read.error().detail;
  };
  EXPECT_EQ(refusal("startTransaction", R"({"domain":"e.","domain_id":1,"trxid":-1})"),
            "startTransaction: \"trxid\" is not an integer from 0 to 9223372036854775807");
  EXPECT_EQ(refusal("feedRecord", R"({"trxid":1})"),
            "feedRecord: \"rr\" is not an object, or holds something that is none");
  EXPECT_EQ(
      refusal("feedRecord", R"({"trxid":1,"rr":{"qname":"a.","qtype":"A","content":"","ttl":-1}})"),
      "feedRecord: \"rr.ttl\" is not an integer from 0 to 2147483647");
  EXPECT_EQ(refusal("replaceRRSet", R"({"qname":"a.","qtype":"A","rrset":[7]})"),
            "replaceRRSet: \"rrset\" is not an object, or holds something that is none");
  EXPECT_EQ(refusal("replaceRRSet", R"({"qname":"a.","qtype":"A"})"),
            "replaceRRSet: \"rrset\" is missing");
  EXPECT_EQ(refusal("replaceRRSet",
                    R"({"qname":"a.","qtype":"A","rrset":[{"qname":"b.","qtype":"A","ttl":1,)"
                    R"("content":"192.0.2.1"}]})"),
            "replaceRRSet: \"rrset.qname\" is not the owner of the set");
  EXPECT_EQ(refusal("setDomainMetadata", R"({"name":"e.","kind":"K","value":["a",1]})"),
            "setDomainMetadata: \"value\" holds something that is not a string");
  EXPECT_EQ(refusal("addDomainKey", R"({"name":"e.","key":{"flags":65536,"content":"x"}})"),
            "addDomainKey: \"key.flags\" is not an integer from 0 to 65535");
  EXPECT_EQ(refusal("addDomainKey", R"({"name":"e.","key":{"flags":1,"active":2,"content":"x"}})"),
            "addDomainKey: \"key.active\" is not a truth value");
  // What is wrong with a secret is said without it.
  EXPECT_EQ(refusal("setTSIGKey", R"({"name":"k.","algorithm":"a","content":["secret"]})"),
            "setTSIGKey: \"content\" is not a string");
}

TEST(forms, rest_fields_that_do_not_fit_together_are_refused) {
  for (const char* const query :
       {"?pattern=a&pattern=b", "?pattern=%zz&maxResults=1", "?pattern[=a", "?pattern[x]y=a",
        "?pattern[0][x][y]=a", "?pattern[1][x]=a", "?pattern[x][y]=a", "?pattern=a&pattern[]=b",
        "?pattern[]=a&pattern[0][x]=b", "?pattern[x]=a&pattern[]=b"}) {
    const auto read = over_http("GET", "/t/searchRecords" + std::string(query), "");
    EXPECT_FALSE(read) << query;
  }
}

} // namespace
} // namespace thor::backend
