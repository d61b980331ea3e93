// bench_backend: the figures that one process can take by itself; run.py adds those of wrk.
#include "tests/bench/backend/cases.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <iostream>

int main(int argc, char** argv) {
  using namespace thor::bench;
  CLI::App app("Measures the remote backend.");
  bool json = false;
  unsigned members = 0;
  std::size_t octets = 0;
  app.add_flag("--json", json, "one JSON object a line");
  const auto* const table =
      app.add_option("--serve-table", members, "serve a zone of so many members");
  const auto* const constant =
      app.add_option("--serve-constant", octets, "serve a body of so many octets");
  CLI11_PARSE(app, argc, argv);
  try {
    if (*table) {
      serve_table(members);
    } else if (*constant) {
      serve_constant(octets);
    } else {
      in_process(report(json));
      during_rebuilds(report(json));
    }
    return EXIT_SUCCESS;
  } catch (const std::exception& e) {
    std::cerr << "bench_backend: " << e.what() << '\n';
    return EXIT_FAILURE;
  }
}
