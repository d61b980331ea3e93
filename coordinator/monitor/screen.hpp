// The full screen as a value: what stands where, in which style, for a terminal of any size. Keys
// are inputs; the edge draws the frames.
//
// From the top: the network and the time; the active manager and how far the status can be trusted;
// the event servers; every thor-dns; the members by role with the sums of the role's figures, and,
// when asked for, the figures of each member; below them the changes as they happen, each with its
// own scrolling; and one line that says which keys there are. A filter, text that members and
// changes must contain, applies to both.
//
// PURE. Text from the network is made visible (text.hpp) before anything else is done with it.
#pragma once

#include "coordinator/monitor/report.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace thor::monitor {

/// Changes that can be scrolled back to.
inline constexpr std::size_t changes_kept_max = 1000;
inline constexpr std::size_t filter_octets_max = 128;

enum class style : std::uint8_t {
  plain,
  title,   ///< the bar at the top, headings of the selected part
  heading, ///< bold
  good,
  warning,
  alarm,
};

struct span {
  std::string text;
  style how = style::plain;
  friend bool operator==(const span&, const span&) = default;
};
using row = std::vector<span>;

struct frame {
  std::vector<row> rows;                ///< as many as the terminal has, none wider than it
  std::optional<std::size_t> cursor_at; ///< column in the last row, while the filter is edited
};

enum class key : std::uint8_t {
  character,
  up,
  down,
  page_up,
  page_down,
  home,
  end,
  tab,
  enter,
  escape,
  backspace,
};
struct key_press {
  key which = key::character;
  char32_t character = 0;
};

struct screen_options {
  onlooker self;
  columns_of width = ascii_columns;
  /// The user's local time: "2026-11-22 03:01:12".
  std::function<std::string(model::unix_time)> local_time;
};

class screen {
 public:
  explicit screen(screen_options how)
      : how_(std::move(how)) {}

  void on_resize(std::size_t rows, std::size_t columns);
  void on_change(const change& what);
  /// False when the user wants to quit.
  [[nodiscard]] bool on_key(key_press pressed);

  /// The frame for now. Brings scrolling back within what there is.
  frame draw(const network& what, model::time_point now, model::unix_time wall);

 private:
  /// A list with its window on it.
  struct pane {
    std::size_t first = 0; ///< line at the top of the window
    std::size_t lines = 0; ///< as of the last frame
    std::size_t room = 0;
    void scroll(std::ptrdiff_t by);
    void clamp();
  };

  void edit_filter(key_press pressed);
  void scroll(key pressed);

  [[nodiscard]] row title(model::unix_time wall) const;
  [[nodiscard]] row manager_row(const network& what, model::time_point now) const;
  [[nodiscard]] std::vector<row> server_rows(const network& what) const;
  [[nodiscard]] std::vector<row> dns_rows(const network& what) const;
  [[nodiscard]] std::vector<row> member_rows(const network& what, model::unix_time wall) const;
  void add_member_rows(std::vector<row>& into, const std::string& role, const model::member& m,
                       const network& what, model::unix_time wall) const;
  void add_figure_rows(std::vector<row>& into, const std::string& role, const model::presence& p,
                       const network& what, model::unix_time wall) const;
  void add_withheld_row(std::vector<row>& into, const std::string& role, const std::string& verdict,
                        const model::member& m) const;
  void add_database_rows(std::vector<row>& into, const model::presence& p,
                         const model::view& v) const;
  [[nodiscard]] std::vector<row> change_rows() const;
  [[nodiscard]] row help_row(frame& into) const;
  void put_pane(std::vector<row>& into, pane& at, std::string heading, bool selected,
                std::vector<row> lines, std::size_t room) const;

  [[nodiscard]] std::string seen(std::string_view text) const { return visible(text, how_.width); }
  [[nodiscard]] bool passes_filter(std::string_view visible_text) const;
  [[nodiscard]] row cut_row(const row& whole) const;

  screen_options how_;
  std::size_t rows_ = 24;
  std::size_t columns_ = 80;
  std::deque<change> changes_;
  std::string filter_;
  bool editing_ = false;
  bool changes_selected_ = false;
  bool show_figures_ = false;  ///< of each member
  bool follow_changes_ = true; ///< the window stays at the newest change
  pane members_pane_;
  pane changes_pane_;
};

} // namespace thor::monitor
