#include "coordinator/daemon/node/hooks.hpp"

#include "coordinator/hook/document.hpp"
#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/command.hpp"
#include "coordinator/runtime/loop.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

namespace thor::node {
namespace {

/// Of one run, from each of standard output and standard error.
constexpr std::size_t logged_lines_max = 20;
constexpr std::size_t logged_line_octets_max = 512;
/// From SIGTERM to SIGKILL, for a hook that takes too long.
constexpr std::chrono::seconds grace{2};
/// Exit code of a hook that says: trying again is no use.
constexpr int exit_refused = 2;

hook::outcome outcome_of(const runtime::command_result& r) {
  if (r.ok()) {
    return hook::outcome::taken;
  }
  const bool refused = r.how == runtime::command_end::exited && r.code == exit_refused;
  return refused ? hook::outcome::refused : hook::outcome::failed;
}

std::string_view word_of(const runtime::command_result& r) {
  switch (r.how) {
  case runtime::command_end::exited:
    return r.code == 0 ? "ok" : r.code == exit_refused ? "refused" : "failed";
  case runtime::command_end::signalled:
    return "failed";
  case runtime::command_end::timed_out:
    return "timed_out";
  case runtime::command_end::not_started:
    break;
  }
  return "not_started";
}

/// The first lines of what a hook wrote, each as one message.
void log_lines(const std::string& hook, std::string_view text, spdlog::level::level_enum how) {
  for (std::size_t lines = 0; !text.empty(); ++lines) {
    if (lines == logged_lines_max) {
      spdlog::log(how, "hook {}: wrote more, which is not logged", hook);
      return;
    }
    const auto end = std::min(text.find('\n'), text.size());
    if (const auto line = text.substr(0, end); !line.empty()) {
      spdlog::log(how, "hook {}: {}", hook, line.substr(0, logged_line_octets_max));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::set<std::string> as_set(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

hook_settings read_hook(runtime::section& table) {
  hook_settings out;
  out.command = table.texts("command", {});
  if (const auto good = runtime::check_argv(out.command); !good) {
    table.reject("command", good.error());
  }
  const auto program = out.command.empty()
                           ? std::string()
                           : std::filesystem::path(out.command.front()).stem().string();
  out.name = table.text("name", program);
  const auto roles = table.texts("roles", {});
  for (const auto& role : roles) {
    if (!model::is_role_name(role)) {
      table.reject("roles",
                   fmt::format("has \"{}\", which is no role name such as sip_proxy", role));
    }
  }
  out.when.roles = as_set(roles);
  out.when.ignored_attributes = as_set(table.texts("ignore_attributes", {"load"}));
  out.when.debounce = std::chrono::milliseconds(
      table.integer("debounce_ms", hook::debounce_default.count(), 0, hook::debounce_max.count()));
  out.timeout = std::chrono::seconds(
      table.integer("timeout_s", hook_timeout_default.count(), 1, hook_timeout_max.count()));
  out.when.on_start = table.boolean("on_start", true);
  return out;
}

} // namespace

std::vector<hook_settings> read_hooks(runtime::section& node) {
  std::vector<hook_settings> out;
  for (auto& table : node.tables("hook")) {
    auto one = read_hook(table);
    if (std::ranges::find(out, one.name, &hook_settings::name) != out.end()) {
      table.reject("name", fmt::format("is \"{}\" a second time", one.name));
    }
    out.push_back(std::move(one));
    if (out.size() > hooks_max) {
      table.reject("", fmt::format("is one too many: {} hooks at most", hooks_max));
      break;
    }
  }
  return out;
}

// ---- one hook

class hooks::one {
 public:
  one(runtime::service& on, const client::network& members, hook_settings how)
      : on_(on)
      , members_(members)
      , how_(std::move(how))
      , schedule_(how_.when)
      , behind_(on.counters().gauge("thor_hook_behind",
                                    "1 while a hook does not know the members as they are",
                                    {{"hook", how_.name}}))
      , timer_(on.io(), [this](model::time_point) { look(); }) {}

  ~one() { behind_.Set(0); }
  one(const one&) = delete;
  one& operator=(const one&) = delete;

  [[nodiscard]] const hook_settings& how() const { return how_; }

  void on_gone(const model::node_id& id, std::optional<model::withdrawal> why) {
    schedule_.on_gone(id, why);
  }
  void on_status(const model::view& all) {
    schedule_.on_status(runtime::monotonic_now(), all);
    look();
  }

  [[nodiscard]] boost::json::object describe() const {
    boost::json::object out{{"name", how_.name},
                            {"running", schedule_.running()},
                            {"behind", schedule_.behind()},
                            {"failures", schedule_.failures()},
                            {"last", nullptr}};
    if (last_) {
      out["last"] =
          boost::json::object{{"cause", hook::to_string(last_->why)},
                              {"run", last_->number},
                              {"ended_unix_time", last_->ended.time_since_epoch().count()},
                              {"result", last_->result}};
    }
    return out;
  }

 private:
  /// Starts the run that is due, and sets the clock for the next one.
  void look() {
    if (const auto due = schedule_.on_deadline(runtime::monotonic_now(), members_.view())) {
      start(*due);
    }
    behind_.Set(schedule_.behind() ? 1 : 0);
    timer_.arm(schedule_.next_deadline());
  }

  void start(const hook::run& due) {
    const auto& self = on_.credentials().self();
    spdlog::info("hook {}: run {} ({}): {} added, {} changed, {} removed, {} in all", how_.name,
                 due.number, hook::to_string(due.why), due.added.size(), due.changed.size(),
                 due.gone.size(), due.members.size());
    process_.emplace(
        on_.io(),
        runtime::command_line{
            .argv = how_.command,
            .input = hook::document({self.domain, self.id, how_.name}, due, runtime::unix_now()),
            .timeout = how_.timeout,
            .grace = grace},
        [this, why = due.why, number = due.number](const runtime::command_result& r) {
          on_done(why, number, r);
        });
  }

  void on_done(hook::cause why, std::uint64_t number, const runtime::command_result& r) {
    log_lines(how_.name, r.output, spdlog::level::info);
    log_lines(how_.name, r.errors, spdlog::level::warn);
    on_.counters()
        .counter("thor_hook_runs_total", "Runs of hooks, by how they ended.",
                 {{"hook", how_.name}, {"result", std::string(word_of(r))}})
        .Increment();
    last_ = {why, number, runtime::unix_now(), r.text()};
    const auto how = outcome_of(r);
    schedule_.on_done(runtime::monotonic_now(), how);
    if (how == hook::outcome::refused) {
      spdlog::error("hook {}: run {}: {}; it is not tried again until something changes", how_.name,
                    number, r.text());
    } else if (how == hook::outcome::failed) {
      spdlog::warn(
          "hook {}: run {}: {}; it is tried again, which was its failure number {} in a row",
          how_.name, number, r.text(), schedule_.failures());
    }
    look();
  }

  struct ended_run {
    hook::cause why;
    std::uint64_t number;
    model::unix_time ended;
    std::string result;
  };

  runtime::service& on_;
  const client::network& members_;
  const hook_settings how_;
  hook::schedule schedule_;
  prometheus::Gauge& behind_;
  std::optional<ended_run> last_;
  std::optional<runtime::command> process_;
  runtime::deadline_timer timer_;
};

// ---- all of them

hooks::hooks(runtime::service& on, const client::network& members,
             const std::vector<hook_settings>& how)
    : on_(on)
    , members_(members) {
  reconfigure(how);
}

hooks::~hooks() = default;

void hooks::reconfigure(const std::vector<hook_settings>& how) {
  auto before = std::exchange(all_, {});
  std::vector<one*> fresh;
  for (const auto& wanted : how) {
    const auto same =
        std::ranges::find_if(before, [&](const auto& old) { return old && old->how() == wanted; });
    if (same != before.end()) {
      all_.push_back(std::move(*same));
    } else {
      all_.push_back(std::make_unique<one>(on_, members_, wanted));
      fresh.push_back(all_.back().get());
    }
  }
  before.clear(); // ends what the old ones run, before the new ones begin
  if (members_.synced()) {
    std::ranges::for_each(fresh, [this](auto* each) { each->on_status(members_.view()); });
  }
}

void hooks::add_status(boost::json::object& into) const {
  boost::json::array out;
  for (const auto& each : all_) {
    out.emplace_back(each->describe());
  }
  into["hooks"] = std::move(out);
}

void hooks::on_synced(const model::view& all) {
  on_settled(all);
}

void hooks::on_gone(const model::member& last, std::optional<model::withdrawal> why) {
  for (const auto& each : all_) {
    each->on_gone(last.what.id, why);
  }
}

void hooks::on_settled(const model::view& all) {
  for (const auto& each : all_) {
    each->on_status(all);
  }
}

} // namespace thor::node
