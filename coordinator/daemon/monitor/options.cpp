#include "coordinator/daemon/monitor/options.hpp"

#include "coordinator/runtime/config.hpp"
#include "coordinator/runtime/program.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>

namespace thor::monitor {
namespace {

constexpr int timeout_s_max = 3600;

struct flags {
  bool once = false;
  bool json = false;
  bool events = false;
  bool check_config = false;
  std::vector<std::string> conditions;
  int timeout_s = 10;

  [[nodiscard]] int modes() const {
    return once + json + events + check_config + (conditions.empty() ? 0 : 1);
  }
};

void declare(CLI::App& app, options& out, flags& given) {
  app.set_version_flag("--version", std::string("thor-monitor ") + THOR_VERSION);
  app.add_option("--config", out.config_file, runtime::config_option_help())->option_text("FILE");
  app.add_flag("--once", given.once, "print the members by role, and end");
  app.add_flag("--json", given.json, "print everything known as one JSON object, and end");
  app.add_flag("--events", given.events, "print changes as they happen, one a line");
  app.add_option("--check", given.conditions,
                 "judge as a monitoring plugin: 'sip_proxy>=3' active members; several allowed")
      ->option_text("CONDITION...");
  app.add_flag("--check-config", given.check_config,
               "check configuration and credentials, and end");
  app.add_option("--timeout", given.timeout_s,
                 fmt::format("how long --once, --json and --check wait for a network status "
                             "(default: {})",
                             given.timeout_s))
      ->check(CLI::Range(1, timeout_s_max))
      ->option_text("SECONDS");
}

mode mode_of(const flags& given) {
  if (!given.conditions.empty()) {
    return mode::check;
  }
  return given.once           ? mode::once
         : given.json         ? mode::json
         : given.events       ? mode::events
         : given.check_config ? mode::check_config
                              : mode::screen;
}

/// A plugin's reader understands only verdicts, even about the command line.
bool is_plugin(int argc, char** argv) {
  return std::any_of(argv + 1, argv + argc, [](std::string_view word) {
    return word == "--check" || word.starts_with("--check=");
  });
}

} // namespace

std::optional<options> read_command_line(int argc, char** argv, int& exit_code) {
  options out;
  flags given;
  CLI::App app("Shows the network as it is and as it changes: live on the full screen, or as one "
               "of --once, --json, --events, --check says.",
               "thor-monitor");
  declare(app, out, given);
  try {
    app.parse(argc, argv);
    if (given.modes() > 1) {
      throw CLI::ValidationError(
          "--once, --json, --events, --check, --check-config: one at a time");
    }
  } catch (const CLI::ParseError& end) {
    if (end.get_exit_code() != 0 && is_plugin(argc, argv)) {
      exit_code = complain(mode::check, runtime::exit_usage, end.what());
    } else {
      exit_code = app.exit(end) == 0 ? runtime::exit_ok : runtime::exit_usage;
    }
    return std::nullopt;
  }
  out.how = mode_of(given);
  out.timeout = std::chrono::seconds(given.timeout_s);
  out.config_given = app.count("--config") > 0;
  if (!out.config_given) {
    out.config_file = runtime::default_config_file;
  }
  for (const auto& text : given.conditions) {
    auto condition = parse_condition(text);
    if (!condition) {
      exit_code = complain(mode::check, runtime::exit_usage, condition.error());
      return std::nullopt;
    }
    out.conditions.push_back(*std::move(condition));
  }
  return out;
}

int complain(mode how, int exit_code, std::string_view why) {
  if (how == mode::check) {
    const auto verdict = unknown_verdict(why);
    fmt::print("{}\n", verdict.line);
    return verdict.exit_code;
  }
  fmt::print(stderr, "thor-monitor: {}\n", visible(why, ascii_columns));
  return exit_code;
}

} // namespace thor::monitor
