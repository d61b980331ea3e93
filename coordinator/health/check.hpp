// Is something that we depend on there? The machine behind a periodic probe: when to begin one,
// when to give it up, and how many in a row make a verdict.
//
// The first probe that succeeds decides alone, and so does the first that fails, unless it falls
// into the start grace or the check counts only once it was seen. From then on `fall` failures in a
// row mean down, `rise` successes in a row mean up. A failure while up is confirmed quickly: the
// next probe begins `confirm` after it, not an interval later, so that a row of failures takes
// hardly longer than one.
//
// PURE. The caller performs the effects (a TCP connect, for example) and reports how each probe
// ended; reports of probes that were given up are ignored.
#pragma once

#include "coordinator/model/time.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace thor::health {

/// A probe whose end is noticed so much too late says that we stood still, not that it failed.
inline constexpr std::chrono::milliseconds stall_min{250};

struct check_settings {
  std::chrono::milliseconds interval{2000}; ///< from the begin of a probe to that of the next
  std::chrono::milliseconds timeout{1000};  ///< at most the interval
  unsigned fall = 3;
  unsigned rise = 2;
  /// From a failure to the probe that confirms it, while up; at most the interval.
  std::chrono::milliseconds confirm{2000};
  /// From the first probe on: failures before the first success say nothing so long.
  std::chrono::milliseconds start_grace{0};
  /// Failures before the first success never say anything: nobody has seen it there yet.
  bool once_seen = false;
  friend bool operator==(const check_settings&, const check_settings&) = default;
};

enum class health_state : std::uint8_t {
  unknown, ///< no probe has ended, or none has succeeded within the start grace
  unseen,  ///< counts only once it was seen, and has not been
  up,
  down,
};
std::string_view to_string(health_state state);

// ---- inputs

struct succeeded {
  std::uint64_t probe = 0;
};
struct failed {
  std::uint64_t probe = 0;
  std::string why;
};
using input = std::variant<succeeded, failed>;

// ---- effects

struct begin_probe {
  std::uint64_t probe = 0;
  friend bool operator==(const begin_probe&, const begin_probe&) = default;
};
/// The probe took longer than the timeout.
struct give_up {
  std::uint64_t probe = 0;
  friend bool operator==(const give_up&, const give_up&) = default;
};
struct went_up {
  friend bool operator==(const went_up&, const went_up&) = default;
};
struct went_down {
  std::string why; ///< of the last failure
  friend bool operator==(const went_down&, const went_down&) = default;
};
using effect = std::variant<begin_probe, give_up, went_up, went_down>;

class check {
 public:
  /// The first probe begins with the first on_deadline().
  explicit check(check_settings how)
      : how_(how)
      , state_(how.once_seen ? health_state::unseen : health_state::unknown) {}

  void on_event(model::time_point now, const input& what, std::vector<effect>& out);
  void on_deadline(model::time_point now, std::vector<effect>& out);
  [[nodiscard]] model::time_point next_deadline() const;

  [[nodiscard]] health_state state() const { return state_; }
  /// A probe has ended.
  [[nodiscard]] bool judged() const { return judged_; }
  /// Why the last probe failed; "" when it did not.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  void end_probe(model::time_point now, std::string trouble, std::vector<effect>& out);
  void on_success(std::vector<effect>& out);
  void on_failure(model::time_point now, std::vector<effect>& out);

  check_settings how_;
  health_state state_;
  std::string trouble_;
  std::uint64_t probes_ = 0; ///< begun so far; the number of the last one
  bool probing_ = false;     ///< the last one has not ended
  bool judged_ = false;
  unsigned against_ = 0; ///< results in a row that contradict state_
  model::time_point begun_at_ = model::time_point::min();
  model::time_point next_at_ = model::time_point::min();
  model::time_point grace_ends_at_ = model::time_point::min();
};

} // namespace thor::health
