#include "coordinator/runtime/program.hpp"

#include "coordinator/runtime/log.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdio>

namespace thor::runtime {
namespace {

struct request {
  std::filesystem::path config_file{default_config_file};
  bool config_given = false;
  bool check_config = false;
  std::string command; ///< for the running daemon, with its arguments; "" = be the daemon
};

void complain(const program& what, std::string_view why) {
  fmt::print(stderr, "{}: {}\n", what.name, why);
}

int refuse(const program& what, const config_errors& errors) {
  for (const auto& error : errors) {
    complain(what, error.text());
  }
  return exit_usage;
}

void add_commands(CLI::App& app, const program& what, request& out) {
  auto commands = what.commands;
  commands.insert(commands.begin(),
                  {{"status", "show what the running daemon does, as JSON", ""},
                   {"metrics", "show the running daemon's metrics, as Prometheus text", ""}});
  for (const auto& command : commands) {
    auto* sub = app.add_subcommand(command.name, command.summary);
    auto argument = std::make_shared<std::string>();
    if (!command.argument.empty()) {
      sub->add_option(command.argument, *argument);
    }
    sub->callback([&out, argument, name = command.name] {
      out.command = argument->empty() ? name : name + ' ' + *argument;
    });
  }
  app.require_subcommand(0, 1);
  app.fallthrough();
}

/// Nothing when the process is to end at once, with `exit_code`.
std::optional<request> parse_command_line(const program& what, int argc, char** argv,
                                          int& exit_code) {
  request out;
  CLI::App app(what.summary, what.name);
  app.set_version_flag("--version", what.name + " " + THOR_VERSION);
  auto* file = app.add_option("--config", out.config_file, "configuration file")
                   ->capture_default_str()
                   ->option_text("FILE");
  app.add_flag("--check-config", out.check_config, "check configuration and credentials, and end");
  add_commands(app, what, out);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& end) {
    exit_code = app.exit(end) == 0 ? exit_ok : exit_usage;
    return std::nullopt;
  }
  out.config_given = file->count() > 0;
  return out;
}

int ask_daemon(const program& what, const overlay_config& overlay, const std::string& command) {
  const auto answer = ask(overlay.run_dir / (what.name + ".sock"), command);
  if (!answer) {
    complain(what, answer.error());
    return exit_failed;
  }
  const auto* text = answer->if_contains("metrics");
  if (text != nullptr && text->is_string()) {
    fmt::print("{}", text->get_string().c_str());
  } else {
    fmt::print("{}\n", boost::json::serialize(*answer));
  }
  return exit_ok;
}

int be_daemon(const program& what, const overlay_config& overlay, bool check_only,
              const std::function<void(service&)>& serve) {
  auto credentials = identity::x509::credentials::load(overlay.files);
  if (!credentials) {
    complain(what, fmt::format("{} ({})", credentials.error().detail,
                               identity::to_string(credentials.error().code)));
    return exit_usage;
  }
  if (check_only) {
    fmt::print("{}: configuration and credentials are in order\n", what.name);
    return exit_ok;
  }
  try {
    service runs_on(what.name, overlay, *credentials);
    spdlog::info("{} {} starts as {} of {}", what.name, THOR_VERSION, credentials->self().id.text(),
                 credentials->self().domain);
    serve(runs_on);
  } catch (const std::exception& failure) {
    spdlog::error("{}", failure.what());
    return exit_failed;
  }
  spdlog::info("{} has stopped", what.name);
  return exit_ok;
}

} // namespace

int run_program(const program& what, int argc, char** argv,
                const std::function<void(config&)>& read,
                const std::function<void(service&)>& serve) {
  int exit_code = exit_ok;
  const auto wanted = parse_command_line(what, argc, argv, exit_code);
  if (!wanted) {
    return exit_code;
  }
  auto files = config::load(wanted->config_file, wanted->config_given);
  if (!files) {
    return refuse(what, files.error());
  }
  const auto overlay = read_overlay(*files);
  if (!wanted->command.empty()) {
    const auto errors = files->finish();
    return errors.empty() ? ask_daemon(what, overlay, wanted->command) : refuse(what, errors);
  }
  const auto level = read_log_level(*files);
  read(*files);
  if (const auto errors = files->finish(); !errors.empty()) {
    return refuse(what, errors);
  }
  start_log(level);
  return be_daemon(what, overlay, wanted->check_config, serve);
}

} // namespace thor::runtime
