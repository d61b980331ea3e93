#include "coordinator/lookup/key.hpp"
#include "coordinator/text_port/text_port.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace thor::text_port {
namespace {

using testing::StartsWith;

model::member member(std::string_view id, std::string_view address, std::string_view role,
                     model::role_state state = model::role_state::active) {
  model::member out{{*model::node_id::parse(id),
                     {1, 1},
                     {*model::ip_address::parse(address), *model::ip_address::parse("2001:db8::9")},
                     {},
                     "",
                     "thor-node 1",
                     {}},
                    {}};
  out.what.roles[std::string(role)].state = state;
  return out;
}

class TextPort : public testing::Test {
 protected:
  TextPort() {
    add(member("gw1", "192.0.2.1", "sip_proxy"));
    add(member("gw2", "192.0.2.2", "sip_proxy", model::role_state::draining));
    add(member("gw3", "192.0.2.3", "sip_proxy"));
    add(member("mr1", "192.0.2.4", "media_relay"));
  }
  void add(model::member m) {
    const auto id = m.what.id;
    members_.insert_or_assign(id, std::move(m));
    rings_ = lookup::rings(members_);
  }
  [[nodiscard]] std::string ask(std::string_view question) const {
    return answer(question, {synced_, members_, rings_});
  }

  bool synced_ = true;
  model::member_map members_;
  lookup::rings rings_;
};

TEST_F(TextPort, TellsTheAddressOfTheHome) {
  for (const std::string key :
       {"alice@example.com", "bob@example.com", "k@[2001:db8::1]", "\"John Smith\"@example.com"}) {
    const auto* home = rings_.of("sip_proxy").home(lookup::key_hash(key));
    EXPECT_EQ(members_.at(*model::node_id::parse(home->id)).what.addresses.front().text(),
              ask("lookup sip_proxy for " + key));
  }
  EXPECT_EQ(ask("lookup sip_proxy for alice@example.com"),
            ask("  lookup  sip_proxy for  Alice@EXAMPLE.com "));
  EXPECT_EQ("192.0.2.4", ask("lookup media_relay for anything"));
}

TEST_F(TextPort, HasNoHomeWhereNobodyOffersTheRole) {
  EXPECT_EQ("error: no member offers that role", ask("lookup xcap_server for alice@example.com"));
}

TEST_F(TextPort, TellsWhoIsOnline) {
  EXPECT_EQ("Yes", ask("is_online 192.0.2.1 as sip_proxy"));
  EXPECT_EQ("Yes", ask("is_online 192.0.2.2 as sip_proxy")) << "draining is online";
  EXPECT_EQ("Yes", ask("is_online 2001:DB8:0::9 as media_relay")) << "any of its addresses";
  EXPECT_EQ("Yes", ask("is_online ::ffff:192.0.2.1 as sip_proxy"));
  EXPECT_EQ("No", ask("is_online 192.0.2.1 as media_relay"));
  EXPECT_EQ("No", ask("is_online 192.0.2.9 as sip_proxy"));
  EXPECT_EQ("error: that is no IP address", ask("is_online gw1 as sip_proxy"));
}

TEST_F(TextPort, TellsTheStatusWithoutPasswords) {
  model::member_map one;
  auto m = member("db1", "192.0.2.5", "thor_database");
  m.what.attributes = {{"dburi", "mysql://thor:secret@db1/thor"},
                       {"dburi.1", "10 mysql://thor@db1/thor"},
                       {"dburi.2", "20 mysql://thor:secret@db2/thor"},
                       {"capacity", "250"}};
  one.emplace(m.what.id, m);
  EXPECT_EQ(R"({"db1":{"ip":"192.0.2.5","version":"thor-node 1","roles":["thor_database"],)"
            R"("attributes":{"capacity":"250","dburi":"***","dburi.1":"10 mysql://thor@db1/thor",)"
            R"("dburi.2":"***"}}})",
            answer("status", {true, one, {}}));
  EXPECT_EQ("{}", answer("status", {true, {}, {}}));
}

TEST_F(TextPort, KnowsNothingBeforeTheFirstStatus) {
  synced_ = false;
  for (const auto* question :
       {"lookup sip_proxy for a", "is_online 192.0.2.1 as sip_proxy", "status"}) {
    EXPECT_EQ("error: the network is not known yet", ask(question));
  }
}

TEST_F(TextPort, RefusesWhatIsNoQuestionAndSaysWhatIs) {
  for (const auto* question :
       {"", " ", "lookup", "lookup sip_proxy", "lookup sip_proxy for", "lookup sip_proxy for ",
        "LOOKUP sip_proxy for a", "lookup sip_proxy of a", "status now", "ROLE",
        "a b c d e f g h i j", "\x1b[2J", "lookup\tsip_proxy for a"}) {
    EXPECT_THAT(ask(question), StartsWith("error: not a question; there are: lookup ROLE for KEY,"))
        << question;
  }
}

} // namespace
} // namespace thor::text_port
