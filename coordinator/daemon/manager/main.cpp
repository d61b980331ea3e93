#include "coordinator/daemon/manager/manager_service.hpp"
#include "coordinator/runtime/program.hpp"

int main(int argc, char** argv) {
  using namespace thor;
  const runtime::program about{.name = "thor-manager",
                               .summary = "Judges who is online and publishes the network status.",
                               .commands = {}};
  return runtime::run_program(
      about, argc, argv, [](runtime::config&) {},
      [](runtime::service& host) { manager::manager_service(host).run(); });
}
