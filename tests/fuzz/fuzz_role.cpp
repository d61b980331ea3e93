// Role definitions: whatever stands in an operator's file, the answer is roles that make a zone, or
// errors that name the file.
#include "coordinator/daemon/dns/roles/role_files.hpp"
#include "zone/check/check.hpp"

#include <cstdlib>
#include <string_view>

namespace {

void require(bool so) {
  if (!so) {
    std::abort();
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace thor;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  auto roles = dns::read_roles({{"role.toml", std::string(input)}}, {});
  if (!roles) {
    require(!roles.error().empty());
    for (const auto& error : roles.error()) {
      require(!error.what.empty() && !error.file.empty());
    }
    return 0;
  }
  const auto domain = *zone::name::parse("sip.example");
  const auto plan = dns::zone_plan::make({.domain = domain,
                                          .ids = {{domain, 1}},
                                          .soa = {},
                                          .name_servers = {{"ns1.elsewhere.example.", {}, 0}},
                                          .event_servers = {},
                                          .roles = std::move(*roles)});
  if (plan) { // else a name is absolute, and in this domain after all
    const auto built = zone::build(
        plan->describe({}, dns::node_names(plan->node_parent()), {}, 1).front(), nullptr);
    require(built.rejected.empty() && zone::check_changes(nullptr, *built.zone).has_value());
  }
  return 0;
}
