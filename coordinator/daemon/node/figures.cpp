#include "coordinator/daemon/node/figures.hpp"

#include "coordinator/runtime/atomic_file.hpp"
#include "coordinator/runtime/clock.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <ranges>
#include <utility>
#include <variant>

namespace thor::node {
namespace {

/// The same complaint about a source is logged once in this time.
constexpr std::chrono::seconds log_interval{60};
constexpr std::string_view load_name = "load";
constexpr std::size_t proc_file_octets_max = 16U << 10;

std::string shown(std::string_view text) {
  constexpr std::size_t shown_max = 200;
  return fmt::format("\"{}{}\"", text.substr(0, shown_max), text.size() > shown_max ? "..." : "");
}

// ---- this machine

/// A line of /proc/meminfo, "MemTotal:  16384 kB", in octets.
std::optional<std::int64_t> memory_line(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  text.remove_prefix(at + key.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::int64_t kib = 0;
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), kib);
  return failure == std::errc() ? std::optional(kib * 1024) : std::nullopt;
}

/// sysinfo(2), because the sandbox of the unit hides /proc/loadavg; /proc/meminfo where it is seen.
std::expected<std::string, std::string> load_of_this_machine() {
  struct sysinfo system{};
  if (::sysinfo(&system) != 0) {
    return std::unexpected("the system tells no load");
  }
  constexpr double fixed_point = 1U << SI_LOAD_SHIFT;
  boost::json::object out{{"average_1m", static_cast<double>(system.loads[0]) / fixed_point},
                          {"average_5m", static_cast<double>(system.loads[1]) / fixed_point},
                          {"average_15m", static_cast<double>(system.loads[2]) / fixed_point},
                          {"cpus", ::sysconf(_SC_NPROCESSORS_ONLN)},
                          {"memory_octets", std::uint64_t{system.totalram} * system.mem_unit}};
  if (const auto memory = runtime::read_file("/proc/meminfo", proc_file_octets_max)) {
    if (const auto available = memory_line(*memory, "MemAvailable:")) {
      out["memory_available_octets"] = *available;
    }
  }
  return boost::json::serialize(out);
}

// ---- configuration

figure_source read_source(runtime::section& table) {
  figure_source out;
  out.what.name = table.text("name", "");
  if (!statistics::is_name(out.what.name)) {
    table.reject("name", "is what the figures are of: a role, or a word such as billing, but not " +
                             std::string(statistics::reserved_name));
  }
  out.what.interval = std::chrono::seconds(
      table.integer("interval_s", out.what.interval.count(), 1, statistics::interval_max.count()));
  out.command = table.texts("command", {});
  out.file = table.text("file", "");
  if (out.command.empty() == out.file.empty()) {
    table.reject("", "takes figures either from a command or from a file");
  } else if (!out.file.empty() && !out.file.is_absolute()) {
    table.reject("file", "must be an absolute path");
  } else if (!out.command.empty()) {
    out.timeout = std::chrono::seconds(
        table.integer("timeout_s", std::min(out.timeout, out.what.interval).count(), 1,
                      statistics::interval_max.count()));
    if (const auto good = runtime::check_argv(out.command); !good) {
      table.reject("command", good.error());
    }
  }
  return out;
}

std::vector<statistics::source> schedules_of(const std::vector<figure_source>& from) {
  std::vector<statistics::source> out;
  for (const auto& one : from) {
    out.push_back(one.what);
  }
  return out;
}

} // namespace

std::vector<figure_source> read_figure_sources(runtime::section& node) {
  std::vector<figure_source> out;
  const auto add = [&](figure_source one, runtime::section& table) {
    const auto& name = one.what.name;
    if (std::ranges::any_of(out, [&](const auto& other) { return other.what.name == name; })) {
      table.reject("name", fmt::format("is \"{}\" a second time", name));
    }
    out.push_back(std::move(one));
  };
  if (node.boolean("load_statistics", true)) {
    figure_source load;
    load.what.name = load_name;
    add(load, node);
  }
  for (auto& table : node.tables("statistics")) {
    add(read_source(table), table);
    if (out.size() > figure_sources_max) {
      table.reject("", fmt::format("is one too many: {} sources at most", figure_sources_max));
      break;
    }
  }
  return out;
}

// ---- figures

