#include "coordinator/daemon/monitor/terminal.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

// Without the macros, whose names are everyday words.
#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include <curses.h>

namespace thor::monitor {
namespace {

/// How long an Escape may be the begin of a longer key, in milliseconds.
constexpr int escape_delay_ms = 25;
constexpr wint_t control_l = 0x0c;
constexpr wint_t escape_character = 0x1b;

constexpr short pair_good = 1;
constexpr short pair_warning = 2;
constexpr short pair_alarm = 3;

int wide_columns(char32_t character) {
  return ::wcwidth(static_cast<wchar_t>(character));
}

/// https://no-color.org: set and not empty.
bool colours_wanted() {
  const char* refused = std::getenv("NO_COLOR");
  return refused == nullptr || *refused == '\0';
}

bool start_colours() {
  if (!colours_wanted() || !::has_colors() || ::start_color() == ERR) {
    return false;
  }
  const short background = ::use_default_colors() == OK ? -1 : COLOR_BLACK;
  ::init_pair(pair_good, COLOR_GREEN, background);
  ::init_pair(pair_warning, COLOR_YELLOW, background);
  ::init_pair(pair_alarm, COLOR_RED, background);
  return true;
}

attr_t attributes_of(style how) {
  switch (how) {
  case style::title:
    return A_REVERSE;
  case style::heading:
  case style::warning:
    return A_BOLD;
  case style::alarm:
    return A_BOLD | A_REVERSE;
  case style::plain:
  case style::good:
    return A_NORMAL;
  }
  return A_NORMAL;
}

short pair_of(style how) {
  switch (how) {
  case style::good:
    return pair_good;
  case style::warning:
    return pair_warning;
  case style::alarm:
    return pair_alarm;
  default:
    return 0;
  }
}

std::optional<key_press> function_key(wint_t code) {
  switch (code) {
  case KEY_UP:
    return key_press{key::up};
  case KEY_DOWN:
    return key_press{key::down};
  case KEY_PPAGE:
    return key_press{key::page_up};
  case KEY_NPAGE:
    return key_press{key::page_down};
  case KEY_HOME:
    return key_press{key::home};
  case KEY_END:
    return key_press{key::end};
  case KEY_ENTER:
    return key_press{key::enter};
  case KEY_BACKSPACE:
    return key_press{key::backspace};
  default:
    return std::nullopt;
  }
}

key_press character_key(wint_t character) {
  switch (character) {
  case '\t':
    return {key::tab};
  case '\r':
  case '\n':
    return {key::enter};
  case '\b':
  case 0x7f:
    return {key::backspace};
  case escape_character:
    return {key::escape};
  default:
    return {key::character, static_cast<char32_t>(character)};
  }
}

/// Throws when there is nothing to draw on.
SCREEN* take_terminal() {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
    throw std::runtime_error("the full screen needs a terminal; without one use --once, --json, "
                             "--events or --check");
  }
  SCREEN* screen = ::newterm(nullptr, stdout, stdin);
  if (screen == nullptr) {
    throw std::runtime_error("TERM names no terminal that is known here; set it, or use --events");
  }
  if (::tigetstr("cup") == nullptr) {
    ::endwin();
    ::delscreen(screen);
    throw std::runtime_error("this terminal cannot move its cursor; use --events");
  }
  return screen;
}

} // namespace

columns_of locale_columns() {
  return std::string_view(::nl_langinfo(CODESET)) == "UTF-8" ? wide_columns : ascii_columns;
}

struct terminal::state {
  state(boost::asio::io_context& io, terminal_events events)
      : to(std::move(events))
      , signals(io, SIGWINCH, SIGCONT)
      , input(io, ::dup(STDIN_FILENO))
      , screen(take_terminal()) {
    ::set_escdelay(escape_delay_ms);
    ::cbreak();
    ::noecho();
    ::nonl();
    ::keypad(::stdscr, TRUE);
    ::nodelay(::stdscr, TRUE);
    coloured = start_colours();
  }

  ~state() {
    ::endwin();
    ::delscreen(screen);
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  static void await_signal(const std::shared_ptr<state>& self) {
    self->signals.async_wait([weak = std::weak_ptr(self)](auto failure, int) {
      if (const auto alive = weak.lock(); alive && !failure) {
        await_signal(alive);
        alive->take_size();
      }
    });
  }

  static void await_input(const std::shared_ptr<state>& self) {
    self->input.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [weak = std::weak_ptr(self)](auto failure) {
                             const auto alive = weak.lock();
                             if (!alive || failure) {
                               return;
                             }
                             if (alive->read_keys()) {
                               await_input(alive);
                             } else {
                               alive->to.on_gone();
                             }
                           });
  }

  /// The window may have changed while this process was stopped, too.
  void take_size() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0) {
      ::resizeterm(size.ws_row, size.ws_col);
    }
    to.on_resize(static_cast<std::size_t>(::getmaxy(::stdscr)),
                 static_cast<std::size_t>(::getmaxx(::stdscr)));
  }

  /// False when standard input is at its end.
  bool read_keys() {
    int waiting = 0;
    if (::ioctl(STDIN_FILENO, FIONREAD, &waiting) != 0 || waiting == 0) {
      return false;
    }
    wint_t code = 0;
    for (int kind = ::get_wch(&code); kind != ERR; kind = ::get_wch(&code)) {
      if (kind == OK && code == control_l) {
        ::clearok(::curscr, TRUE);
        take_size();
      } else if (kind == OK) {
        to.on_key(character_key(code));
      } else if (const auto pressed = function_key(code)) {
        to.on_key(*pressed);
      }
    }
    return true;
  }

  void show(const frame& what) const {
    ::erase();
    int line = 0;
    for (const auto& row : what.rows) {
      ::move(line++, 0);
      for (const auto& part : row) {
        ::attr_set(coloured && pair_of(part.how) != 0 ? A_BOLD : attributes_of(part.how),
                   coloured ? pair_of(part.how) : short{0}, nullptr);
        ::addnstr(part.text.data(), static_cast<int>(part.text.size()));
      }
    }
    ::attr_set(A_NORMAL, 0, nullptr);
    ::curs_set(what.cursor_at ? 1 : 0);
    if (what.cursor_at) {
      ::move(line - 1, static_cast<int>(*what.cursor_at));
    }
    ::refresh();
  }

  terminal_events to;
  boost::asio::signal_set signals;
  boost::asio::posix::stream_descriptor input;
  SCREEN* screen;
  bool coloured = false;
};

terminal::terminal(boost::asio::io_context& io, terminal_events to)
    : state_(std::make_shared<state>(io, std::move(to))) {
  state_->take_size();
  state::await_signal(state_);
  state::await_input(state_);
}

terminal::~terminal() = default;

void terminal::show(const frame& what) {
  state_->show(what);
}

} // namespace thor::monitor
