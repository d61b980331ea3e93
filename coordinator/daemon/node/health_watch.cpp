#include "coordinator/daemon/node/health_watch.hpp"

#include "coordinator/probe/own_address.hpp"
#include "coordinator/runtime/atomic_file.hpp"
#include "coordinator/runtime/clock.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace thor::node {
namespace {

constexpr std::size_t seen_file_octets_max = 64U << 10;

std::string line_of(const std::string& role, const std::string& what) {
  return fmt::format("{} {}", role, what);
}

} // namespace

// ---- what was seen

seen_checks::seen_checks(std::filesystem::path file)
    : file_(std::move(file)) {
  std::error_code ignored;
  if (!std::filesystem::exists(file_, ignored)) {
    return;
  }
  const auto text = runtime::read_file(file_, seen_file_octets_max);
  if (!text) {
    problem_ = text.error();
    return;
  }
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    lines_.insert(line);
  }
}

bool seen_checks::has(const std::string& role, const std::string& what) const {
  return lines_.contains(line_of(role, what));
}

std::expected<void, std::string> seen_checks::add(const std::string& role,
                                                  const std::string& what) {
  if (!lines_.insert(line_of(role, what)).second) {
    return {};
  }
  return runtime::write_file_atomically(file_, fmt::format("{}\n", fmt::join(lines_, "\n")));
}

// ---- one check

class health_watch::watched_check {
 public:
  watched_check(health_watch& owner, const std::string& role, std::string name,
                configured_check how)
      : owner_(owner)
      , role_(role)
      , how_(std::move(how))
      , what_(std::move(name))
      , up_(owner.on_.counters().gauge("thor_node_check_up",
                                       "1 while a check of a role is up, else 0",
                                       {{"role", role}, {"check", what_}}))
      , failures_(owner.on_.counters().counter("thor_node_check_failures_total",
                                               "Probes of a check that failed",
                                               {{"role", role}, {"check", what_}}))
      , check_(timing())
      , timer_(owner.on_.io(), [this](model::time_point now) { on_deadline(now); }) {
    up_.Set(0);
    timer_.arm(check_.next_deadline());
  }
  ~watched_check() { up_.Set(0); }
  watched_check(const watched_check&) = delete;
  watched_check& operator=(const watched_check&) = delete;

  [[nodiscard]] const configured_check& how() const { return how_; }
  [[nodiscard]] const std::string& name() const { return what_; }
  [[nodiscard]] bool judged() const { return check_.judged(); }
  [[nodiscard]] health::finding finding() const {
    return {what_, check_.state(), check_.trouble()};
  }
  [[nodiscard]] boost::json::object describe() const {
    return {{"check", what_},
            {"state", health::to_string(check_.state())},
            {"trouble", check_.trouble()},
            {"heard", heard_},
            {"interval_ms", how_.how.interval.count()}};
  }

 private:
  [[nodiscard]] health::check_settings timing() const {
    auto out = how_.how;
    out.once_seen = out.once_seen && !owner_.seen_.has(role_, what_);
    return out;
  }

  void on_deadline(model::time_point now) {
    std::vector<health::effect> effects;
    check_.on_deadline(now, effects);
    perform(effects);
  }

  void on_end(std::uint64_t number, const probe::outcome& result) {
    probe_.reset();
    std::vector<health::effect> effects;
    if (result) {
      heard_ = health::reason_of(*result);
      check_.on_event(runtime::monotonic_now(), health::succeeded{number}, effects);
    } else {
      heard_.clear();
      failures_.Increment();
      check_.on_event(runtime::monotonic_now(), health::failed{number, result.error()}, effects);
    }
    perform(effects);
  }

  void perform(const std::vector<health::effect>& effects) {
    for (const auto& what : effects) {
      if (const auto* begun = std::get_if<health::begin_probe>(&what)) {
        begin(begun->probe);
      } else if (std::holds_alternative<health::give_up>(what)) {
        probe_.reset();
        failures_.Increment();
      } else if (std::holds_alternative<health::went_up>(what) && how_.how.once_seen) {
        owner_.on_first_success(role_, what_);
      }
    }
    timer_.arm(check_.next_deadline());
    up_.Set(check_.state() == health::health_state::up ? 1 : 0);
    owner_.on_change_of(role_);
  }

  void begin(std::uint64_t number) {
    probe_ = probe::begin(owner_.on_.io(), owner_.names_, how_.what,
                          [this, number](const auto& result) { on_end(number, result); });
  }

  health_watch& owner_;
  std::string role_;
  configured_check how_;
  std::string what_;
  prometheus::Gauge& up_;
  prometheus::Counter& failures_;
  health::check check_;
  std::string heard_; ///< from the last probe that succeeded
  std::unique_ptr<probe::under_way> probe_;
  runtime::deadline_timer timer_;
};

// ---- one role

