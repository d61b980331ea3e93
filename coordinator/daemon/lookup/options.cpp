#include "coordinator/daemon/lookup/options.hpp"

#include "coordinator/runtime/config.hpp"
#include "coordinator/runtime/program.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace thor::lookup {
namespace {

constexpr int timeout_s_max = 3600;
constexpr std::string_view standard_input = "-";

struct flags {
  bool status = false;
  bool fresh = false;
  bool check_config = false;
  int count = 1;
  int timeout_s = 10;
};

void declare(CLI::App& app, options& out, flags& given) {
  app.set_version_flag("--version", std::string("thor-lookup ") + THOR_VERSION);
  app.add_option("--config", out.config_file, runtime::config_option_help())->option_text("FILE");
  app.add_option("role", out.role, "a role, such as sip_proxy; alone: all its members")
      ->option_text("ROLE");
  app.add_option("keys", out.keys,
                 "whose nodes are asked for, such as alice@example.com; - reads them from standard "
                 "input, one a line")
      ->option_text("KEY...");
  app.add_option("--count", given.count,
                 "how many nodes for each key: its home and those that take over (default: 1)")
      ->check(CLI::Range(1, nodes_max))
      ->option_text("N");
  app.add_flag("--new", given.fresh, "where to put something new: draining nodes come last");
  app.add_flag("--json", out.json, "a JSON object for each key or member, one a line");
  app.add_flag("--status", given.status, "print the network status as one JSON object");
  app.add_flag("--check-config", given.check_config,
               "check configuration and credentials, and end");
  app.add_option(
         "--timeout", given.timeout_s,
         fmt::format("how long to wait for the network status (default: {})", given.timeout_s))
      ->check(CLI::Range(1, timeout_s_max))
      ->option_text("SECONDS");
}

void check(const CLI::App& app, const options& out, const flags& given) {
  if (given.status || given.check_config) {
    const bool more = !out.role.empty() || (given.status && given.check_config) ||
                      app.count("--count") + app.count("--new") + app.count("--json") > 0;
    if (more) {
      throw CLI::ValidationError("--status and --check-config stand alone, with --config and "
                                 "--timeout at most");
    }
    return;
  }
  if (out.role.empty()) {
    throw CLI::ValidationError("a role is missing: thor-lookup ROLE [KEY...]");
  }
  if (!model::is_role_name(out.role)) {
    throw CLI::ValidationError("the first argument is no role name such as sip_proxy");
  }
  if (out.keys.empty() && app.count("--count") + app.count("--new") > 0) {
    throw CLI::ValidationError("--count and --new are about keys: name one");
  }
}

} // namespace

std::optional<options> read_command_line(int argc, char** argv, int& exit_code) {
  options out;
  flags given;
  CLI::App app("Asks the overlay: which node is responsible for a key, and who offers a role.",
               "thor-lookup");
  declare(app, out, given);
  try {
    app.parse(argc, argv);
    check(app, out, given);
  } catch (const CLI::ParseError& end) {
    exit_code = app.exit(end) == 0 ? runtime::exit_ok : runtime::exit_usage;
    return std::nullopt;
  }
  out.how = given.check_config ? mode::check_config
            : given.status     ? mode::status
            : out.keys.empty() ? mode::members
                               : mode::nodes;
  out.keys_from_input = out.keys.size() == 1 && out.keys.front() == standard_input;
  out.count = static_cast<std::size_t>(given.count);
  out.what_for = given.fresh ? placement::fresh : placement::existing;
  out.timeout = std::chrono::seconds(given.timeout_s);
  out.config_given = app.count("--config") > 0;
  if (!out.config_given) {
    out.config_file = runtime::default_config_file;
  }
  return out;
}

} // namespace thor::lookup
