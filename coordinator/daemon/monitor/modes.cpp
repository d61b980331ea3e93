#include "coordinator/daemon/monitor/modes.hpp"

#include "coordinator/daemon/monitor/terminal.hpp"
#include "coordinator/daemon/monitor/watch.hpp"
#include "coordinator/runtime/clock.hpp"
#include "coordinator/runtime/program.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>

namespace thor::monitor {
namespace {

/// Changes that come together are drawn together.
constexpr std::chrono::milliseconds draw_delay{100};
/// The clock on the screen goes on.
constexpr std::chrono::seconds draw_interval{1};

std::string local_time(model::unix_time at, std::string_view form) {
  const auto seconds = std::chrono::system_clock::to_time_t(at);
  return fmt::format(fmt::runtime(form), fmt::localtime(seconds));
}

int tell_once(const watch& at) {
  const auto& seen = at.seen();
  if (!seen.view().known) {
    return complain(mode::once, runtime::exit_failed, no_status(seen, locale_columns()));
  }
  fmt::print("{}",
             classic(seen, at.self(), local_time(runtime::unix_now(), "{:%H:%M:%S %a %d %b %Y}"),
                     runtime::unix_now(), locale_columns()));
  if (seen.trusted() != trust::confirmed) {
    complain(mode::once, runtime::exit_ok,
             "no manager is heard: this is the last status that event servers keep");
  }
  return runtime::exit_ok;
}

int tell_json(const watch& at) {
  fmt::print("{}\n",
             json_report(at.seen(), at.self(), runtime::monotonic_now(), runtime::unix_now()));
  return at.seen().view().known ? runtime::exit_ok : runtime::exit_failed;
}

int tell_verdict(const watch& at, const std::vector<condition>& wanted) {
  const auto verdict = judge(wanted, at.seen(), locale_columns());
  fmt::print("{}\n", verdict.line);
  return verdict.exit_code;
}

/// The parts of the live screen.
class live {
 public:
  live(const runtime::overlay_config& overlay, identity::x509::credentials& who)
      : signals_(
            io_, [this] { quit(); }, [this] { quit(); })
      , terminal_(std::make_unique<terminal>(io_, events()))
      , screen_({.self = {who.self().domain, who.self().id, who.self().roles, {}},
                 .width = locale_columns(),
                 .local_time = [](auto at) { return local_time(at, "{:%Y-%m-%d %H:%M:%S}"); }})
      , watch_(io_, overlay, who, true, [this](const auto& changes) { on_news(changes); }) {}

  void run() {
    screen_.on_resize(rows_, columns_);
    draw_by(runtime::monotonic_now());
    io_.run();
  }

 private:
  terminal_events events() {
    return {.on_key =
                [this](key_press pressed) {
                  if (!screen_.on_key(pressed)) {
                    quit();
                  }
                  draw_by(runtime::monotonic_now());
                },
            .on_resize =
                [this](std::size_t rows, std::size_t columns) {
                  rows_ = rows;
                  columns_ = columns;
                  draw_by(runtime::monotonic_now());
                },
            .on_gone = [this] { quit(); }};
  }

  void on_news(const std::vector<change>& changes) {
    std::ranges::for_each(changes, [this](const auto& what) { screen_.on_change(what); });
    draw_by(runtime::monotonic_now() + draw_delay);
  }

  void draw_by(model::time_point when) {
    draw_at_ = std::min(draw_at_, when);
    draw_.arm(draw_at_);
  }

  void on_draw(model::time_point now) {
    if (terminal_ == nullptr) {
      return;
    }
    screen_.on_resize(rows_, columns_);
    terminal_->show(screen_.draw(watch_.seen(), now, runtime::unix_now()));
    draw_at_ = now + draw_interval;
    draw_.arm(draw_at_);
  }

  /// The user has the terminal back at once; the network hears that we leave.
  void quit() {
    if (std::exchange(quitting_, true)) {
      return;
    }
    terminal_.reset();
    watch_.stop([this] { io_.stop(); });
  }

  boost::asio::io_context io_{1};
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  bool quitting_ = false;
  model::time_point draw_at_ = model::never;
  runtime::deadline_timer draw_{io_, [this](model::time_point now) { on_draw(now); }};
  runtime::signal_watch signals_;
  std::unique_ptr<terminal> terminal_;
  screen screen_;
  watch watch_;
};

} // namespace

int report(const options& how, const runtime::overlay_config& overlay,
           identity::x509::credentials& who) {
  boost::asio::io_context io{1};
  const watch* seen = nullptr;
  const watch at(io, overlay, who, false, [&](const auto&) {
    if (seen != nullptr && seen->seen().settled()) {
      io.stop();
    }
  });
  seen = &at;
  runtime::deadline_timer timeout(io, [&](model::time_point) { io.stop(); });
  timeout.arm(runtime::monotonic_now() + how.timeout);
  io.run();
  switch (how.how) {
  case mode::json:
    return tell_json(at);
  case mode::check:
    return tell_verdict(at, how.conditions);
  default:
    return tell_once(at);
  }
}

int follow(const runtime::overlay_config& overlay, identity::x509::credentials& who) {
  boost::asio::io_context io{1};
  std::unique_ptr<watch> at;
  bool stopping = false;
  const auto stop = [&] {
    if (!std::exchange(stopping, true)) {
      at->stop([&] { io.stop(); });
    }
  };
  at = std::make_unique<watch>(io, overlay, who, true, [&](const auto& changes) {
    for (const auto& one : changes) {
      std::puts(line_of(one, locale_columns()).c_str());
    }
    if (std::fflush(stdout) != 0 && at != nullptr) {
      stop(); // nobody reads any more
    }
  });
  const runtime::signal_watch signals(io, stop, [] {});
  io.run();
  return runtime::exit_ok;
}

int show(const runtime::overlay_config& overlay, identity::x509::credentials& who) {
  live(overlay, who).run();
  return runtime::exit_ok;
}

} // namespace thor::monitor
