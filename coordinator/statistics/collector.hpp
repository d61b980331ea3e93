// The figures of this member on their way to the others: when each source is asked, what of its
// answer counts, and when all of it is published.
//
// A source is asked at the start and then once an interval, one question at a time. Figures that
// are good replace those of the same name; those that are not change nothing, and the old ones go
// on until they are kept_max old. All figures are published together when some are new, at most
// once in publish_spacing.
//
// PURE state machine on injected time. The caller asks the sources and hands in what they say.
#pragma once

#include "coordinator/model/node_id.hpp"
#include "coordinator/model/presence.hpp"
#include "coordinator/model/time.hpp"
#include "coordinator/statistics/figures.hpp"

#include <cstddef>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace thor::statistics {

inline constexpr std::chrono::milliseconds publish_spacing{1000};
inline constexpr std::chrono::seconds interval_default{30};
/// So that figures are renewed before they are dropped.
inline constexpr std::chrono::seconds interval_max{kept_max / 2};

struct source {
  std::string name;
  std::chrono::seconds interval = interval_default;
  friend bool operator==(const source&, const source&) = default;
};

/// Ask this source; its end is told with on_answer() or on_failure().
struct ask {
  std::size_t which;
  friend bool operator==(const ask&, const ask&) = default;
};
/// Publish collector::body().
struct publish {
  friend bool operator==(const publish&, const publish&) = default;
};
using effect = std::variant<ask, publish>;

class collector {
 public:
  /// `incarnation`: of this process. Names are different.
  collector(model::node_id id, std::uint64_t incarnation)
      : id_(std::move(id))
      , incarnation_(incarnation) {}

  /// Other sources from now on; answers to earlier questions must not be handed in any more. What
  /// had a name that was a source's and is none now is dropped.
  void configure(model::time_point now, std::vector<source> sources);

  /// The error says why nothing was taken.
  std::expected<void, std::string> on_answer(model::time_point now, model::unix_time wall,
                                             std::size_t which, std::string_view text);
  void on_failure(model::time_point now, std::size_t which);
  /// Figures from a program on this machine; an empty object takes back what had that name. The
  /// error says why they were not taken: names of sources are theirs.
  std::expected<void, std::string> on_hand_in(model::time_point now, model::unix_time wall,
                                              const std::string& name, std::string_view text);

  void on_deadline(model::time_point now, std::vector<effect>& out);
  [[nodiscard]] model::time_point next_deadline() const;

  /// What is published, as it is now; "" before the first time.
  [[nodiscard]] const std::string& body() const { return body_; }
  /// name -> {"taken", "figures"}.
  [[nodiscard]] boost::json::object describe() const;

 private:
  struct asked {
    source what;
    model::time_point next_at;
    bool under_way = false;
  };
  struct taken {
    boost::json::object figures;
    model::unix_time at;
    model::time_point dropped_at;
  };
  using all_figures = std::map<std::string, taken>;

  std::expected<void, std::string> take(model::time_point now, model::unix_time wall,
                                        const std::string& name, std::string_view text);
  void done(model::time_point now, std::size_t which);
  void publish_soon(model::time_point now);
  [[nodiscard]] std::string body_of(const all_figures& what, std::uint64_t sequence) const;
  [[nodiscard]] bool is_source(std::string_view name) const;

  model::node_id id_;
  std::uint64_t incarnation_;
  std::vector<asked> sources_;
  all_figures figures_;
  std::uint64_t sequence_ = 0;
  std::string body_;
  model::time_point published_at_ = model::time_point::min();
  model::time_point publish_at_ = model::never;
};

} // namespace thor::statistics
