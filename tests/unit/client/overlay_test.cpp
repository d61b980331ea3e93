#include "coordinator/client/thor/overlay.hpp"
#include "tests/unit/client/stage.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ranges>

namespace thor::client {
namespace {

namespace asio = boost::asio;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// The public library before a server whose lines the test writes.
class OverlayStage : public Stage {
 protected:
  thor::options how(std::optional<thor::presence> presence = {}) {
    if (!server) {
      open_server();
    }
    const auto files = x509::install(
        directory, "n1", x509::make_node(ca, "n1", {"sip_proxy", "xcap_server"}), {&ca});
    thor::options out;
    out.certificate = files.certificate;
    out.key = files.key;
    out.ca = files.ca;
    out.crl = files.crl;
    out.event_servers = {server->where()};
    out.software = "test 1";
    out.presence = std::move(presence);
    return out;
  }
  callbacks all() {
    return {.on_synced = [this] { tell("synced"); },
            .on_gone = [this](const auto& m, auto why) { tell("gone " + m.id, to_string(why)); },
            .on_changed =
                [this](const auto& before, const auto& now) {
                  tell(fmt::format("changed {} {}->{}", now.id, before.sequence, now.sequence));
                },
            .on_joined = [this](const auto& m) { tell("joined " + m.id); },
            .on_settled = [this] { tell("settled"); },
            .on_statistics = [this](const auto& id, const auto& json) { tell(id, json); },
            .on_server_up = [this](const auto&) { ++ups; },
            .on_server_down = [this](const auto&, const auto& why) { tell("down", why); },
            .on_replaced = [this] { tell("replaced"); },
            .on_log = [this](severity, std::string_view line) { log.emplace_back(line); }};
  }
  /// A line, and whom members() shows at that moment.
  void tell(const std::string& what, std::string_view detail = {}) {
    const auto& shown = net->members();
    lines.push_back(fmt::format("{}{}{} [{}]", what, detail.empty() ? "" : " ", detail,
                                fmt::join(std::views::keys(shown), " ")));
  }

  void join(thor::presence what = {.roles = {{"sip_proxy", {}}}}) {
    net.emplace(io, how(std::move(what)), all());
    until([&] { return ups == 1 && !presences().empty(); });
  }
  void listen() {
    net.emplace(io, how(), all());
    until([&] { return ups == 1; });
  }

  void publish(const model::status_event& status) {
    say_signed(manager, wire::topic::members, wire::encode_body(status));
  }
  void say_signed(const x509::credentials& author, wire::topic about, const std::string& body) {
    server->say(wire::event{sign(author, about, body), {}});
  }
  void sync() { server->say(wire::synced{wire::topic::members, 1}); }
  void begin(model::member_map members) {
    publish(model::status_full{{epoch, 1}, 7, std::move(members)});
    sync();
  }
  static std::pair<const model::node_id, model::member> entry(const std::string& id,
                                                              std::uint64_t sequence = 1) {
    auto what = presence_of(id);
    what.at.sequence = sequence;
    return {what.id, {what, runtime::unix_now()}};
  }

  [[nodiscard]] std::vector<std::string> bodies(wire::topic about) const {
    std::vector<std::string> out;
    for (const auto& said : server->heard<wire::publish>()) {
      if (said.what.about == about) {
        out.push_back(said.what.body);
      }
    }
    return out;
  }
  [[nodiscard]] std::vector<model::presence> presences() const {
    std::vector<model::presence> out;
    for (const auto& body : bodies(wire::topic::presence)) {
      out.push_back(wire::decode_presence(body).value());
    }
    return out;
  }
  /// The network shows what we announced last.
  model::member ourselves() { return {presences().back(), runtime::unix_now()}; }

  auto store(std::optional<boost::system::error_code>& result) {
    return [&result](boost::system::error_code what) { result = what; };
  }

