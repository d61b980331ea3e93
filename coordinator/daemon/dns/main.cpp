#include "coordinator/daemon/dns/commands.hpp"
#include "coordinator/daemon/dns/dns_service.hpp"
#include "coordinator/daemon/dns/settings.hpp"
#include "coordinator/daemon/dns/zone_commands.hpp"
#include "coordinator/runtime/program.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

int main(int argc, char** argv) {
  using namespace thor;
  dns::settings how;
  auto commands = dns::operator_commands(how);
  std::ranges::move(dns::zone_commands(), std::back_inserter(commands));
  const runtime::program about{
      .name = "thor-dns",
      .summary = "Answers PowerDNS with the members of the overlay, as its remote backend.",
      .commands = {{"promote", "make this name server the one that writes the operator's data",
                    ""}},
      .reloaded_tables = {"dns"},
      .check =
          [](const auto& self) { return runtime::check_role(self, identity::role_dns_manager); },
      .local_commands = std::move(commands)};
  return runtime::run_program(
      about, argc, argv, [&](runtime::config& from) { how = dns::read_settings(from); },
      [&](runtime::service& host) { dns::dns_service(host, how).run(); });
}
