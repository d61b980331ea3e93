// When a hook runs, and what it is told: the machine between the network status and a command of
// the operator's.
//
// What counts is the difference between the members as they are and as the last run that succeeded
// was told of them. So changes that come together are told together, those that come during a run
// are told by the next one, a change that undid itself is not told, and after a failure nothing is
// lost: the next try tells all of it. One run at a time.
//
// PURE state machine on injected time. The caller tells it of every status, runs the command that
// leaves as a value, with a time limit, and says how it ended.
#pragma once

#include "coordinator/model/status.hpp"
#include "coordinator/model/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace thor::hook {

inline constexpr std::chrono::milliseconds debounce_default{200};
inline constexpr std::chrono::milliseconds debounce_max{60'000};
/// After a run that failed: at first, doubling with each failure in a row, at most.
inline constexpr std::chrono::milliseconds retry_first{1000};
inline constexpr std::chrono::milliseconds retry_max{60'000};
/// Reasons of withdrawals that are kept for the next run; of others the hook hears no reason.
inline constexpr std::size_t reasons_max = 4096;

struct settings {
  /// The hook sees the members that offer one of these roles; empty = all members.
  std::set<std::string> roles;
  /// Attributes whose change alone is no reason to run.
  std::set<std::string> ignored_attributes;
  /// From a change to the run that tells it.
  std::chrono::milliseconds debounce = debounce_default;
  /// Run once with the whole picture; without it the first members known are taken as told.
  bool on_start = true;
  friend bool operator==(const settings&, const settings&) = default;
};

enum class cause : std::uint8_t {
  start,  ///< the first whole picture: every member is in `added`
  change, ///< something is different
  retry,  ///< the last run failed
};
std::string_view to_string(cause why);

struct removed {
  model::member last; ///< as it was told of
  std::optional<model::withdrawal> why;
  friend bool operator==(const removed&, const removed&) = default;
};

/// A run to be made now.
struct run {
  cause why = cause::start;
  std::uint64_t number = 0; ///< counts up from 1
  model::position where;
  std::uint32_t serial = 0;
  std::vector<model::node_id> added;   ///< ascending, as the others
  std::vector<model::node_id> changed; ///< in what the hook sees of them
  std::vector<removed> gone;
  model::member_map members; ///< those that the hook sees, as they are
};

enum class outcome : std::uint8_t {
  taken,   ///< it succeeded
  failed,  ///< to be tried again
  refused, ///< trying again is no use before something changes
};

class schedule {
 public:
  explicit schedule(settings how)
      : how_(std::move(how)) {}

  /// The status may be another one; `all` is known.
  void on_status(model::time_point now, const model::view& all);
  /// A reason for the next run to tell, before the status without the member.
  void on_gone(const model::node_id& id, std::optional<model::withdrawal> why);
  /// The run ended.
  void on_done(model::time_point now, outcome how);
  /// The run that is due, if any.
  std::optional<run> on_deadline(model::time_point now, const model::view& all);
  [[nodiscard]] model::time_point next_deadline() const;

  [[nodiscard]] bool running() const { return running_.has_value(); }
  /// Failures in a row.
  [[nodiscard]] unsigned failures() const { return failures_; }
  /// The last run that succeeded does not know everything, as far as is known.
  [[nodiscard]] bool behind() const;

 private:
  [[nodiscard]] bool sees(const model::member& m) const;
  [[nodiscard]] model::member_map seen_of(const model::member_map& all) const;
  [[nodiscard]] bool looks_the_same(const model::presence& a, const model::presence& b) const;
  void add_difference(run& into) const;

  settings how_;
  std::optional<model::member_map> told_;    ///< by the last run that succeeded
  std::optional<model::member_map> running_; ///< what the run under way tells
  std::map<model::node_id, model::withdrawal> reasons_;
  model::time_point change_at_ = model::never;
  model::time_point retry_at_ = model::never;
  std::uint64_t runs_ = 0;
  unsigned failures_ = 0;
};

} // namespace thor::hook