figures::figures(runtime::service& on, client::client& link, const std::vector<figure_source>& from)
    : on_(on)
    , link_(link)
    , collector_(on.credentials().self().id, link.incarnation())
    , limiter_(log_interval)
    , timer_(on.io(), [this](model::time_point) { look(); }) {
  on_.control().on("statistics", [this](const auto& words) { return hand_in(words); });
  reconfigure(from);
}

figures::~figures() = default;

void figures::reconfigure(const std::vector<figure_source>& from) {
  if (from == from_) {
    return;
  }
  running_.clear();
  from_ = from;
  collector_.configure(runtime::monotonic_now(), schedules_of(from_));
  timer_.arm(collector_.next_deadline());
}

void figures::look() {
  std::vector<statistics::effect> due;
  collector_.on_deadline(runtime::monotonic_now(), due);
  for (const auto& one : due) {
    if (const auto* which = std::get_if<statistics::ask>(&one)) {
      ask(which->which);
    } else {
      publish();
    }
  }
  timer_.arm(collector_.next_deadline());
}

void figures::ask(std::size_t which) {
  const auto& from = from_[which];
  if (!from.command.empty()) {
    ask_command(which);
  } else if (!from.file.empty()) {
    take(which, runtime::read_file(from.file, wire::statistics_octets_max));
  } else {
    take(which, load_of_this_machine());
  }
}

void figures::ask_command(std::size_t which) {
  const auto& from = from_[which];
  running_[which] = std::make_unique<runtime::command>(
      on_.io(),
      runtime::command_line{
          .argv = from.command, .input = {}, .timeout = from.timeout, .grace = {}},
      [this, which](const runtime::command_result& r) {
        const auto ended = std::move(running_[which]);
        running_.erase(which);
        if (r.ok()) {
          take(which, r.output);
        } else {
          take(which, std::unexpected(r.text() + (r.errors.empty() ? "" : ": " + shown(r.errors))));
        }
      });
}

/// What a source said, or why it said nothing.
void figures::take(std::size_t which, const std::expected<std::string, std::string>& text) {
  const auto name = from_[which].what.name;
  const auto now = runtime::monotonic_now();
  std::string problem;
  if (!text) {
    collector_.on_failure(now, which);
    problem = text.error();
  } else if (const auto taken = collector_.on_answer(now, runtime::unix_now(), which, *text);
             !taken) {
    problem = taken.error();
  }
  count(name, problem.empty() ? "ok" : "bad");
  if (!problem.empty()) {
    if (const auto held_back = limiter_.pass(name, now)) {
      spdlog::warn("statistics {}: {}; the figures before stay for {} s after they were taken{}",
                   name, problem, statistics::kept_max.count(),
                   *held_back == 0 ? "" : fmt::format(" ({} more like this)", *held_back));
    }
  }
  timer_.arm(collector_.next_deadline());
}

void figures::count(const std::string& name, const std::string& result) {
  on_.counters()
      .counter("thor_node_statistics_total",
               "Figures from sources and, as \"handed_in\", from programs, by what became of them.",
               {{"source", name}, {"result", result}})
      .Increment();
}

// ---- publishing

bool figures::speaks() const {
  return announced_ && !stopped_ && !collector_.body().empty();
}

void figures::publish() {
  if (speaks()) {
    link_.publish(wire::topic::statistics, collector_.body());
  }
}

void figures::on_announced() {
  if (!std::exchange(announced_, true)) {
    publish();
  }
}

void figures::on_server_up(const std::string& server) {
  if (speaks()) {
    link_.publish_to(server, wire::topic::statistics, collector_.body());
  }
}

// ---- the control socket

/// "statistics": what there is; "statistics NAME JSON": figures from a program.
figures::answer figures::hand_in(const std::vector<std::string>& words) {
  if (words.empty()) {
    return boost::json::object{{"statistics", collector_.describe()}};
  }
  const auto text = fmt::format("{}", fmt::join(words | std::views::drop(1), " "));
  const auto taken =
      collector_.on_hand_in(runtime::monotonic_now(), runtime::unix_now(), words.front(), text);
  count("handed_in", taken ? "ok" : "bad");
  timer_.arm(collector_.next_deadline());
  if (!taken) {
    return std::unexpected(taken.error());
  }
  return boost::json::object{{"taken", words.front()}};
}

} // namespace thor::node
