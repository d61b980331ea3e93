#include "coordinator/daemon/dns/roles/role_files.hpp"

#include <gmock/gmock.h>

#include <algorithm>

namespace thor::dns {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const role_surroundings around{
    .name_servers = {{"ns1", {}, 0}},
    .event_servers = {{"eventserver", {}, 8000}},
};

/// A file with all that a role must have.
std::string minimal(std::string_view more) {
  return "role = \"msteams_gateway\"\naddress = \"msteams\"\n" + std::string(more);
}

std::vector<std::string> faults_of(const std::vector<runtime::config::source>& files) {
  std::vector<std::string> texts;
  const auto read = read_roles(files, around);
  if (!read)
    for (const auto& error : read.error())
      texts.push_back(error.text());
  return texts;
}

std::vector<std::string> faults_of(const std::string& text) {
  return faults_of({{"roles.d/x.toml", text}});
}

role_definition last_of(const std::string& text) {
  const auto read = read_roles({{"roles.d/x.toml", text}}, around);
  EXPECT_TRUE(read.has_value()) << read.error().front().text();
  return read->back();
}

const role_definition& built_in(std::string_view role) {
  return *std::ranges::find(built_in_roles(), role, &role_definition::role);
}

// ---- what is built in

TEST(RoleFiles, EveryRoleOfTheStartIsBuiltIn) {
  std::vector<std::string> names;
  for (const auto& one : built_in_roles())
    names.push_back(one.role);
  EXPECT_THAT(names,
              ElementsAre("call_control", "conference_server", "media_relay", "msrprelay_server",
                          "provisioning_server", "rating_server", "sip_proxy", "voicemail_server",
                          "webrtc_gateway", "xcap_server", "xmpp_gateway"));
}

TEST(RoleFiles, ASipProxyIsWhatRfc3263Wants) {
  const auto& proxy = built_in("sip_proxy");
  EXPECT_EQ(proxy.address_name, "proxy");
  EXPECT_THAT(proxy.services, ElementsAre(srv_service{"_sips._tcp", "sips.tcp", 5061},
                                          srv_service{"_sip._tcp", "sip.tcp", 5060},
                                          srv_service{"_sip._udp", "sip.udp", 5060}));
  EXPECT_THAT(proxy.naptr, ElementsAre(naptr_rule{"@", 10, 100, "s", "SIPS+D2T", "_sips._tcp"},
                                       naptr_rule{"@", 20, 100, "s", "SIP+D2T", "_sip._tcp"},
                                       naptr_rule{"@", 30, 100, "s", "SIP+D2U", "_sip._udp"}));
  EXPECT_TRUE(proxy.ring);
  EXPECT_TRUE(proxy.is_public);
  EXPECT_FALSE(built_in("rating_server").is_public);
  EXPECT_FALSE(built_in("media_relay").ring);
}

// ---- an operator's file

TEST(RoleFiles, ADefinitionSaysAllThatARoleCanHave) {
  const auto role = last_of(R"(
role = "msteams_gateway"
address = "msteams"
member_ttl_s = 10
static_ttl_s = 600
slice = 4
public = true
ring = true
weights = "capacity"
null_target = true
[[srv]]
owner = "_sips._tcp.msteams"
port = 5061
[[srv]]
owner = "_sip._tls.msteams"
port_key = "sips.tcp"
port = 5062
[[naptr]]
owner = "msteams"
order = 1
preference = 2
flags = "s"
service = "SIPS+D2T"
replacement = "_sips._tcp.msteams"
[[txt]]
owner = "msteams"
text = "x={domain}"
[[uri]]
owner = "_http._tcp.msteams"
target = "https://msteams.{domain}/"
)");
  const role_definition expected{
      .role = "msteams_gateway",
      .address_name = "msteams",
      .services = {{"_sips._tcp.msteams", "sips.tcp", 5061},
                   {"_sip._tls.msteams", "sips.tcp", 5062}},
      .naptr = {{"msteams", 1, 2, "s", "SIPS+D2T", "_sips._tcp.msteams"}},
      .texts = {{"msteams", "x={domain}"}},
      .uris = {{"_http._tcp.msteams", 10, 1, "https://msteams.{domain}/"}},
      .member_ttl_s = 10,
      .static_ttl_s = 600,
      .slice = 4,
      .is_public = true,
      .ring = true,
      .weights = weight_source::capacity,
      .null_target = true};
  EXPECT_EQ(role, expected);
}

TEST(RoleFiles, WhatADefinitionLeavesOutHasADefault) {
  const auto role = last_of("role = \"billing\"\n[[srv]]\nowner = \"_billing._tcp\"\nport = 7000\n"
                            "[[naptr]]\nservice = \"BILL+D2T\"\nreplacement = \"_billing._tcp\"\n");
  EXPECT_EQ(role, (role_definition{.role = "billing",
                                   .services = {{"_billing._tcp", "billing.tcp", 7000}},
                                   .naptr = {{"@", 100, 100, "s", "BILL+D2T", "_billing._tcp"}}}));
}

TEST(RoleFiles, AFileAddsARoleOrTakesThePlaceOfABuiltInOne) {
  const auto added = read_roles({{"a.toml", minimal("")}}, around);
  EXPECT_THAT(*added, SizeIs(built_in_roles().size() + 1));
  const auto replaced =
      read_roles({{"a.toml", "role = \"media_relay\"\naddress = \"relay\"\n"}}, around);
  EXPECT_THAT(*replaced, SizeIs(built_in_roles().size()));
  EXPECT_EQ(replaced->back().address_name, "relay");
}

TEST(RoleFiles, TheSliceOfTheConfigurationIsThatOfRolesThatNameNone) {
  const auto read = read_roles({{"a.toml", minimal("slice = 3\n")}}, {.slice = 20});
  EXPECT_EQ(read->back().slice, 3);
  EXPECT_EQ(read->front().slice, 20);
}

// ---- mistakes, each with its place

TEST(RoleFiles, AMisspeltKeyIsExplained) {
  EXPECT_THAT(faults_of("rule = \"billing\"\n"),
              ElementsAre("roles.d/x.toml: role is missing",
                          "roles.d/x.toml:1:1: unknown key \"rule\" (did you mean \"role\"?)"));
  EXPECT_THAT(faults_of(minimal("[[srv]]\nowner = \"_a._tcp\"\nprot = 1\n")),
              ElementsAre("roles.d/x.toml:3:1: port in [srv] is missing",
                          "roles.d/x.toml:5:1: unknown key \"prot\" in [srv] (did you mean "
                          "\"port\"?)"));
  EXPECT_THAT(faults_of("role = \n"), ElementsAre(HasSubstr("roles.d/x.toml:1:")));
}

TEST(RoleFiles, RangesAreKept) {
  EXPECT_THAT(faults_of(minimal("member_ttl_s = 0\nstatic_ttl_s = 700000\nslice = 65\n"
                                "weights = \"heavy\"\n")),
              ElementsAre("roles.d/x.toml:3:16: member_ttl_s must be 1 to 3600, not 0",
                          "roles.d/x.toml:4:16: static_ttl_s must be 1 to 604800, not 700000",
                          "roles.d/x.toml:5:9: slice must be 0 to 64, not 65",
                          "roles.d/x.toml:6:11: weights must be one of equal, capacity, not "
                          "\"heavy\""));
  EXPECT_THAT(faults_of(minimal("[[naptr]]\nservice = \"A\"\nreplacement = \"msteams\"\n"
                                "flags = \"u\"\n")),
              ElementsAre(AllOf(HasSubstr("x.toml:6:9: flags in [naptr] must be one of"),
                                HasSubstr("not \"u\""))));
}

TEST(RoleFiles, NamesAreNames) {
  EXPECT_THAT(faults_of("role = \"Billing\"\n"),
              ElementsAre(HasSubstr("x.toml:1:8: role \"Billing\" is no role name")));
  EXPECT_THAT(faults_of("role = \"thor_manager\"\n"),
              ElementsAre(HasSubstr("x.toml:1:8: role \"thor_manager\" is one of the overlay's")));
  for (const auto* name : {"two..dots", "*", "a.node", "role", "x.lookup", "ns9.", "a b"})
    EXPECT_THAT(faults_of("role = \"billing\"\naddress = \"" + std::string(name) + "\"\n"),
                ElementsAre(HasSubstr("x.toml:2:11: address \"" + std::string(name) + "\"")))
        << name;
}

TEST(RoleFiles, AnSrvOwnerIsServiceAndProtocol) {
  for (const auto* owner : {"_sips", "sips._tcp", "_sips.tcp", "_._tcp", "@"})
    EXPECT_THAT(faults_of(minimal("[[srv]]\nport = 1\nport_key = \"a.b\"\nowner = \"" +
                                  std::string(owner) + "\"\n")),
                ElementsAre(AllOf(HasSubstr("x.toml:6:9: owner in [srv]"),
                                  HasSubstr("_service._protocol"))))
        << owner;
  EXPECT_THAT(
      faults_of(minimal("[[srv]]\nowner = \"_a._tcp\"\nport = 1\nport_key = \"_a._tcp\"\n")),
      ElementsAre(HasSubstr("x.toml:6:12: port_key in [srv] \"_a._tcp\" is not like")));
}

TEST(RoleFiles, EachNameAndTypeHasOneOwner) {
  EXPECT_THAT(
      faults_of(minimal("[[srv]]\nowner = \"_SIP._udp\"\nport = 5060\n")),
      ElementsAre("roles.d/x.toml:4:9: owner in [srv] \"_sip._udp\" has SRV records of role "
                  "sip_proxy already"));
  EXPECT_THAT(faults_of("role = \"billing\"\naddress = \"proxy\"\n"),
              ElementsAre(HasSubstr("x.toml:2:11: address \"proxy\" has addresses of role")));
  EXPECT_THAT(faults_of("role = \"billing\"\naddress = \"ns1\"\n"),
              ElementsAre(HasSubstr("\"ns1\" has addresses of a name server already")));
  EXPECT_THAT(faults_of(minimal("[[srv]]\nowner = \"_eventserver._tcp\"\nport = 1\n")),
              ElementsAre(HasSubstr("has SRV records of the event servers already")));
  EXPECT_THAT(faults_of(minimal("[[txt]]\nowner = \"xcap\"\ntext = \"mine\"\n")),
              ElementsAre(HasSubstr("has TXT records of role xcap_server already")));
  const auto twice = faults_of({{"a.toml", minimal("")}, {"b.toml", minimal("")}});
  EXPECT_THAT(twice, Contains(HasSubstr("b.toml:1:8: role \"msteams_gateway\" is defined twice")));
  EXPECT_THAT(twice, Each(HasSubstr("b.toml")));
}

TEST(RoleFiles, NaptrRecordsOfSeveralRolesShareAnOwner) {
  EXPECT_THAT(faults_of(minimal("[[srv]]\nowner = \"_a._tcp\"\nport = 1\n"
                                "[[naptr]]\nservice = \"A+D2T\"\nreplacement = \"_a._tcp\"\n")),
              IsEmpty());
}

TEST(RoleFiles, NaptrRecordsLeadSomewhere) {
  const auto to = [](const std::string& replacement, const std::string& flags) {
    return faults_of(minimal("[[naptr]]\nservice = \"A\"\nreplacement = \"" + replacement +
                             "\"\nflags = \"" + flags + "\"\n"));
  };
  EXPECT_THAT(to("_nobody._tcp", "s"),
              ElementsAre("roles.d/x.toml:5:15: replacement in [naptr] \"_nobody._tcp\" leads "
                          "nowhere: there are no SRV records of a role at that name"));
  EXPECT_THAT(to("_sip._udp", "a"), ElementsAre(HasSubstr("there are no addresses")));
  EXPECT_THAT(to("proxy", ""), ElementsAre(HasSubstr("there are no NAPTR records")));
  EXPECT_THAT(to(".", "s"), ElementsAre(HasSubstr("is no DNS name to go to")));
  EXPECT_THAT(to("_sip._udp", "s"), IsEmpty());
  EXPECT_THAT(to("proxy", "a"), IsEmpty());
  EXPECT_THAT(to("@", ""), IsEmpty());
  EXPECT_THAT(to("_sip._udp.elsewhere.example.", "s"), IsEmpty());
}

TEST(RoleFiles, WhatIsNotPublicIsNoNameToLeadTo) {
  EXPECT_THAT(
      faults_of({{"a.toml", "role = \"hidden\"\npublic = false\n[[srv]]\nowner = \"_h._tcp\"\n"
                            "port = 1\n"},
                 {"b.toml", minimal("[[naptr]]\nservice = \"H\"\nreplacement = \"_h._tcp\"\n")}}),
      ElementsAre(HasSubstr("b.toml:5:15: replacement")));
}

TEST(RoleFiles, TextsFitTheirRecords) {
  EXPECT_THAT(faults_of(minimal("[[txt]]\nowner = \"a\"\ntext = \"" + std::string(1025, 'x') +
                                "\"\n[[uri]]\nowner = \"b\"\ntarget = \"no uri\"\n")),
              ElementsAre(HasSubstr("x.toml:5:8: text in [txt] must have 1 to 1024 octets"),
                          HasSubstr("x.toml:8:10: target in [uri] \"no uri\" is no URI")));
}

TEST(RoleFiles, AnOptionThatCouldDoNothingIsRefused) {
  EXPECT_THAT(faults_of(minimal("null_target = true\n")),
              ElementsAre(HasSubstr("x.toml:3:15: null_target is true, but there is no [[srv]]")));
}

} // namespace
} // namespace thor::dns
