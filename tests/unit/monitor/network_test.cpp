#include "tests/unit/monitor/support.hpp"

namespace thor::monitor {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::VariantWith;

using Following = NetworkTest;

TEST_F(Following, KnowsNothingAtFirst) {
  EXPECT_EQ(trust::unknown, network_.trusted());
  EXPECT_FALSE(network_.settled());
  EXPECT_EQ(model::never, network_.next_deadline());
}

TEST_F(Following, TellsWhatIsRetainedAsOneStatus) {
  connect();
  EXPECT_THAT(hear_status(full({member("gw1", "192.0.2.1", {"sip_proxy"})})), IsEmpty());
  EXPECT_THAT(hear_status(model::status_delta{
                  {{1'750'000'000, "m1"}, 2}, 8, {member("gw2", "192.0.2.2", {"sip_proxy"})}, {}}),
              IsEmpty());
  EXPECT_THAT(
      hear(heard_synced{"es:1", wire::topic::members}),
      ElementsAre(Tells(change_kind::status, "m1", "2 members, epoch 1750000000, serial 8")));
  EXPECT_THAT(hear(heard_synced{"es:1", wire::topic::members}), IsEmpty());
}

TEST_F(Following, TellsTheFirstStatusOfANetworkThatBegins) {
  connect();
  EXPECT_THAT(hear(heard_synced{"es:1", wire::topic::members}), IsEmpty());
  EXPECT_THAT(
      hear_status(full({member("gw1", "192.0.2.1", {"sip_proxy"})})),
      ElementsAre(Tells(change_kind::status, "m1", "1 members, epoch 1750000000, serial 7")));
  EXPECT_EQ(trust::confirmed, network_.trusted());
}

TEST_F(Following, BelievesARetainedStatusOnlyWhenAManagerConfirmsIt) {
  connect();
  hear_status(full({}));
  sync();
  EXPECT_EQ(trust::stale, network_.trusted());
  EXPECT_FALSE(network_.settled()) << "a beat may come";
  beat();
  EXPECT_EQ(trust::confirmed, network_.trusted());
  EXPECT_TRUE(network_.settled());
}

TEST_F(Following, SettlesAsStaleWhenNoManagerIsThere) {
  connect();
  hear_status(full({}));
  sync();
  EXPECT_THAT(pass(2999ms), IsEmpty());
  EXPECT_FALSE(network_.settled());
  EXPECT_THAT(pass(1ms),
              ElementsAre(VariantWith<change>(testing::Field(&change::what, change_kind::stale))));
  EXPECT_EQ(trust::stale, network_.trusted());
  EXPECT_TRUE(network_.settled());
}

TEST_F(Following, WaitsForTheStatisticsToo) {
  connect();
  hear_status(full({}));
  hear(heard_synced{"es:1", wire::topic::members});
  beat();
  EXPECT_FALSE(network_.settled());
  hear(heard_synced{"es:1", wire::topic::statistics});
  EXPECT_TRUE(network_.settled());
}

TEST_F(Following, GoesStaleWhenBeatsStopAndKeepsTheMembers) {
  live({member("gw1", "192.0.2.1", {"sip_proxy"})});
  pass(2s);
  beat();
  EXPECT_THAT(pass(2999ms), IsEmpty());
  EXPECT_THAT(pass(1ms), SizeIs(1));
  EXPECT_EQ(trust::stale, network_.trusted());
  EXPECT_THAT(network_.view().members, SizeIs(1));
  EXPECT_EQ(model::never, network_.next_deadline()) << "told once";
  EXPECT_THAT(hear_status(beat_of(network_.view())),
              ElementsAre(Tells(change_kind::confirmed, "m1", "is heard")));
}

TEST_F(Following, TellsWhatADeltaChanges) {
  live({member("gw1", "192.0.2.1", {"sip_proxy"}), member("gw2", "192.0.2.2", {"sip_proxy"})});
  auto draining = member("gw2", "192.0.2.2", {"sip_proxy", "xcap_server"});
  draining.what.at.sequence = 2;
  draining.what.roles["sip_proxy"].state = model::role_state::draining;
  const model::status_delta delta{{{1'750'000'000, "m1"}, 2},
                                  8,
                                  {draining, member("gw3", "192.0.2.3", {"media_relay"})},
                                  {{id("gw1"), model::withdrawal::silent}}};
  EXPECT_THAT(
      hear_status(delta),
      ElementsAre(Tells(change_kind::gone, "gw1", "silent"),
                  Tells(change_kind::changed, "gw2", "192.0.2.2 sip_proxy(draining) xcap_server"),
                  Tells(change_kind::joined, "gw3", "192.0.2.3 media_relay")));
}

TEST_F(Following, TellsWhatAWholeStatusChangesAndWhoIsActive) {
  live({member("gw1", "192.0.2.1", {"sip_proxy"})});
  EXPECT_THAT(
      hear_status(full({member("gw2", "192.0.2.2", {"sip_proxy"})}, 1, {1'750'000'001, "m2"})),
      ElementsAre(
          Tells(change_kind::manager, "m2", "epoch 1750000001, before: m1 epoch 1750000000"),
          Tells(change_kind::gone, "gw1", ""),
          Tells(change_kind::joined, "gw2", "192.0.2.2 sip_proxy")));
}

TEST_F(Following, HearsTheSameFromEveryEventServerOnce) {
  live({member("gw1", "192.0.2.1", {"sip_proxy"})});
  hear(server_up{"es:2", {"es2", "0123456789abcdef", 0, false, 1000, 3000}});
  const auto again = full({member("gw1", "192.0.2.1", {"sip_proxy"})});
  EXPECT_THAT(hear(heard_status{"es:2", again}), IsEmpty());
}

TEST_F(Following, AsksForASnapshotAfterAGapAndShowsWhatItHas) {
  live({member("gw1", "192.0.2.1", {"sip_proxy"})});
  const model::status_delta later{{{1'750'000'000, "m1"}, 5}, 9, {}, {}};
  EXPECT_THAT(hear_status(later), ElementsAre(VariantWith<resubscribe>(resubscribe{"es:1"})));
  EXPECT_THAT(network_.view().members, SizeIs(1));
}

TEST_F(Following, NeverGoesBackToAnOlderManager) {
  live({member("gw1", "192.0.2.1", {"sip_proxy"})});
  EXPECT_THAT(hear_status(full({}, 9, {1'749'999'999, "m9"})), IsEmpty());
  EXPECT_EQ("m1", network_.view().where.at.manager);
}

TEST_F(Following, RefusesAnEpochFarInTheFutureAndTellsOnce) {
  live({});
  const auto future = full({}, 1, {1'750'003'601, "m2"});
  EXPECT_THAT(hear_status(future),
              ElementsAre(Tells(change_kind::refused, "m2",
                                "epoch 1750003601 is too far in the future: look at its clock")));
  EXPECT_THAT(hear_status(future), IsEmpty());
}

TEST_F(Following, KeepsTheStateOfEachEventServer) {
  EXPECT_THAT(hear(server_failed{"es:2", "cannot connect"}), IsEmpty());
  connect();
  hear(heard_heartbeat{"es:1", {3, 63'000, true, 12, 0}});
  const auto& up = network_.servers().at("es:1");
  EXPECT_TRUE(up.up && up.admitting);
  EXPECT_EQ(12U, up.members);
  EXPECT_EQ("cannot connect", network_.servers().at("es:2").why);
  EXPECT_THAT(hear(server_down{"es:1", "connection lost"}),
              ElementsAre(Tells(change_kind::server_down, "es:1", "connection lost")));
  EXPECT_FALSE(network_.servers().at("es:1").up);
  EXPECT_EQ("es1", network_.servers().at("es:1").id);
}

TEST_F(Following, WaitsForEveryConnectedEventServer) {
  live({});
  EXPECT_TRUE(network_.settled());
  hear(server_up{"es:2", {"es2", "0123456789abcdef", 0, false, 1000, 3000}});
  EXPECT_FALSE(network_.settled()) << "it may know of a later manager";
  hear(server_down{"es:2", "connection lost"});
  EXPECT_TRUE(network_.settled());
}

TEST_F(Following, IsNotSettledByAServerThatWentAway) {
  connect();
  hear_status(full({}));
  sync();
  hear(server_down{"es:1", "connection lost"});
  pass(3s);
  EXPECT_FALSE(network_.settled());
}

// ---- thor-dns

TEST_F(Following, TellsWhenAThorDnsGetsAndLosesItsFlags) {
  live({member("dns1", "192.0.2.1", {"thor_dnsmanager"})});
  EXPECT_THAT(report_dns("dns1"), IsEmpty());
  EXPECT_THAT(report_dns("dns1", true, true),
              ElementsAre(Tells(change_kind::dns, "dns1", "degraded divergent")));
  EXPECT_EQ((wire::zone_report{7, 0xab, true, true}), network_.dns_reports().at(id("dns1")));
  EXPECT_THAT(report_dns("dns1", true, true), IsEmpty());
  EXPECT_THAT(report_dns("dns1"), ElementsAre(Tells(change_kind::dns, "dns1", "in order")));
}

TEST_F(Following, ShowsReportsOfMembersOnly) {
  report_dns("dns1", true);
  EXPECT_THAT(network_.dns_reports(), IsEmpty());
  live({member("dns1", "192.0.2.1", {"thor_dnsmanager"})});
  EXPECT_THAT(network_.dns_reports(), SizeIs(1));
  hear_status(model::status_delta{
      {{1'750'000'000, "m1"}, 2}, 8, {}, {{id("dns1"), model::withdrawal::left}}});
  EXPECT_THAT(network_.dns_reports(), IsEmpty());
}

} // namespace
} // namespace thor::monitor
