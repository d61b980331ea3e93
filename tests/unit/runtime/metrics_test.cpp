#include "coordinator/runtime/metrics.hpp"
#include "coordinator/runtime/role_gauges.hpp"

#include <gmock/gmock.h>

namespace thor::runtime {
namespace {

using testing::HasSubstr;

TEST(Metrics, TheSameNameAndLabelsAreTheSameMetric) {
  metrics m;
  m.counter("thor_x_total", "help", {{"reason", "a"}}).Increment();
  m.counter("thor_x_total", "help", {{"reason", "a"}}).Increment();
  m.counter("thor_x_total", "help", {{"reason", "b"}}).Increment();
  m.gauge("thor_y", "help").Set(7);
  EXPECT_THAT(m.text(), HasSubstr("thor_x_total{reason=\"a\"} 2\n"));
  EXPECT_THAT(m.text(), HasSubstr("thor_x_total{reason=\"b\"} 1\n"));
  EXPECT_THAT(m.text(), HasSubstr("# TYPE thor_y gauge\nthor_y 7\n"));
}

TEST(Metrics, TheFigureThatOperatorsWatchComesFirst) {
  metrics m;
  m.counter("thor_b_total", "help");
  m.gauge("thor_a", "help");
  m.gauge("thor_role_active", "help", {{"role", "sip_proxy"}});
  const auto text = m.text();
  EXPECT_LT(text.find("thor_role_active"), text.find("thor_a"));
  EXPECT_LT(text.find("thor_a"), text.find("thor_b_total"));
}

model::member member_in(const std::string& role, model::role_state state) {
  model::member out{{*model::node_id::parse("n1"), {}, {}, {}, {}, {}, {}}, {}};
  out.what.roles[role].state = state;
  return out;
}

TEST(RoleGauges, CountMembersByRoleAndState) {
  metrics m;
  role_gauges roles(m, {"media_relay"});
  model::member_map members;
  members.emplace(*model::node_id::parse("n1"), member_in("sip_proxy", model::role_state::active));
  members.emplace(*model::node_id::parse("n2"),
                  member_in("sip_proxy", model::role_state::draining));
  roles.show(members);
  EXPECT_THAT(m.text(), HasSubstr("thor_role_active{role=\"sip_proxy\"} 1\n"));
  EXPECT_THAT(m.text(), HasSubstr("thor_role_draining{role=\"sip_proxy\"} 1\n"));
  EXPECT_THAT(m.text(), HasSubstr("thor_role_active{role=\"media_relay\"} 0\n"))
      << "known before the first member";
  roles.show({});
  EXPECT_THAT(m.text(), HasSubstr("thor_role_active{role=\"sip_proxy\"} 0\n"))
      << "an alert needs the zero";
}

} // namespace
} // namespace thor::runtime
