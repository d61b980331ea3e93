// How many members each role has: thor_role_active and thor_role_draining, the figures that an
// operator watches. A role that was seen once stays, with 0 when nobody is left, so that an alert
// on it fires.
#pragma once

#include "coordinator/model/status.hpp"
#include "coordinator/runtime/metrics.hpp"

#include <set>
#include <string>

namespace thor::runtime {

class role_gauges {
 public:
  /// `roles` are shown from the start.
  role_gauges(metrics& registry, std::set<std::string> roles)
      : registry_(registry)
      , roles_(std::move(roles)) {}

  /// These are shown from now on, too.
  void expect(std::set<std::string> roles) { roles_.merge(roles); }

  void show(const model::member_map& members);

 private:
  metrics& registry_;
  std::set<std::string> roles_;
};

} // namespace thor::runtime
