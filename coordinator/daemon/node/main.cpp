#include "coordinator/daemon/node/node.hpp"
#include "coordinator/runtime/program.hpp"

int main(int argc, char** argv) {
  using namespace thor;
  node::settings how;
  const runtime::program what{
      .name = "thor-node",
      .summary = "Joins this machine to the overlay: announces its roles and addresses.",
      .commands = {{"drain", "take no new work: leave SRV, keep the address, for a time",
                    "SECONDS"},
                   {"undrain", "take new work again", ""},
                   {"statistics", "show the figures of this node, or hand in some: NAME JSON",
                    "NAME..."}},
      .reloaded_tables = {"node"},
      .check = [&](const auto& self) { return node::check(how, self); }};
  return runtime::run_program(
      what, argc, argv, [&](runtime::config& from) { how = node::read_settings(from); },
      [&](runtime::service& on) { node::node(on, how).run(); });
}
