#include "coordinator/runtime/role_gauges.hpp"

#include <map>
#include <utility>

namespace thor::runtime {

void role_gauges::show(const model::member_map& members) {
  std::map<std::pair<std::string, model::role_state>, std::size_t> counted;
  for (const auto& [id, member] : members) {
    for (const auto& [role, offer] : member.what.roles) {
      ++counted[{role, offer.state}];
      roles_.insert(role);
    }
  }
  for (const auto& role : roles_) {
    for (const auto state : {model::role_state::active, model::role_state::draining}) {
      const std::string word(model::to_string(state));
      registry_
          .gauge("thor_role_" + word, "Members of a role in state " + word + ".", {{"role", role}})
          .Set(static_cast<double>(counted[{role, state}]));
    }
  }
}

} // namespace thor::runtime
