#include "backend/protocol/read.hpp"
#include "tests/support/synthetic_zone.hpp"

#include <gtest/gtest.h>

#include <string>

namespace thor::backend {
namespace {

using test::name_of;

template <typename Request>
Request as(const std::expected<request, error>& from) {
  if (!from) {
    ADD_FAILURE() << from.error().detail;
    return {};
  }
  const Request* const out = std::get_if<Request>(&*from);
  if (out == nullptr) {
    ADD_FAILURE() << "it is a " << to_string(method_of(*from));
    return {};
  }
  return *out;
}

std::expected<request, error> read_over_http(std::string_view verb, std::string_view url,
                                             std::string_view body = {},
                                             std::string_view zone_id = {}) {
  const auto where = read_target(url);
  if (!where) {
    return std::unexpected(where.error());
  }
  return read_http({.verb = verb, .where = *where, .body = body, .zone_id = zone_id});
}

TEST(envelope, reads_a_lookup_as_powerdns_sends_it) {
  const auto asked = as<lookup_request>(read_envelope(
      R"({"method":"lookup","parameters":{"local":"0.0.0.0","qname":"NoDe00.SIP.eXample.com.",)"
      R"("qtype":"ANY","real-remote":"127.0.0.1/32","remote":"127.0.0.1","zone-id":7}})"));
  EXPECT_EQ(asked.qname, name_of("node00.sip.example.com."));
  EXPECT_EQ(asked.qtype, zone::rr_type::any);
  EXPECT_EQ(asked.zone_id, 7U);
}

TEST(envelope, takes_zone_id_minus_one_and_a_missing_one_for_none) {
  EXPECT_FALSE(
      as<lookup_request>(
          read_envelope(
              R"({"method":"lookup","parameters":{"qname":"a.","qtype":"A","zone-id":-1}})"))
          .zone_id);
  EXPECT_FALSE(as<lookup_request>(
                   read_envelope(R"({"method":"lookup","parameters":{"qname":"a.","qtype":"A"}})"))
                   .zone_id);
}

TEST(envelope, reads_names_with_and_without_the_last_dot_escaped_and_wild) {
  const auto qname = [](std::string_view written) {
    return zone::name(
        as<lookup_request>(
            read_envelope("{\"method\":\"lookup\",\"parameters\":{\"qtype\":\"A\",\"qname\":\"" +
                          std::string(written) + "\"}}"))
            .qname);
  };
  EXPECT_EQ(qname("sip.example.com"), name_of("sip.example.com."));
  EXPECT_EQ(qname("*.Example.com."), name_of("*.example.com."));
  EXPECT_EQ(qname(R"(a\\.b.example.)").label_count(), 2U);
  EXPECT_EQ(qname(R"(a\\255.example.)").first_label(), "a\xff");
  EXPECT_TRUE(qname(".").is_root());
}

TEST(envelope, takes_a_type_without_a_word_for_one_that_nothing_has) {
  const auto asked = as<lookup_request>(
      read_envelope(R"({"method":"lookup","parameters":{"qname":"a.","qtype":"ALIAS"}})"));
  EXPECT_EQ(asked.qtype, static_cast<zone::rr_type>(0));
}

TEST(envelope, reads_every_method_of_the_table) {
  const auto read = [](std::string_view method, std::string_view parameters) {
    return read_envelope("{\"method\":\"" + std::string(method) +
                         "\",\"parameters\":" + std::string(parameters) + "}");
  };
  as<initialize_request>(read("initialize", R"({"path":"/run/x","timeout":"2000"})"));
  EXPECT_EQ(
      as<list_request>(read("list", R"({"zonename":"E.","domain_id":1,"include_disabled":false})"))
          .zone,
      name_of("e."));
  as<all_domains_request>(read("getAllDomains", R"({"include_disabled":true})"));
  EXPECT_EQ(as<domain_info_request>(read("getDomainInfo", R"({"name":"e."})")).zone, name_of("e."));
  EXPECT_EQ(as<all_metadata_request>(read("getAllDomainMetadata", R"({"name":"e."})")).zone,
            name_of("e."));
  const auto metadata =
      as<metadata_request>(read("getDomainMetadata", R"({"name":"e.","kind":"TSIG-ALLOW-AXFR"})"));
  EXPECT_EQ(metadata.zone, name_of("e."));
  EXPECT_EQ(metadata.kind.view(), "TSIG-ALLOW-AXFR");
  for (const method what : {method::get_updated_masters, method::get_unfresh_slave_infos}) {
    EXPECT_EQ(as<nothing_request>(read(to_string(what), "{}")).what, what);
  }
  as<set_notified_request>(read("setNotified", R"({"id":1,"serial":1800000000})"));
}

TEST(envelope, reads_whose_neighbours_are_asked_for) {
  const auto read = [](std::string_view parameters) {
    return as<neighbours_request>(read_envelope(
        "{\"method\":\"getBeforeAndAfterNamesAbsolute\",\"parameters\":" + std::string(parameters) +
        "}"));
  };
  const auto apex = read(R"({"id":3,"qname":"."})");
  EXPECT_EQ(apex.zone_id, 3U);
  EXPECT_TRUE(apex.qname.is_root());
  EXPECT_EQ(read(R"({"id":3,"qname":"a.node00."})").qname, name_of("a.node00."));
  const auto hashed = read(R"({"id":-1,"qname":"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"})");
  EXPECT_EQ(hashed.zone_id, std::nullopt);
  EXPECT_EQ(hashed.qname.first_label(), "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom");
}

TEST(envelope, declines_methods_that_are_not_in_the_table) {
  const auto declined = as<declined_request>(read_envelope(R"({"method":"LOOKUP"})"));
  EXPECT_EQ(declined.what, method::other);
  EXPECT_EQ(declined.why, "Thor does not know the method \"LOOKUP\"");
}

TEST(envelope, refuses_each_wrong_shape_with_its_own_words) {
  const auto refusal = [](std::string_view text) {
    const auto read = read_envelope(text);
    EXPECT_FALSE(read) << text;
    return read ? error{errc::bad_verb, ""} : read.error();
  };
  EXPECT_EQ(refusal("[]"), (error{errc::bad_shape, "the request is not an object"}));
  EXPECT_EQ(refusal("{}"), (error{errc::bad_shape, "\"method\" is missing or not a string"}));
  EXPECT_EQ(refusal(R"({"method":7})"),
            (error{errc::bad_shape, "\"method\" is missing or not a string"}));
  EXPECT_EQ(refusal(R"({"method":"lookup","parameters":[]})"),
            (error{errc::bad_shape, "\"parameters\" is not an object"}));
  EXPECT_EQ(refusal(R"({"method":"lookup","parameters":{}})"),
            (error{errc::bad_shape, "lookup: \"qname\" is missing"}));
  EXPECT_EQ(refusal(R"({"method":"lookup","parameters":{"qname":1,"qtype":"A"}})"),
            (error{errc::bad_shape, "lookup: \"qname\" is not a string"}));
  EXPECT_EQ(refusal(R"({"method":"lookup","parameters":{"qname":"a..b","qtype":"A"}})"),
            (error{errc::bad_name, "lookup: \"qname\" is not a DNS name: \"a..b\""}));
  for (const char* const id : {"\"1\"", "1.0", "-2", "4294967296", "true", "null"}) {
    EXPECT_EQ(refusal(R"({"method":"lookup","parameters":{"qname":"a.","qtype":"A","zone-id":)" +
                      std::string(id) + "}}"),
              (error{errc::bad_shape,
                     "lookup: \"zone-id\" is not a domain id (an integer, -1 for none)"}));
  }
  EXPECT_EQ(refusal(R"({"method":"getDomainMetadata","parameters":{"name":"a."}})"),
            (error{errc::bad_shape, "getDomainMetadata: \"kind\" is missing"}));
  EXPECT_EQ(refusal(R"({"method":"a","method":"b"})").code, errc::bad_json);
}

TEST(target, splits_before_it_decodes) {
  const auto where = read_target("/0123/lookup/a%2fb%2eexample%2e/ANY");
  ASSERT_TRUE(where);
  EXPECT_EQ(where->token, "0123");
  EXPECT_EQ(where->method, "lookup");
  EXPECT_EQ(where->arguments, (std::vector<std::string>{"a/b.example.", "ANY"}));
}

TEST(target, allows_the_slash_that_ends_the_configured_url) {
  for (const char* const url : {"/0123", "/0123/"}) {
    const auto where = read_target(url);
    ASSERT_TRUE(where) << url;
    EXPECT_EQ(where->token, "0123");
    EXPECT_EQ(where->method, "");
  }
  const auto where = read_target("/0123//lookup/a/A?x=y");
  ASSERT_TRUE(where);
  EXPECT_EQ(where->method, "lookup");
  EXPECT_EQ(where->arguments, (std::vector<std::string>{"a", "A"}));
}

TEST(target, refuses_what_is_no_path) {
  for (const char* const url : {"", "*", "lookup", "http://127.0.0.1/0123", "/0123/%zz", "/a b"}) {
    const auto where = read_target(url);
    ASSERT_FALSE(where) << url;
    EXPECT_EQ(where.error(),
              (error{errc::bad_target, "the URL is not a path, or an escape in it is broken"}));
  }
  const auto root = read_target("/");
  ASSERT_TRUE(root);
  EXPECT_EQ(root->token, "");
}

TEST(envelope, reads_who_asks) {
  const auto client = [](const std::string& written) {
    return as<lookup_request>(
               read_envelope(R"({"method":"lookup","parameters":{"qname":"a.","qtype":"A")" +
                             written + "}}"))
        .client;
  };
  EXPECT_EQ(client(R"(,"real-remote":"192.0.2.0/24")"), ip_prefix::parse("192.0.2.0/24"));
  EXPECT_EQ(client(R"(,"real-remote":"0.0.0.0/0")"), ip_prefix::parse("0.0.0.0/0"));
  EXPECT_EQ(client(""), std::nullopt);
  const auto refusal = [](const std::string& value) {
    return read_envelope(
               R"({"method":"lookup","parameters":{"qname":"a.","qtype":"A","real-remote":)" +
               value + "}}")
        .error();
  };
  EXPECT_EQ(refusal("1"), (error{errc::bad_shape, "lookup: \"real-remote\" is not a string"}));
  EXPECT_EQ(refusal(R"("192.0.2.1/40")"),
            (error{errc::bad_shape, "lookup: \"real-remote\" is not an address or a network: "
                                    "\"192.0.2.1/40\""}));
}

TEST(http, reads_the_envelope_posted_to_the_token) {
  const auto asked = as<domain_info_request>(
      read_over_http("POST", "/0123/", R"({"method":"getDomainInfo","parameters":{"name":"e."}})"));
  EXPECT_EQ(asked.zone, name_of("e."));
}

TEST(http, reads_the_post_form) {
  const auto asked = as<lookup_request>(read_over_http(
      "POST", "/0123/lookup",
      "parameters=%7b%22qname%22%3a+%22www%2eexample%2ecom%2e%22%2c%22qtype%22%3a%22SOA%22%2c"
      "%22zone%2did%22%3a%2d1%7d"));
  EXPECT_EQ(asked.qname, name_of("www.example.com."));
  EXPECT_EQ(asked.qtype, zone::rr_type::soa);
}

TEST(http, refuses_a_post_form_that_is_none) {
  const auto code = [](std::string_view body) {
    const auto read = read_over_http("POST", "/0123/lookup", body);
    return read ? errc::bad_target : read.error().code;
  };
  EXPECT_EQ(code(""), errc::bad_form);
  EXPECT_EQ(code("parameter=%7b%7d"), errc::bad_form);
  EXPECT_EQ(code("parameters=%7"), errc::bad_form);
  EXPECT_EQ(code("parameters=%7b"), errc::bad_json);
  EXPECT_EQ(code("parameters=%5b%5d"), errc::bad_shape);
  EXPECT_EQ(code("parameters=%7b%7d"), errc::bad_shape);
}

TEST(http, reads_rest) {
  const auto asked =
      as<lookup_request>(read_over_http("GET", "/0123/lookup/sip%2eexample%2ecom%2e/ANY", "", "3"));
  EXPECT_EQ(asked.qname, name_of("sip.example.com."));
  EXPECT_EQ(asked.qtype, zone::rr_type::any);
  EXPECT_EQ(asked.zone_id, 3U);
  EXPECT_EQ(as<list_request>(read_over_http("GET", "/0123/list/-1/example%2e")).zone,
            name_of("example."));
  as<all_domains_request>(read_over_http("GET", "/0123/getAllDomains?includeDisabled=true"));
  EXPECT_EQ(
      as<metadata_request>(read_over_http("GET", "/0123/getDomainMetadata/e%2e/ALSO%2dNOTIFY"))
          .kind.view(),
      "ALSO-NOTIFY");
}

TEST(http, refuses_rest_that_is_too_short_or_carries_a_wrong_zone_id) {
  EXPECT_EQ(read_over_http("GET", "/0123/lookup/a%2e").error(),
            (error{errc::bad_target, "lookup: the URL ends before \"qtype\""}));
  EXPECT_EQ(read_over_http("GET", "/0123/lookup/a%2e/A", "", "seven").error().code,
            errc::bad_shape);
}

TEST(http, refuses_a_verb_that_is_not_the_method_s) {
  EXPECT_EQ(read_over_http("DELETE", "/0123/lookup/a%2e/A").error(),
            (error{errc::bad_verb, "lookup: REST asks for it with GET"}));
  EXPECT_EQ(read_over_http("GET", "/0123/commitTransaction/7").error().code, errc::bad_verb);
}

TEST(http, refuses_verbs_that_no_request_has) {
  EXPECT_EQ(read_over_http("GET", "/0123").error().code, errc::bad_verb);
  EXPECT_EQ(read_over_http("TRACE", "/0123/lookup/a%2e/A").error().code, errc::bad_verb);
  EXPECT_EQ(read_over_http("TRACE", "/0123/nothing").error().code, errc::bad_verb);
}

TEST(method, every_name_is_powerdns_s_own) {
  EXPECT_EQ(to_string(method::lookup), "lookup");
  EXPECT_EQ(to_string(method::get_tsig_keys), "getTSIGKeys");
  EXPECT_EQ(to_string(method::get_unfresh_slave_infos), "getUnfreshSlaveInfos");
  EXPECT_EQ(to_string(method::other), "other");
}

} // namespace
} // namespace thor::backend