  model::epoch epoch{static_cast<std::uint64_t>(runtime::unix_now().time_since_epoch().count()),
                     "m1"};
  x509::credentials manager = credentials_of("m1", {"thor_manager"});
  std::vector<std::string> lines;
  std::vector<std::string> log;
  int ups = 0;
  std::optional<overlay> net;
};

TEST_F(OverlayStage, TellsMembersInThePromisedOrderWithTheWholeChangeInSight) {
  listen();
  EXPECT_FALSE(net->synced());
  EXPECT_THAT(net->lookup("sip_proxy", "alice@example.com"), IsEmpty());
  begin({entry("b"), entry("d"), entry("f")});
  publish(model::status_delta{{epoch, 2},
                              8,
                              {entry("f", 2).second, entry("a").second},
                              {{id_of("d"), model::withdrawal::silent}}});
  until([&] { return lines.size() == 5; });
  EXPECT_THAT(lines, ElementsAre("synced [b d f]", "gone d silent [a b f]",
                                 "changed f 1->2 [a b f]", "joined a [a b f]", "settled [a b f]"));
  EXPECT_THAT(net->lookup("sip_proxy", "alice@example.com", 9), SizeIs(3));
  EXPECT_THAT(net->lookup("xcap_server", "alice@example.com"), IsEmpty());
  EXPECT_EQ("192.0.2.1", net->members().at("a").addresses.at(0).to_string());
  EXPECT_THAT(presences(), IsEmpty()) << "it only listens";
}

TEST_F(OverlayStage, ALookupDistinguishesWhatIsThereFromWhatIsNew) {
  listen();
  auto b = entry("b");
  b.second.what.roles["sip_proxy"].state = model::role_state::draining;
  begin({entry("a"), b});
  until([&] { return net->synced(); });
  std::set<std::string> homes;
  for (int number = 0; number < 50; ++number) {
    const auto key = std::to_string(number);
    homes.insert(net->lookup("sip_proxy", key).at(0)->id);
    EXPECT_EQ("a", net->lookup("sip_proxy", key, 1, placement::fresh).at(0)->id);
  }
  EXPECT_THAT(homes, ElementsAre("a", "b"));
}

TEST_F(OverlayStage, AnnouncesDrainsAndComesBack) {
  thor::presence what{.roles = {{"sip_proxy", {.ports = {{"sip.udp", 5070}}, .weight = 50}}},
                      .addresses = {asio::ip::make_address("192.0.2.1")},
                      .site = "ams",
                      .attributes = {{"a", "b"}}};
  join(what);
  const auto first = presences().at(0);
  EXPECT_EQ((model::role_offer{model::role_state::active, {{"sip.udp", 5070}}, 10, 50}),
            first.roles.at("sip_proxy"));
  EXPECT_EQ("192.0.2.1", first.addresses.at(0).text());
  EXPECT_EQ("ams", first.site);

  net->drain();
  until([&] { return presences().size() == 2; });
  EXPECT_EQ(model::role_state::draining, presences().at(1).roles.at("sip_proxy").state);
  what.roles["xcap_server"];
  net->announce(what);
  until([&] { return presences().size() == 3; });
  EXPECT_EQ(model::role_state::draining, presences().at(2).roles.at("xcap_server").state);
  EXPECT_TRUE(net->draining());
  net->undrain();
  until([&] { return presences().size() == 4; });
  EXPECT_EQ(model::role_state::active, presences().at(3).roles.at("sip_proxy").state);
  net->announce(what);
  std::optional<boost::system::error_code> left;
  net->async_leave(store(left));
  until([&] { return left.has_value(); });
  EXPECT_THAT(presences(), SizeIs(4)) << "the same is not said again";
  EXPECT_THAT(bodies(wire::topic::leave), SizeIs(1));
}

TEST_F(OverlayStage, RefusesWhatCannotBeAnnounced) {
  const auto refusal = [&](thor::presence what) -> std::string {
    try {
      overlay none(io, how(std::move(what)));
    } catch (const std::invalid_argument& why) {
      return why.what();
    }
    return "accepted";
  };
  EXPECT_THAT(refusal({.roles = {{"media_relay", {}}}}),
              HasSubstr("the certificate of n1 has no OU media_relay"));
  EXPECT_THAT(refusal({.roles = {{"Media Relay", {}}}}), HasSubstr("cannot be announced: "));
  EXPECT_THAT(refusal({.roles = {{"sip_proxy", {}}}, .attributes = {{"a", "\n"}}}),
              HasSubstr("cannot be announced: "));
  listen();
  EXPECT_THROW(net->announce({.roles = {{"sip_proxy", {}}}}), std::logic_error);
  EXPECT_THROW(net->publish_statistics("{}"), std::logic_error);

  auto wrong = how();
  wrong.key = "/nonexistent/key";
  EXPECT_THROW((overlay{io, wrong}), std::runtime_error);
  wrong = how();
  wrong.event_servers = {"no endpoint"};
  EXPECT_THROW((overlay{io, wrong}), std::runtime_error);
}

TEST_F(OverlayStage, WaitsUntilItIsAMemberInWhatItAnnouncedLast) {
  join();
  std::optional<boost::system::error_code> synced;
  std::optional<boost::system::error_code> joined;
  std::optional<boost::system::error_code> again;
  net->async_synced(store(synced));
  net->async_joined(store(joined));
  begin({});
  until([&] { return synced.has_value(); });
  EXPECT_FALSE(*synced);
  EXPECT_FALSE(joined.has_value());
  publish(model::status_delta{{epoch, 2}, 8, {ourselves()}, {}});
  until([&] { return joined.has_value(); });
  EXPECT_FALSE(*joined);

  net->drain();
  net->async_joined(store(again));
  until([&] { return presences().size() == 2; });
  publish(model::status_delta{{epoch, 3}, 9, {entry("b").second}, {}});
  until([&] { return net->members().contains("b"); });
  EXPECT_FALSE(again.has_value()) << "what the network shows is from before the drain";
  publish(model::status_delta{{epoch, 4}, 10, {ourselves()}, {}});
  until([&] { return again.has_value(); });
}

TEST_F(OverlayStage, AWaitCanBeCancelledAndEndsWithTheOverlay) {
  listen();
  asio::cancellation_signal enough;
  std::optional<boost::system::error_code> cancelled;
  std::optional<boost::system::error_code> abandoned;
  net->async_synced(asio::bind_cancellation_slot(enough.slot(), store(cancelled)));
  net->async_synced(store(abandoned));
  enough.emit(asio::cancellation_type::terminal);
  until([&] { return cancelled.has_value(); });
  EXPECT_EQ(asio::error::operation_aborted, *cancelled);
  EXPECT_FALSE(abandoned.has_value());
  net.reset();
  until([&] { return abandoned.has_value(); });
  EXPECT_EQ(asio::error::operation_aborted, *abandoned);
  enough.emit(asio::cancellation_type::terminal); // after the end of both
}

TEST_F(OverlayStage, CanBeAwaited) {
  join();
  begin({});
  std::vector<std::string> story;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        co_await net->async_synced(asio::use_awaitable);
        story.emplace_back("synced");
        publish(model::status_delta{{epoch, 2}, 8, {ourselves()}, {}});
        co_await net->async_joined(asio::use_awaitable);
        story.emplace_back("joined");
        co_await net->async_leave(std::chrono::seconds(5), asio::use_awaitable);
        story.emplace_back("left");
      },
      [](const std::exception_ptr& thrown) {
        if (thrown) {
          std::rethrow_exception(thrown);
        }
      });
  until([&] { return story.size() == 3; });
  until([&] { return !bodies(wire::topic::leave).empty(); });
  EXPECT_THAT(bodies(wire::topic::leave).at(0), HasSubstr("\"hold_ms\":5000"));
}

