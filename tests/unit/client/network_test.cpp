#include "coordinator/client/network.hpp"
#include "tests/unit/client/stage.hpp"

#include <fmt/format.h>

namespace thor::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// What an observer of members is told, as words.
class member_notes final : public member_observer {
 public:
  void on_synced(const model::view& all) override {
    lines.push_back(fmt::format("synced {}", all.members.size()));
  }
  void on_gone(const model::member& last, std::optional<model::withdrawal> why) override {
    lines.push_back(
        fmt::format("gone {} {}", last.what.id.text(), why ? model::to_string(*why) : "?"));
  }
  void on_changed(const model::member& before, const model::member& now) override {
    lines.push_back(fmt::format("changed {} {}->{}", now.what.id.text(), before.what.at.sequence,
                                now.what.at.sequence));
  }
  void on_joined(const model::member& now) override {
    lines.push_back("joined " + now.what.id.text());
  }
  void on_settled(const model::view& all) override {
    lines.push_back(fmt::format("settled {}", all.where.sequence));
  }

  std::vector<std::string> lines;
};

class NetworkStage : public Stage, private observer {
 protected:
  void follow() {
    open_server();
    auto& ours = static_cast<observer&>(*this);
    subject.emplace(io, how({wire::topic::members}), *who, ours);
    members.emplace(*subject, &counters);
    members->tell(told);
    subject->start();
    until([&] { return ups == 1; });
  }

  void publish(const model::status_event& status) { publish_text(wire::encode_body(status)); }
  void publish_text(const std::string& body) {
    server->say(wire::event{sign(manager, wire::topic::members, body), {}});
  }
  void sync() { server->say(wire::synced{wire::topic::members, 1}); }

  static model::member member_of(const std::string& id, std::uint64_t sequence = 1) {
    auto what = presence_of(id);
    what.at.sequence = sequence;
    return {what, now()};
  }
  static model::unix_time now() { return runtime::unix_now(); }

  void on_server_up(const std::string& at, const wire::welcome&) override {
    ++ups;
    members->on_server_up(at);
  }
  void on_server_down(const std::string& at, const std::string&) override {
    members->on_server_down(at);
  }
  void on_message(const std::string& at, const wire::server_message& what,
                  const identity::peer*) override {
    members->on_message(at, what);
  }

  model::epoch epoch{static_cast<std::uint64_t>(now().time_since_epoch().count()), "m1"};
  x509::credentials manager = credentials_of("m1", {"thor_manager"});
  member_notes told;
  std::optional<network> members;
  int ups = 0;
};

TEST_F(NetworkStage, TellsTheFirstStatusAndThenTheChanges) {
  follow();
  publish(model::status_full{{epoch, 1}, 7, {{id_of("a"), member_of("a")}}});
  publish(model::status_delta{{epoch, 2}, 8, {member_of("b"), member_of("c")}, {}});
  sync();
  until([&] { return members->synced(); });
  EXPECT_THAT(told.lines, ElementsAre("synced 3"));

  publish(model::status_delta{{epoch, 3},
                              9,
                              {member_of("d"), member_of("b", 2)},
                              {{id_of("c"), model::withdrawal::closed}}});
  until([&] { return members->view().where.sequence == 3; });
  EXPECT_THAT(told.lines,
              ElementsAre("synced 3", "gone c closed", "changed b 1->2", "joined d", "settled 3"));
}

TEST_F(NetworkStage, AsksForASnapshotAfterAGap) {
  follow();
  publish(model::status_full{{epoch, 1}, 7, {{id_of("a"), member_of("a")}}});
  sync();
  publish(model::status_delta{{epoch, 3}, 8, {member_of("b")}, {}});
  until([&] { return ups == 2; });
  EXPECT_THAT(told.lines, ElementsAre("synced 1")) << "connected anew, with what it had";
}

TEST_F(NetworkStage, CountsWhatItDoesNotTake) {
  follow();
  publish_text("{}");
  publish(model::status_full{{{epoch.counter + 7200, "m1"}, 1}, 7, {}});
  publish(model::status_full{{epoch, 2}, 7, {}});
  publish(model::status_full{{epoch, 1}, 7, {}});
  sync();
  until([&] { return members->synced(); });
  for (const auto* reason : {"malformed", "far_future", "stale"}) {
    EXPECT_THAT(counters.text(), HasSubstr(fmt::format("thor_client_refused_statuses_total{{reason="
                                                       "\"{}\"}} 1",
                                                       reason)));
  }
}

} // namespace
} // namespace thor::client
