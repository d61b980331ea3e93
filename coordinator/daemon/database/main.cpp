#include "coordinator/daemon/database/database.hpp"
#include "coordinator/runtime/program.hpp"

int main(int argc, char** argv) {
  using namespace thor;
  database::settings how;
  const runtime::program what{
      .name = "thor-database",
      .summary = "Tells the overlay where the provisioning databases are.",
      .commands = {},
      .reloaded_tables = {"database"},
      .check = [&](const auto& self) { return database::check(how, self); }};
  return runtime::run_program(
      what, argc, argv, [&](runtime::config& from) { how = database::read_settings(from); },
      [&](runtime::service& on) { database::database(on, how).run(); });
}
