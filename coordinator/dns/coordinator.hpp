// The DNS coordinator: follows the network status and decides when the zone is published again, and
// from what.
//
// It folds the statuses of all event servers into one view, remembers who left recently, knows how
// old the view is, and asks for a publication whenever the zone would look different. Losing the
// feed changes nothing in the zone until the last good view is older than `stale_max`; then the
// dynamic names become unavailable. PURE: a state machine, one owner, one thread.
#pragma once

#include "coordinator/dns/zone_plan.hpp"
#include "coordinator/model/status.hpp"
#include "coordinator/model/time.hpp"
#include "zone/build/build.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace thor::dns {

/// After a publication the next one waits this long, so that a burst of changes becomes few of
/// them. A change that comes alone does not wait at all.
inline constexpr std::chrono::milliseconds coalesce_interval{5};
/// Without any status for this long the view counts as stale. Managers send a beat every second.
inline constexpr std::chrono::seconds feed_silence_max{3};

/// SOA serial until the first status says the true one. Lower than any, and never transferred: a
/// zone with unavailable names is not handed out.
inline constexpr std::uint32_t serial_before_any_status = 1;

/// In a network where nothing changes, how often the time of the last word of a manager is written
/// down, so that a restart knows how old its zone is.
inline constexpr std::chrono::seconds remember_interval{60};

struct coordinator_options {
  std::chrono::seconds stale_max{std::chrono::hours{24}};
  std::chrono::seconds node_grace{90};
};

/// How much the view can be trusted.
enum class feed_state : std::uint8_t {
  unknown, ///< never seen, or older than stale_max: dynamic names are unavailable
  stale,   ///< the last good view is served
  fresh,   ///< an active manager was heard within feed_silence_max
};
std::string_view to_string(feed_state state);

/// Build, check, swap and announce this zone.
struct publish_zone {
  zone::zone_input input;
  std::string cause; ///< for the history: "status 17.gw1/42", "operator data", "start"
};
/// Write down what to_persist() says: the zone is the same, but the manager was heard since.
struct remember {};
/// Something was missed on this link: ask for a new snapshot.
struct resubscribe_to {
  std::string server;
};
/// For the log; `alarm` also counts.
struct note {
  bool alarm = false;
  std::string text;
};
using effect = std::variant<publish_zone, remember, resubscribe_to, note>;

/// What a restart brings back from disk.
struct restored {
  model::position where;
  std::uint32_t serial = 0;    ///< of the zone as last published
  model::unix_time heard_at{}; ///< when an active manager was last heard
  model::member_map members;
};

class coordinator {
 public:
  coordinator(zone_plan plan, coordinator_options how)
      : plan_(std::move(plan))
      , how_(how) {}

  /// First call, once: asks for the first publication, from `last` when its view is young enough.
  void start(model::time_point now, model::unix_time wall, std::vector<zone::rrset> operator_rrsets,
             const restored* last, std::vector<effect>& out);

  /// The zone just published is not the one that went out under this serial before the restart:
  /// the configuration changed in between. Steps the serial and publishes again.
  void on_zone_differs(model::time_point now, std::vector<effect>& out);

  void on_status(model::time_point now, model::unix_time wall, const std::string& server,
                 const model::status_event& event, std::vector<effect>& out);

  /// The operator's static records changed; they have passed zone_plan::reserved() and zone/check.
  void on_operator_rrsets(model::time_point now, std::vector<zone::rrset> rrsets,
                          std::vector<effect>& out);

  void on_deadline(model::time_point now, std::vector<effect>& out);
  [[nodiscard]] model::time_point next_deadline() const;

  /// Everything to keep for a restart after the publication just asked for.
  [[nodiscard]] restored to_persist() const {
    return {view_.where, serial_, heard_at_, view_.members};
  }

  [[nodiscard]] feed_state state() const { return state_; }
  [[nodiscard]] const model::view& view() const { return view_; }
  /// SOA serial of the last publication asked for.
  [[nodiscard]] std::uint32_t serial() const { return serial_; }
  [[nodiscard]] const zone_plan& plan() const { return plan_; }

 private:
  void remember_departed(model::time_point now, const model::member_map& before,
                         const std::vector<model::node_id>& changed);
  void request(model::time_point now, std::string cause, std::vector<effect>& out);
  void publish(model::time_point now, std::vector<effect>& out);
  void update_state(model::time_point now, std::vector<effect>& out);
  void expire_departed(model::time_point now, std::vector<effect>& out);

  struct departed_member {
    std::vector<model::ip_address> addresses;
    model::time_point until;
  };

  zone_plan plan_;
  coordinator_options how_;
  model::view view_;
  std::vector<zone::rrset> operator_rrsets_;
  std::map<model::node_id, departed_member> departed_;
  feed_state state_ = feed_state::unknown;
  model::unix_time heard_at_{};
  model::time_point fresh_until_ = model::time_point::min();
  model::time_point unknown_at_ = model::never;
  std::uint32_t serial_ = 0;
  bool pending_ = false;
  std::string pending_cause_;
  model::time_point quiet_until_ = model::time_point::min();
  model::time_point remember_at_ = model::never; ///< while fresh
};

} // namespace thor::dns