TEST_F(OverlayStage, EndsItsWaitsWhenItIsReplaced) {
  join();
  std::optional<boost::system::error_code> joined;
  net->async_joined(store(joined));
  server->close(wire::close_code::replaced);
  until([&] { return joined.has_value(); });
  EXPECT_EQ(asio::error::connection_aborted, *joined);
  EXPECT_THAT(lines, testing::Contains("replaced []"));
  EXPECT_THAT(log, testing::Contains(HasSubstr("a newer process with our id n1 is at work")));
}

TEST_F(OverlayStage, PublishesStatisticsAgainWhereItConnectsAnew) {
  join();
  net->publish_statistics(R"( {"calls":3} )");
  until([&] { return bodies(wire::topic::statistics).size() == 1; });
  EXPECT_EQ(R"({"id":"n1","statistics":{"calls":3}})", bodies(wire::topic::statistics).at(0));
  server->close(wire::close_code::going_away);
  until([&] { return bodies(wire::topic::statistics).size() == 2; });
  for (const auto* wrong : {"", "3", "[]", "{", "{} {}"}) {
    EXPECT_THROW(net->publish_statistics(wrong), std::invalid_argument) << wrong;
  }
  EXPECT_THROW(net->publish_statistics("{\"a\":\"" + std::string(16'000, 'x') + "\"}"),
               std::invalid_argument);
}

TEST_F(OverlayStage, TellsStatisticsOnceThoughTheyComeFromSeveralServers) {
  listen();
  const auto author = credentials_of("n2", {"sip_proxy"});
  for (const auto* body :
       {R"({"id":"n2","statistics":{"calls":3}})", R"({"id":"n2","statistics":{"calls":3}})",
        R"({"id":"n2","statistics":{"calls":4}})"}) {
    say_signed(author, wire::topic::statistics, body);
  }
  until([&] { return lines.size() == 2; });
  EXPECT_THAT(lines, ElementsAre(R"(n2 {"calls":3} [])", R"(n2 {"calls":4} [])"));
}

} // namespace
} // namespace thor::client