struct health_watch::watched_role {
  std::vector<std::unique_ptr<watched_check>> checks;
  std::vector<health::health_state> states; ///< as of the verdict
  /// Changes with a state, not with every reason: it is told to everybody.
  health::verdict verdict{.offered = false, .text = "starting"};
  bool judged = false;
  prometheus::Gauge* offered = nullptr;

  /// What a check is called, here and in metrics; a second one of that description has a number.
  [[nodiscard]] std::string name_for(const probe::target& what) const {
    const auto text = probe::describe(what);
    auto out = text;
    for (int number = 2; std::ranges::find(checks, out, &watched_check::name) != checks.end();
         ++number) {
      out = fmt::format("{} #{}", text, number);
    }
    return out;
  }
  [[nodiscard]] std::vector<health::finding> findings() const {
    std::vector<health::finding> out;
    for (const auto& one : checks) {
      out.push_back(one->finding());
    }
    return out;
  }
  /// Returns whether anything is new.
  bool refresh() {
    const auto found = findings();
    std::vector<health::health_state> now;
    for (const auto& one : found) {
      now.push_back(one.state);
    }
    const bool all = std::ranges::all_of(checks, &watched_check::judged);
    // A check that a reload has changed is no reason to leave before it has had a result.
    if ((now == states && all == judged) || (judged && verdict.offered && !all)) {
      return false;
    }
    states = std::move(now);
    judged = all;
    verdict = health::judge(found);
    offered->Set(verdict.offered ? 1 : 0);
    return true;
  }
};

// ---- all of them

health_watch::health_watch(runtime::service& on, runtime::resolver& names,
                           std::function<void()> on_change)
    : on_(on)
    , names_(names)
    , on_change_(std::move(on_change))
    , seen_(on.overlay().state_dir / "thor-node.seen") {
  if (!seen_.problem().empty()) {
    spdlog::warn("{}; default checks count once they succeed again", seen_.problem());
  }
}

health_watch::~health_watch() = default;

void health_watch::follow(const role_checks& wanted) {
  std::erase_if(roles_, [&](const auto& entry) {
    const bool gone = !wanted.contains(entry.first);
    if (gone) {
      entry.second.offered->Set(0);
    }
    return gone;
  });
  for (const auto& [role, all] : wanted) {
    auto& watched = roles_[role];
    watched.offered = &on_.counters().gauge(
        "thor_node_role_offered", "1 while the checks of a role let it be announced, else 0",
        {{"role", role}});
    std::erase_if(watched.checks,
                  [&](const auto& one) { return std::ranges::find(all, one->how()) == all.end(); });
    for (const auto& how : all) {
      if (std::ranges::find(watched.checks, how, &watched_check::how) == watched.checks.end()) {
        watched.checks.push_back(
            std::make_unique<watched_check>(*this, role, watched.name_for(how.what), how));
      }
    }
    watched.refresh();
  }
}

bool health_watch::judged() const {
  return std::ranges::all_of(roles_, [](const auto& entry) {
    return std::ranges::all_of(entry.second.checks, &watched_check::judged);
  });
}

void health_watch::apply(model::presence& to) const {
  for (const auto& [role, watched] : roles_) {
    if (watched.checks.empty() || !to.roles.contains(role)) {
      continue;
    }
    to.attributes[std::string(model::attribute_health_prefix) + role] = watched.verdict.text;
    if (!watched.verdict.offered) {
      to.roles.erase(role);
    }
  }
}

boost::json::object health_watch::describe() const {
  boost::json::object out;
  for (const auto& [role, watched] : roles_) {
    boost::json::array all;
    for (const auto& one : watched.checks) {
      all.emplace_back(one->describe());
    }
    out[role] = boost::json::object{{"offered", watched.verdict.offered},
                                    {"verdict", watched.verdict.text},
                                    {"checks", std::move(all)}};
  }
  return out;
}

void health_watch::on_change_of(const std::string& role) {
  const auto found = roles_.find(role);
  if (found == roles_.end()) {
    return;
  }
  auto& watched = found->second;
  const auto before = watched.verdict;
  if (!watched.refresh()) {
    return;
  }
  if (before != watched.verdict) {
    const bool fine = watched.verdict.text == "up";
    spdlog::log(fine ? spdlog::level::info : spdlog::level::warn, "role {} is {}{}", role,
                watched.verdict.text,
                watched.verdict.offered && !fine
                    ? "; announced all the same, for this check is a guess until it succeeds once. "
                      "[[node.role." +
                          role + ".check]] says what to check, check = [] nothing"
                    : "");
  }
  on_change_();
}

void health_watch::on_first_success(const std::string& role, const std::string& what) {
  if (const auto stored = seen_.add(role, what); !stored) {
    spdlog::warn("after a restart {} of {} would have to be seen again: {}", what, role,
                 stored.error());
  }
}

} // namespace thor::node
