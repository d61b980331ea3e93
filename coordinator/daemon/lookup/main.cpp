#include "coordinator/daemon/lookup/answers.hpp"
#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/loop.hpp"
#include "coordinator/runtime/program.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <map>

namespace {

using namespace thor;

/// Listens until the members are known, for as long as it may take.
class question final : private client::observer, private client::member_observer {
 public:
  question(const runtime::overlay_config& overlay, const identity::x509::credentials& who,
           std::chrono::seconds timeout)
      : client_(io_,
                {.event_servers = overlay.event_servers,
                 .resolvers = overlay.resolvers,
                 .topics = {wire::topic::members},
                 .software = "thor-lookup " THOR_VERSION,
                 .incarnation_file = {}},
                who, *this)
      , members_(client_, nullptr)
      , timeout_(io_, [this](model::time_point) { io_.stop(); }) {
    members_.tell(*this);
    client_.start();
    timeout_.arm(runtime::monotonic_now() + timeout);
    io_.run();
  }

  [[nodiscard]] const client::network& members() const { return members_; }
  /// Why there are no members, for a person.
  [[nodiscard]] std::string trouble() const {
    if (connected_) {
      return "an event server is there, but no network status: is a thor-manager running?";
    }
    std::string out = "no event server was reached";
    for (const auto& [server, why] : failures_) {
      out += fmt::format("; {}: {}", server, why);
    }
    return out;
  }

 private:
  void on_server_up(const std::string& server, const wire::welcome& /*hello*/) override {
    connected_ = true;
    members_.on_server_up(server);
  }
  void on_server_down(const std::string& server, const std::string& why) override {
    failures_[server] = why;
    members_.on_server_down(server);
  }
  void on_server_failed(const std::string& server, const std::string& why) override {
    failures_[server] = why;
  }
  void on_message(const std::string& server, const wire::server_message& message,
                  const identity::peer* /*author*/) override {
    members_.on_message(server, message);
  }
  void on_synced(const model::view& /*all*/) override { io_.stop(); }

  boost::asio::io_context io_{1};
  client::client client_;
  client::network members_;
  runtime::deadline_timer timeout_;
  bool connected_ = false;
  std::map<std::string, std::string> failures_; ///< the last one of each server
};

int complain(int exit_code, std::string_view why) {
  fmt::print(stderr, "thor-lookup: {}\n", runtime::escape_controls(why));
  return exit_code;
}

int run(const lookup::options& how, const runtime::overlay_config& overlay) {
  const auto who = identity::x509::credentials::load(overlay.files);
  if (!who) {
    return complain(runtime::exit_usage, fmt::format("{} ({})", who.error().detail,
                                                     identity::to_string(who.error().code)));
  }
  if (how.how == lookup::mode::check_config) {
    fmt::print("thor-lookup: configuration and credentials are in order\n");
    return runtime::exit_ok;
  }
  runtime::start_log(runtime::log_level::error);
  const question asked(overlay, *who, how.timeout);
  if (!asked.members().synced()) {
    return complain(runtime::exit_failed, fmt::format("no network status within {} s: {}",
                                                      how.timeout.count(), asked.trouble()));
  }
  return lookup::print_answers(how, asked.members());
}

int refuse(const runtime::config_errors& errors) {
  for (const auto& error : errors) {
    complain(runtime::exit_usage, error.text());
  }
  return runtime::exit_usage;
}

} // namespace

/// Not a daemon: no control socket and no state, nothing but a configuration and any certificate of
/// the overlay.
int main(int argc, char** argv) {
  int exit_code = runtime::exit_ok;
  const auto how = lookup::read_command_line(argc, argv, exit_code);
  if (!how) {
    return exit_code;
  }
  auto files = runtime::config::load(how->config_file, how->config_given);
  if (!files) {
    return refuse(files.error());
  }
  const auto overlay = runtime::read_overlay(*files);
  if (const auto errors = files->finish(); !errors.empty()) {
    return refuse(errors);
  }
  try {
    return run(*how, overlay);
  } catch (const std::exception& failure) {
    return complain(runtime::exit_failed, failure.what());
  }
}
