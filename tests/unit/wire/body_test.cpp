#include "coordinator/wire/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::wire {
namespace {

using testing::HasSubstr;

model::node_id id(std::string_view text) {
  return model::node_id::parse(text).value();
}

std::string presence_with(std::string_view extra) {
  return R"({"id":"n1","incarnation":5,"sequence":9,"addresses":["192.0.2.1"],"roles":{},)" +
         std::string(extra) + "}";
}

std::string presence_detail(std::string_view body) {
  const auto decoded = decode_presence(body);
  return decoded ? "accepted" : decoded.error().detail;
}

TEST(presence_body, has_defaults) {
  const auto p = decode_presence(
      R"({"id":"n1","incarnation":5,"sequence":9,"addresses":["192.0.2.1"],"roles":{"sip_proxy":{}}})");
  ASSERT_TRUE(p);
  EXPECT_EQ(p->roles.at("sip_proxy"), model::role_offer{});
  EXPECT_TRUE(p->site.empty());
  EXPECT_TRUE(p->attributes.empty());
}

TEST(presence_body, keeps_everything) {
  const auto p = decode_presence(
      R"({"id":"n1","incarnation":5,"sequence":9,"addresses":["2001:db8::1","192.0.2.1"],"roles":)"
      R"({"sip_proxy":{"state":"draining","ports":{"sip.udp":5070},"priority":65535,"weight":0}},)"
      R"("site":"ams1","software":"thor-node 1","attributes":{"rack":"B7"}})");
  ASSERT_TRUE(p);
  EXPECT_EQ(p->addresses.front().text(), "2001:db8::1");
  const auto& offer = p->roles.at("sip_proxy");
  EXPECT_EQ(offer.state, model::role_state::draining);
  EXPECT_EQ(offer.ports, (std::map<std::string, std::uint16_t>{{"sip.udp", 5070}}));
  EXPECT_EQ(offer.priority, 65535);
  EXPECT_EQ(offer.weight, 0);
  EXPECT_EQ(p->attributes.at("rack"), "B7");
  EXPECT_EQ(decode_presence(encode_body(*p)), p);
}

TEST(presence_body, is_refused_with_the_name_of_the_field) {
  EXPECT_THAT(presence_detail(R"({"id":"N1"})"), HasSubstr("id:"));
  EXPECT_THAT(presence_detail(R"({"id":"a.b"})"), HasSubstr("id:"));
  EXPECT_THAT(
      presence_detail(R"({"id":"n1","incarnation":5,"sequence":9,"addresses":["x"],"roles":{}})"),
      HasSubstr("addresses"));
  EXPECT_THAT(
      presence_detail(R"({"id":"n1","incarnation":5,"sequence":9,"addresses":[],"roles":{}})"),
      HasSubstr("addresses"));
  EXPECT_THAT(presence_detail(R"({"id":"n1","incarnation":5,"sequence":9,"roles":{}})"),
              HasSubstr("addresses: is missing"));
  EXPECT_THAT(
      presence_detail(R"({"id":"n1","incarnation":5,"sequence":9,"addresses":["192.0.2.1"],)"
                      R"("roles":{"sip_proxy":{"ports":{"sip.udp":65536}}}})"),
      HasSubstr("roles.sip_proxy.ports.sip.udp: is not an integer from 0 to 65535"));
  EXPECT_THAT(
      presence_detail(R"({"id":"n1","incarnation":5,"sequence":9,"addresses":["192.0.2.1"],)"
                      R"("roles":{"sip_proxy":{"state":"asleep"}}})"),
      HasSubstr("roles.sip_proxy.state"));
  EXPECT_THAT(
      presence_detail(R"({"id":"n1","incarnation":5,"sequence":9,"addresses":["192.0.2.1"],)"
                      R"("roles":{"sip_proxy":[]}})"),
      HasSubstr("roles.sip_proxy: is not an object"));
  EXPECT_THAT(presence_detail(presence_with(R"("attributes":{"a":7})")), HasSubstr("attributes.a"));
  EXPECT_THAT(presence_detail(presence_with(R"("site":["x"])")), HasSubstr("site"));
}

TEST(presence_body, cannot_write_into_the_log_through_a_key) {
  const auto shown = presence_detail(presence_with(R"("attributes":{"a\nerror: b":7})"));
  EXPECT_THAT(shown, HasSubstr(R"(a\x0aerror: b)"));
  EXPECT_EQ(shown.find('\n'), std::string::npos);
}

TEST(presence_body, is_held_to_the_bounds_of_the_model) {
  EXPECT_NE(presence_detail(presence_with(R"("attributes":{"a=b":"c"})")), "accepted");
  std::string roles;
  for (std::size_t i = 0; i <= model::roles_max; ++i)
    roles += (i == 0 ? "" : ",") + ("\"r" + std::to_string(i)) + "\":{}";
  EXPECT_NE(presence_detail(R"({"id":"n1","incarnation":5,"sequence":9,"addresses":["192.0.2.1"],)"
                            R"("roles":{)" +
                            roles + "}}"),
            "accepted");
}

TEST(leave_body, is_read) {
  EXPECT_EQ(decode_leave(R"({"id":"n1","incarnation":5,"sequence":9,"hold_ms":10000})"),
            (leave{id("n1"), {5, 9}, 10'000}));
  EXPECT_EQ(decode_leave(R"({"id":"n1","incarnation":5,"sequence":9})"),
            (leave{id("n1"), {5, 9}, 0}));
  EXPECT_FALSE(decode_leave(R"({"id":"n1","incarnation":5,"sequence":9,"hold_ms":600001})"));
  EXPECT_FALSE(decode_leave(R"({"id":"n1","incarnation":5})"));
}

TEST(statistics_body, is_not_interpreted) {
  const statistics s{id("n1"), R"({"a":[1,{"b":null}]})", {}, {}};
  EXPECT_EQ(encode_body(s), R"({"id":"n1","statistics":{"a":[1,{"b":null}]}})");
  EXPECT_EQ(decode_statistics(encode_body(s)), s);
  EXPECT_FALSE(decode_statistics(R"({"id":"n1","statistics":[]})"));
  EXPECT_FALSE(decode_statistics(R"({"id":"n1"})"));
  EXPECT_TRUE(decode_statistics(R"({"id":"n1","statistics":{"a":1e308}})"));
  EXPECT_FALSE(decode_statistics(R"({"id":"n1","statistics":{"a":-1e999}})"))
      << "infinity could not be written again";
}

TEST(statistics_body, says_which_and_when) {
  const statistics s{
      id("n1"), R"({"a":{}})", {7, 2}, {{"a", model::unix_time(std::chrono::seconds(9))}}};
  EXPECT_EQ(encode_body(s),
            R"({"id":"n1","incarnation":7,"sequence":2,"taken":{"a":9},"statistics":{"a":{}}})");
  EXPECT_EQ(decode_statistics(encode_body(s)), s);
  for (const auto* wrong : {R"("incarnation":-1)", R"("sequence":"2")", R"("taken":[])",
                            R"("taken":{"a":"now"})", R"("taken":{"a":9007199254740992})"})
    EXPECT_FALSE(decode_statistics(R"({"id":"n1","statistics":{},)" + std::string(wrong) + "}"))
        << wrong;
}

TEST(statistics_body, of_a_thor_dns_tells_its_zone) {
  const zone_report zone{4294967295U, ~std::uint64_t{0}};
  const auto said = statistics_of(id("dns1"), zone);
  EXPECT_EQ(said.json, R"({"dns":{"serial":4294967295,"digest":"ffffffffffffffff"}})");
  EXPECT_EQ(zone_report_of(decode_statistics(encode_body(said)).value()), zone);
}

TEST(statistics_body, of_a_thor_dns_on_its_own_says_so) {
  for (const auto& zone : {zone_report{7, 1, true, false}, zone_report{7, 1, false, true}})
    EXPECT_EQ(zone_report_of(statistics_of(id("dns1"), zone)), zone);
}

TEST(statistics_body, of_a_thor_dns_tells_whose_data_it_has) {
  const zone_report zone{7, 1, false, false, operator_report{{3, "dns2"}, {42, 0xabc}}};
  const auto said = statistics_of(id("dns1"), zone);
  EXPECT_EQ(said.json, R"({"dns":{"serial":7,"digest":"0000000000000001","operator":)"
                       R"({"writer":"dns2","term":3,"revision":42,"digest":"0000000000000abc"}}})");
  EXPECT_EQ(zone_report_of(said), zone);
  EXPECT_FALSE(zone_report_of(
      {id("dns1"), R"({"dns":{"serial":7,"digest":"0000000000000001","operator":{"term":3}}})"}));
}

TEST(statistics_body, of_others_tells_no_zone) {
  EXPECT_EQ(zone_report_of({id("n1"), R"({"sip_proxy":{}})"}), std::nullopt);
}

TEST(statistics_body, tells_a_zone_whole_or_is_refused) {
  for (const auto* dns :
       {R"(7)", R"({"serial":7})", R"({"digest":"0000000000000000"})",
        R"({"serial":4294967296,"digest":"0000000000000000"})",
        R"({"serial":-1,"digest":"0000000000000000"})", R"({"serial":7,"digest":"7"})",
        R"({"serial":7,"digest":"0000000000000000","degraded":1})"})
    EXPECT_FALSE(zone_report_of({id("dns1"), std::string(R"({"dns":)") + dns + "}"})) << dns;
}

TEST(status_body, is_read) {
  const auto full = decode_status(
      R"({"kind":"full","epoch":{"counter":7,"manager":"m1"},"sequence":3,"serial":4294967295,"members":[]})");
  EXPECT_EQ(full, model::status_event(model::status_full{{{7, "m1"}, 3}, 4294967295U, {}}));
  const auto delta = decode_status(
      R"({"kind":"delta","epoch":{"counter":7,"manager":"m1"},"sequence":4,"serial":1,"upserts":[],)"
      R"("removals":[{"id":"n1","reason":"expired"}]})");
  EXPECT_EQ(delta, model::status_event(model::status_delta{
                       {{7, "m1"}, 4}, 1, {}, {{id("n1"), model::withdrawal::expired}}}));
  const auto beat = decode_status(
      R"({"kind":"beat","epoch":{"counter":7,"manager":"m1"},"sequence":4,"serial":1,"digest":"00000000000000ff"})");
  EXPECT_EQ(beat, model::status_event(model::status_beat{{{7, "m1"}, 4}, 1, 255}));
}

TEST(status_body, names_each_member_once) {
  const std::string member =
      R"({"id":"n1","incarnation":5,"sequence":9,"addresses":["192.0.2.1"],"roles":{},"since":1})";
  const std::string head = R"(,"epoch":{"counter":7,"manager":"m1"},"sequence":3,"serial":1,)";
  EXPECT_TRUE(decode_status(R"({"kind":"full")" + head + R"("members":[)" + member + "]}"));
  EXPECT_FALSE(
      decode_status(R"({"kind":"full")" + head + R"("members":[)" + member + "," + member + "]}"));
  EXPECT_FALSE(decode_status(R"({"kind":"delta")" + head + R"("upserts":[)" + member +
                             R"(],"removals":[{"id":"n1","reason":"left"}]})"));
}

TEST(status_body, is_refused_with_the_name_of_the_field) {
  const auto why = [](std::string_view body) {
    const auto decoded = decode_status(body);
    return decoded ? "accepted" : decoded.error().detail;
  };
  const std::string head = R"(,"epoch":{"counter":7,"manager":"m1"},"sequence":3,"serial":1,)";
  EXPECT_THAT(why(R"({"kind":"half")" + head + R"("members":[]})"), HasSubstr("kind"));
  EXPECT_THAT(why(R"({"kind":"full")" + head + R"("members":[{"id":"n1"}]})"),
              HasSubstr("members[0]."));
  EXPECT_THAT(why(R"({"kind":"full")" + head + R"("members":[7]})"),
              HasSubstr("members[0]: is not an object"));
  EXPECT_THAT(
      why(R"({"kind":"delta")" + head + R"("upserts":[],"removals":[{"id":"n1","reason":"x"}]})"),
      HasSubstr("removals[0].reason"));
  EXPECT_THAT(
      why(R"({"kind":"beat","epoch":{"counter":7,"manager":""},"sequence":3,"serial":1,"digest":"00000000000000ff"})"),
      HasSubstr("epoch.manager"));
  EXPECT_THAT(
      why(R"({"kind":"beat","epoch":7,"sequence":3,"serial":1,"digest":"00000000000000ff"})"),
      HasSubstr("epoch: is not an object"));
  EXPECT_THAT(
      why(R"({"kind":"beat","epoch":{"counter":7,"manager":"m1"},"sequence":3,"serial":4294967296,"digest":"00000000000000ff"})"),
      HasSubstr("serial"));
}

} // namespace
} // namespace thor::wire
