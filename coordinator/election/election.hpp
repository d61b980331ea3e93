// The election: which manager is the active one, as one manager sees it.
//
// Each manager runs this machine on what it sees itself: who of the managers is alive, by its own
// judge, and whose network status is heard, in which epoch. The manager of the highest epoch is the
// incumbent and stays as long as it lives and is heard; else the first of those alive, by
// (priority, id), takes over with a higher epoch, and the others a little later each if it does
// not. Whoever hears a higher epoch than its own steps down. Nobody asks anybody, so no answer can
// get lost: two that take over at once, or on two sides of a partition, end with the higher epoch
// (fencing: event servers and consumers refuse lower ones).
//
// PURE: a state machine, one owner, one thread.
#pragma once

#include "coordinator/model/policy.hpp"
#include "coordinator/model/status.hpp"
#include "coordinator/model/time.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace thor::election {

/// An incumbent that is alive but of which no status was heard for this long is passed over.
/// Managers publish every second.
inline constexpr std::chrono::milliseconds incumbent_silence_max{3000};
/// A manager that lost an event server is back at it, or at its successor, within this time: the
/// longest wait between two of its attempts (thor.v1 section 2).
inline constexpr std::chrono::milliseconds return_max{7500};
/// Each manager waits this much longer than the one before it for somebody to take over: the one
/// before may be back so recently that it does not judge yet.
inline constexpr std::chrono::milliseconds succession_step{150};
/// The machine wants to be called at least this often ...
inline constexpr std::chrono::milliseconds tick{1000};
/// ... and when it was not for longer than this, it was paused: what it did not hear proves
/// nothing.
inline constexpr std::chrono::milliseconds pause_max{2000};

struct options {
  std::string id;               ///< our node id
  std::uint16_t priority = 50;  ///< ours; the lower the earlier
  model::partition_rule rule{}; ///< what a part of the managers may do
  model::epoch kept{};          ///< the highest that an earlier run knew; counter 0 = none
};

// ---- inputs

/// Another manager that is alive, by our own judge.
struct rival {
  std::uint16_t priority = 50;
  bool timely = true; ///< its renewals come in time; false well before it is taken for gone
  friend bool operator==(const rival&, const rival&) = default;
};
/// How the world looks from here.
struct outlook {
  /// We know enough to lead: an event server is reachable, and the survey at the start is over.
  bool able = false;
  std::map<std::string, rival> rivals; ///< by node id, without ourselves
  friend bool operator==(const outlook&, const outlook&) = default;
};
/// A network status was heard, also our own, in the order of arrival. `retained`: as an event
/// server kept it, which does not show that its author still lives, unless the epoch is new.
struct heard_status {
  model::epoch at;
  bool retained = false;
};
/// Another process has our identity: never lead again.
struct retire {};

using input = std::variant<outlook, heard_status, retire>;

// ---- effects

/// Why a manager became the active one or ceased to be.
enum class reason : std::uint8_t {
  // it became active:
  no_incumbent,     ///< there was no epoch yet
  own_epoch,        ///< the last epoch is its own: it was restarted, or had lost the majority
  incumbent_gone,   ///< the incumbent is no longer alive
  incumbent_silent, ///< the incumbent is alive and publishes nothing
  // it stepped down:
  higher_epoch,  ///< another manager has a higher epoch
  majority_lost, ///< too few managers are in sight (policy `majority`)
  replaced,      ///< another process has its identity
};
/// "incumbent_gone"
std::string_view to_string(reason why);

/// Publish from now on, in this epoch, beginning with a whole status.
struct take_over {
  model::epoch at;
  reason why = reason::no_incumbent;
  friend bool operator==(const take_over&, const take_over&) = default;
};
/// Publish nothing from now on.
struct step_down {
  reason why = reason::higher_epoch;
  friend bool operator==(const step_down&, const step_down&) = default;
};
/// An epoch more than an hour ahead of the local clock is ignored; told once.
struct refused_epoch {
  model::epoch at;
  friend bool operator==(const refused_epoch&, const refused_epoch&) = default;
};

using effect = std::variant<take_over, step_down, refused_epoch>;

// ---- the machine

enum class role : std::uint8_t {
  starting, ///< cannot lead yet, or not now: no event server is reachable
  standby,  ///< ready to take over
  minority, ///< would have to see more managers (policy `majority`)
  active,
  retired,
};
/// "standby"
std::string_view to_string(role r);

class election {
 public:
  explicit election(options how)
      : how_(std::move(how)) {}

  void on_event(model::time_point now, model::unix_time wall, const input& in,
                std::vector<effect>& out);
  void on_deadline(model::time_point now, model::unix_time wall, std::vector<effect>& out);
  [[nodiscard]] model::time_point next_deadline() const;

  [[nodiscard]] role state() const;
  [[nodiscard]] bool active() const { return active_; }
  /// The highest epoch seen or taken; its manager is the incumbent, "" when only the counter is
  /// known, of an earlier run. Counter 0 = none yet.
  [[nodiscard]] const model::epoch& epoch() const { return highest_; }

 private:
  void on(model::time_point now, model::unix_time wall, const outlook& in,
          std::vector<effect>& out);
  void on(model::time_point now, model::unix_time wall, const heard_status& in,
          std::vector<effect>& out);
  void on(model::time_point now, model::unix_time wall, const retire& in, std::vector<effect>& out);

  void notice_call(model::time_point now, model::unix_time wall, std::vector<effect>& out);
  void decide(model::time_point now, model::unix_time wall, std::vector<effect>& out);
  void lead(model::unix_time wall, reason why, std::vector<effect>& out);
  void follow(reason why, std::vector<effect>& out);

  [[nodiscard]] bool may_lead() const;
  [[nodiscard]] std::optional<reason> vacancy(model::time_point now) const;
  [[nodiscard]] model::time_point silent_from() const;
  [[nodiscard]] std::int64_t managers_before_us() const;

  options how_;
  outlook seen_;
  bool active_ = false;
  bool retired_ = false;

  model::epoch highest_;
  model::epoch refused_; ///< the last one that lay too far ahead
  /// Of the incumbent, while it is another: when it was last heard to publish, and when it was last
  /// seen to be gone.
  model::time_point heard_at_ = model::time_point::min();
  model::time_point gone_at_ = model::time_point::min();

  /// Since then we would have heard the incumbent.
  model::time_point listening_from_ = model::never;
  model::time_point called_at_ = model::never; ///< never = not yet
  model::time_point vacant_from_ = model::never;
  /// Not to lead on before: after a time in a minority a successor would be heard by then. never =
  /// in a minority.
  model::time_point reunited_from_ = model::time_point::min();
  model::time_point due_ = model::never; ///< when to decide again without news
};

} // namespace thor::election
