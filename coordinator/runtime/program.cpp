#include "coordinator/runtime/program.hpp"

#include "coordinator/runtime/log.hpp"

#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>

namespace thor::runtime {
namespace {

constexpr int remote_words_max = 1000;

struct request {
  std::filesystem::path config_file{default_config_file};
  bool config_given = false;
  bool check_config = false;
  std::string command; ///< for the running daemon, with its arguments
  const local_command* local = nullptr;
  std::vector<std::string> arguments; ///< of `local`
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
    auto words = std::make_shared<std::vector<std::string>>();
    if (!command.argument.empty()) {
      const bool many = command.argument.ends_with("...");
      const auto name = command.argument.substr(0, command.argument.size() - (many ? 3 : 0));
      if (many)
        sub->add_option(name, *words)->type_name("")->expected(0, remote_words_max);
      else
        sub->add_option_function<std::string>(
            name, [words](const std::string& one) { words->assign(1, one); });
    }
    sub->callback([&out, words, name = command.name] {
      out.command = words->empty() ? name : fmt::format("{} {}", name, fmt::join(*words, " "));
      std::ranges::replace(out.command, '\n', ' '); // a request is one line
    });
  }
  app.require_subcommand(0, 1);
  app.fallthrough();
}

void add_argument(CLI::App& to, std::string_view what,
                  const std::shared_ptr<std::vector<std::vector<std::string>>>& into) {
  const bool optional = what.starts_with('[');
  const bool rest = what.ends_with("...");
  if (optional) {
    what.remove_prefix(1);
    what.remove_suffix(1);
  }
  if (rest) {
    what.remove_suffix(3);
  }
  into->emplace_back();
  const auto at = into->size() - 1;
  const std::string name(what);
  auto* option =
      rest ? to.add_option_function<std::vector<std::string>>(
                 name, [into, at](const std::vector<std::string>& words) { (*into)[at] = words; })
           : to.add_option_function<std::string>(
                 name, [into, at](const std::string& word) { (*into)[at] = {word}; });
  option->type_name("");
  option->required(!optional);
}

void add_local_commands(CLI::App& app, const program& what, request& out) {
  std::map<std::string, CLI::App*> groups;
  for (const auto& command : what.local_commands) {
    auto*& group = groups[command.group];
    if (group == nullptr) {
      group = app.add_subcommand(command.group);
      group->require_subcommand(1);
    }
    const auto others = group->get_description();
    group->description(others.empty() ? command.name : others + ", " + command.name);
    auto* sub = group->add_subcommand(command.name, command.summary);
    const auto arguments = std::make_shared<std::vector<std::vector<std::string>>>();
    for (const auto& argument : command.arguments) {
      add_argument(*sub, argument, arguments);
    }
    sub->callback([&out, &command, arguments] {
      out.local = &command;
      for (const auto& words : *arguments) {
        out.arguments.insert(out.arguments.end(), words.begin(), words.end());
      }
    });
  }
}

/// Nothing when the process is to end at once, with `exit_code`.
std::optional<request> parse_command_line(const program& what, int argc, char** argv,
                                          int& exit_code) {
  request out;
  CLI::App app(what.summary, what.name);
  app.set_version_flag("--version", what.name + " " + THOR_VERSION);
  auto* file =
      app.add_option("--config", out.config_file, config_option_help())->option_text("FILE");
  app.add_flag("--check-config", out.check_config, "check configuration and credentials, and end");
  add_commands(app, what, out);
  add_local_commands(app, what, out);
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

/// What the files say, all checked.
struct configuration {
  config files;
  overlay_config overlay;
  log_level level;
  std::string metrics_listen;
};

std::expected<configuration, config_errors>
read_configuration(const program& what, const request& wanted,
                   const std::function<void(config&)>& read) {
  auto files = config::load(wanted.config_file, wanted.config_given);
  if (!files) {
    return std::unexpected(files.error());
  }
  auto overlay = read_overlay(*files);
  const auto level = read_log_level(*files);
  auto metrics_listen = read_metrics_listen(*files, what.name);
  read(*files);
  if (auto errors = files->finish(); !errors.empty()) {
    return std::unexpected(std::move(errors));
  }
  return configuration{std::move(*files), std::move(overlay), level, std::move(metrics_listen)};
}

void count_alarm(service& on) {
  on.counters()
      .counter("thor_alarms_total", "Things an operator should look at, by kind.",
               {{"kind", "configuration"}})
      .Increment();
}

/// Takes over what may change while the daemon runs. A bad file changes nothing.
bool take_over(const program& what, const configuration& started,
               const std::expected<configuration, config_errors>& now, service& on) {
  if (!now) {
    count_alarm(on);
    for (const auto& error : now.error()) {
      spdlog::error("configuration not reloaded, the old one stays in force: {}", error.text());
    }
    return false;
  }
  set_log_level(now->level);
  try {
    on.serve_metrics(now->metrics_listen);
  } catch (const std::exception& failure) {
    count_alarm(on);
    spdlog::error("[metrics] not reloaded, the old one stays in force: {}", failure.what());
  }
  auto restart = now->files.changed_since(started.files);
  std::erase_if(restart, [&](const std::string& table) {
    return table == "log" || table == "metrics" ||
           std::ranges::find(what.reloaded_tables, table) != what.reloaded_tables.end();
  });
  spdlog::info("configuration reloaded");
  if (!restart.empty()) {
    spdlog::warn("what changed in [{}] takes a restart", fmt::join(restart, "], ["));
  }
  return true;
}

/// What is freed stays with the process, up to a bound. ldns takes and frees 64 KiB a few times for
/// each record, at the end of the heap: given back each time, it would be mapped and cleared again
/// as often. These bounds are those that glibc itself comes to once a block of the first size was
/// freed (mallopt(3), "dynamic mmap threshold").
void keep_freed_memory() {
  constexpr int own_mapping_min_octets = 32 << 20;
  constexpr int kept_max_octets = 64 << 20;
  ::mallopt(M_MMAP_THRESHOLD, own_mapping_min_octets);
  ::mallopt(M_TRIM_THRESHOLD, kept_max_octets);
}

int be_daemon(const program& what, const request& wanted, const std::function<void(config&)>& read,
              const std::function<void(service&)>& serve) {
  keep_freed_memory();
  const auto started = read_configuration(what, wanted, read);
  if (!started) {
    return refuse(what, started.error());
  }
  start_log(started->level);
  auto credentials = identity::x509::credentials::load(started->overlay.files);
  if (!credentials) {
    complain(what, fmt::format("{} ({})", credentials.error().detail,
                               identity::to_string(credentials.error().code)));
    return exit_usage;
  }
  if (const auto fits = what.check(credentials->self()); !fits) {
    complain(what, fits.error());
    return exit_usage;
  }
  if (wanted.check_config) {
    fmt::print("{}: configuration and credentials are in order\n", what.name);
    return exit_ok;
  }
  try {
    service runs_on(what.name, started->overlay, *credentials);
    spdlog::info("{} {} starts as {} of {}", what.name, THOR_VERSION, credentials->self().id.text(),
                 credentials->self().domain);
    runs_on.serve_metrics(started->metrics_listen);
    runs_on.on_reread(
        [&] { return take_over(what, *started, read_configuration(what, wanted, read), runs_on); });
    serve(runs_on);
  } catch (const std::exception& failure) {
    spdlog::error("{}", failure.what());
    return exit_failed;
  }
  spdlog::info("{} has stopped", what.name);
  return exit_ok;
}

/// For a command nothing but [overlay] matters.
int be_client(const program& what, const request& wanted) {
  auto files = config::load(wanted.config_file, wanted.config_given);
  if (!files) {
    return refuse(what, files.error());
  }
  const auto overlay = read_overlay(*files);
  const auto errors = files->finish();
  return errors.empty() ? ask_daemon(what, overlay, wanted.command) : refuse(what, errors);
}

int carry_out(const program& what, const request& wanted,
              const std::function<void(config&)>& read) {
  const auto started = read_configuration(what, wanted, read);
  return started ? wanted.local->run({started->overlay, wanted.arguments})
                 : refuse(what, started.error());
}

} // namespace

std::string config_option_help() {
  return fmt::format("configuration file (default: {})", default_config_file);
}

std::expected<void, std::string> check_role(const identity::peer& self, std::string_view role) {
  if (self.has_role(role)) {
    return {};
  }
  return std::unexpected(
      fmt::format("the certificate of {} has no OU {}; install one that has, from "
                  "thor-ca issue ID --role {}",
                  self.id.text(), role, role));
}

int run_program(const program& what, int argc, char** argv,
                const std::function<void(config&)>& read,
                const std::function<void(service&)>& serve) {
  int exit_code = exit_ok;
  const auto wanted = parse_command_line(what, argc, argv, exit_code);
  if (!wanted) {
    return exit_code;
  }
  if (wanted->local != nullptr) {
    return carry_out(what, *wanted, read);
  }
  return wanted->command.empty() ? be_daemon(what, *wanted, read, serve) : be_client(what, *wanted);
}

} // namespace thor::runtime
