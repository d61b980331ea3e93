#include "coordinator/daemon/monitor/modes.hpp"
#include "coordinator/runtime/program.hpp"

#include <fmt/format.h>

#include <clocale>
#include <exception>

namespace {

using namespace thor;

int run(const monitor::options& how, const runtime::overlay_config& overlay) {
  auto who = identity::x509::credentials::load(overlay.files);
  if (!who) {
    return monitor::complain(
        how.how, runtime::exit_usage,
        fmt::format("{} ({})", who.error().detail, identity::to_string(who.error().code)));
  }
  switch (how.how) {
  case monitor::mode::check_config:
    fmt::print("thor-monitor: configuration and credentials are in order\n");
    return runtime::exit_ok;
  case monitor::mode::screen:
    return monitor::show(overlay, *who);
  case monitor::mode::events:
    return monitor::follow(overlay, *who);
  default:
    return monitor::report(how, overlay, *who);
  }
}

int refuse(const monitor::options& how, const runtime::config_errors& errors) {
  std::string all;
  for (const auto& error : errors) {
    all.append(all.empty() ? "" : "; ").append(error.text());
  }
  return monitor::complain(how.how, runtime::exit_usage, all);
}

} // namespace

/// Not a daemon: no control socket, no state, nothing but a configuration and a certificate, so
/// that any user who has these may look.
int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");
  int exit_code = runtime::exit_ok;
  const auto how = monitor::read_command_line(argc, argv, exit_code);
  if (!how) {
    return exit_code;
  }
  auto files = runtime::config::load(how->config_file, how->config_given);
  if (!files) {
    return refuse(*how, files.error());
  }
  const auto overlay = runtime::read_overlay(*files);
  if (const auto errors = files->finish(); !errors.empty()) {
    return refuse(*how, errors);
  }
  try {
    return run(*how, overlay);
  } catch (const std::exception& failure) {
    return monitor::complain(how->how, runtime::exit_failed, failure.what());
  }
}
