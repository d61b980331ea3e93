#include "coordinator/daemon/manager/manager_service.hpp"
#include "coordinator/runtime/program.hpp"

int main(int argc, char** argv) {
  using namespace thor;
  const runtime::program about{
      .name = "thor-manager",
      .summary = "Judges who is online; the active one of several publishes it.",
      .commands = {{"statistics", "show the last figures of every member, as JSON", ""}},
      .check = [](const auto& self) { return runtime::check_role(self, identity::role_manager); }};
  manager::settings how;
  return runtime::run_program(
      about, argc, argv, [&](runtime::config& from) { how = manager::read_settings(from); },
      [&](runtime::service& host) { manager::manager_service(host, how).run(); });
}
