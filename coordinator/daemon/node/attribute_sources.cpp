#include "coordinator/daemon/node/attribute_sources.hpp"

#include "coordinator/probe/settings.hpp"
#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/command.hpp"
#include "coordinator/runtime/loop.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace thor::node {
namespace {

constexpr health::check_settings timing_defaults{.interval = std::chrono::milliseconds(10'000),
                                                 .timeout = std::chrono::milliseconds(5000),
                                                 .fall = 1,
                                                 .rise = 1,
                                                 .confirm = std::chrono::milliseconds(10'000)};
constexpr std::int64_t rest_ms_min = 1000;
constexpr std::int64_t rest_ms_max = 3'600'000;

probe::target read_origin(runtime::section& table) {
  const bool command = table.has("command");
  const auto argv = table.texts("command", {});
  const auto path = table.text("file", "");
  if (command == table.has("file")) {
    table.reject("", "needs either command = [\"/path/to/program\", ...] or file = \"/path\"");
  } else if (const auto good = runtime::check_argv(argv); command && !good) {
    table.reject("command", good.error());
  } else if (!command && !path.starts_with('/')) {
    table.reject("file", "must be an absolute path");
  } else if (command) {
    return probe::command_target{argv};
  }
  return probe::file_target{path};
}

attribute_source read_source(runtime::section table) {
  attribute_source out;
  out.what = read_origin(table);
  out.when = timing_defaults;
  const auto timing = [&](std::string_view key, std::chrono::milliseconds otherwise,
                          std::int64_t max) {
    return std::chrono::milliseconds(table.integer(key, otherwise.count(), 10, max));
  };
  out.when.interval = timing("interval_ms", out.when.interval, 3'600'000);
  out.when.confirm = out.when.interval;
  out.when.timeout = timing("timeout_ms", std::min(out.when.timeout, out.when.interval), 60'000);
  if (out.when.timeout > out.when.interval) {
    table.reject("timeout_ms", "must not be above interval_ms: it is read once at a time");
  }
  out.how.change_percent =
      static_cast<unsigned>(table.integer("change_percent", out.how.change_percent, 0, 100));
  out.how.rest = std::chrono::milliseconds(
      table.integer("rest_ms", out.how.rest.count(), rest_ms_min, rest_ms_max));
  return out;
}

} // namespace

source_table read_sources(runtime::section table) {
  source_table out;
  for (const auto& name : table.names()) {
    out.emplace(name, read_source(table.table(name)));
  }
  return out;
}

std::expected<std::string, std::string> value_of(const std::string& name, std::string_view said) {
  constexpr std::string_view blank = " \t\r\n";
  const auto begin = said.find_first_not_of(blank);
  if (begin == std::string_view::npos) {
    return std::unexpected("nothing");
  }
  const std::string value(said.substr(begin, said.find_last_not_of(blank) - begin + 1));
  if (value.size() > model::attribute_value_octets_max ||
      !std::ranges::all_of(value, [](char c) { return c >= 0x20 && c < 0x7f; })) {
    return std::unexpected(fmt::format("something else than one line of visible ASCII of at most "
                                       "{} octets",
                                       model::attribute_value_octets_max));
  }
  const auto any_id = model::node_id::parse("node");
  if (name == model::attribute_capacity &&
      !model::capacity_of({*any_id, {}, {}, {}, {}, {}, {{name, value}}})) {
    return std::unexpected(fmt::format("\"{}\", which is no whole number", value.substr(0, 32)));
  }
  return value;
}

// ---- one source

class attribute_sources::watched_source {
 public:
  watched_source(attribute_sources& owner, std::string name, attribute_source how)
      : owner_(owner)
      , name_(std::move(name))
      , how_(std::move(how))
      , up_(owner.on_.counters().gauge("thor_node_attribute_source_up",
                                       "1 while a source of an attribute says a value, else 0",
                                       {{"attribute", name_}}))
      , check_(how_.when)
      , value_(how_.how)
      , timer_(owner.on_.io(), [this](model::time_point now) { on_deadline(now); }) {
    up_.Set(0);
    arm();
  }
  ~watched_source() { up_.Set(0); }
  watched_source(const watched_source&) = delete;
  watched_source& operator=(const watched_source&) = delete;

  [[nodiscard]] const attribute_source& how() const { return how_; }
  [[nodiscard]] bool judged() const { return check_.judged(); }
  [[nodiscard]] const std::string& value() const { return value_.value(); }
  [[nodiscard]] boost::json::object describe() const {
    return {{"source", probe::describe(how_.what)},
            {"state", health::to_string(check_.state())},
            {"trouble", check_.trouble()},
            {"announced", value()},
            {"read", read_}};
  }

 private:
  void arm() { timer_.arm(std::min(check_.next_deadline(), value_.next_deadline())); }

  void on_deadline(model::time_point now) {
    const bool changed = value_.on_deadline(now);
    std::vector<health::effect> effects;
    check_.on_deadline(now, effects);
    perform(effects, changed);
  }

  void on_end(std::uint64_t number, const probe::outcome& result) {
    probe_.reset();
    const auto now = runtime::monotonic_now();
    const auto value = result ? value_of(name_, *result) : std::unexpected(result.error());
    std::vector<health::effect> effects;
    bool changed = false;
    if (value) {
      read_ = *value;
      changed = value_.on_reading(now, *value);
      check_.on_event(now, health::succeeded{number}, effects);
    } else {
      check_.on_event(now, health::failed{number, (result ? "it says " : "") + value.error()},
                      effects);
    }
    perform(effects, changed);
  }

  void perform(const std::vector<health::effect>& effects, bool changed) {
    const bool first = !std::exchange(was_judged_, check_.judged()) && check_.judged();
    for (const auto& what : effects) {
      if (const auto* begun = std::get_if<health::begin_probe>(&what)) {
        probe_ = probe::begin(
            owner_.on_.io(), owner_.names_, how_.what,
            [this, number = begun->probe](const auto& result) { on_end(number, result); });
      } else if (std::holds_alternative<health::give_up>(what)) {
        probe_.reset();
      } else if (const auto* down = std::get_if<health::went_down>(&what)) {
        spdlog::warn("attribute {}, {}: {}; it stays as it was", name_, probe::describe(how_.what),
                     down->why);
      } else {
        spdlog::info("attribute {} is {}", name_, value());
      }
    }
    arm();
    up_.Set(check_.state() == health::health_state::up ? 1 : 0);
    if (changed || first) {
      owner_.on_change_();
    }
  }

  attribute_sources& owner_;
  std::string name_;
  attribute_source how_;
  prometheus::Gauge& up_;
  health::check check_;
  health::reading value_;
  std::string read_; ///< the latest
  bool was_judged_ = false;
  std::unique_ptr<probe::under_way> probe_;
  runtime::deadline_timer timer_;
};

// ---- all of them

attribute_sources::attribute_sources(runtime::service& on, runtime::resolver& names,
                                     std::function<void()> on_change)
    : on_(on)
    , names_(names)
    , on_change_(std::move(on_change)) {}

attribute_sources::~attribute_sources() = default;

void attribute_sources::follow(const source_table& wanted) {
  std::erase_if(sources_, [&](const auto& entry) {
    const auto still = wanted.find(entry.first);
    return still == wanted.end() || still->second != entry.second->how();
  });
  for (const auto& [name, how] : wanted) {
    if (!sources_.contains(name)) {
      sources_.emplace(name, std::make_unique<watched_source>(*this, name, how));
    }
  }
}

bool attribute_sources::judged() const {
  return std::ranges::all_of(sources_, [](const auto& entry) { return entry.second->judged(); });
}

void attribute_sources::apply(model::presence& to) const {
  for (const auto& [name, source] : sources_) {
    if (!source->value().empty()) {
      to.attributes[name] = source->value();
    }
  }
}

boost::json::object attribute_sources::describe() const {
  boost::json::object out;
  for (const auto& [name, source] : sources_) {
    out[name] = source->describe();
  }
  return out;
}

} // namespace thor::node
