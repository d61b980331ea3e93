// The DNS coordinator: follows the network status and decides when the overlay's zones are
// published again, and from what. They share one serial; below, "the zone" is all of them.
//
// It folds the statuses of all event servers into one view, remembers who left recently, knows how
// old the view is, and asks for a publication whenever the zone would look different. Losing the
// feed changes nothing in the zone until the last good view is older than `stale_max`; then the
// dynamic names become unavailable.
//
// When no manager lives and the policy allows it, it stands in: the zone shows the members of its
// own deputy, beginning with those that it showed before, until a manager shows the same ones.
// PURE: a state machine, one owner, one thread.
#pragma once

#include "coordinator/dns/deputy.hpp"
#include "coordinator/dns/note.hpp"
#include "coordinator/dns/zone_plan.hpp"
#include "coordinator/model/policy.hpp"
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
inline constexpr std::chrono::milliseconds coalesce_interval{2};
/// Without any status for this long the view counts as stale. Managers send a beat every second.
inline constexpr std::chrono::seconds feed_silence_max{3};
/// A manager that is back is followed as soon as its status shows what we show, and after this time
/// in any case. Its first statuses may hold members that went while it was away: it may not accuse
/// them before its event servers have their say, which takes 13 s at most.
inline constexpr std::chrono::seconds hand_back_max{15};
/// Our figures are told at most this often.
inline constexpr std::chrono::seconds report_interval{1};

/// SOA serial until the first status says the true one. Lower than any, and never transferred: a
/// zone with unavailable names is not handed out.
inline constexpr std::uint32_t serial_before_any_status = 1;

/// In a network where nothing changes, how often it is written down that the members were
/// confirmed, so that a restart knows how old its zone is.
inline constexpr std::chrono::seconds remember_interval{60};

struct coordinator_options {
  std::chrono::seconds stale_max{std::chrono::hours{24}};
  std::chrono::seconds node_grace{90};
  model::partition_policy policy = model::partition_policy::available;
  std::size_t event_servers = 0; ///< how many are configured; 0 = found by DNS
  friend bool operator==(const coordinator_options&, const coordinator_options&) = default;
};

/// How much the view can be trusted.
enum class feed_state : std::uint8_t {
  unknown,  ///< never seen, or older than stale_max: dynamic names are unavailable
  stale,    ///< the last good view is served
  degraded, ///< no manager lives: the view is our own, from the facts of the event servers
  fresh,    ///< an active manager was heard within feed_silence_max
};
std::string_view to_string(feed_state state);

/// Build, check, swap and announce these zones.
struct publish_zones {
  std::vector<zone::zone_input> inputs; ///< in the order of plan().zones()
  std::string cause; ///< for the history: "status 17.gw1/42", "operator data", "start"
};
/// Write down what to_persist() says: the zones are the same, but were confirmed since.
struct remember {};
/// Tell the overlay what is served: serial, digest and state.
struct report {};
/// Something was missed on this link: ask for a new snapshot.
struct resubscribe_to {
  std::string server;
};
using effect = std::variant<publish_zones, remember, report, resubscribe_to, note>;

/// What a restart brings back from disk.
struct restored {
  model::position where;       ///< of the last status
  std::uint32_t serial = 0;    ///< of the zone as last published
  model::unix_time heard_at{}; ///< when a manager, or without one the facts, last confirmed it
  bool own_members = false;    ///< the members are our own judgement, not those at `where`
  bool divergent = false;      ///< see coordinator::divergent()
  model::member_map members;
};

class coordinator {
 public:
  coordinator(zone_plan plan, coordinator_options how)
      : plan_(std::move(plan))
      , how_(how)
      , deputy_(how.event_servers)
      , names_(plan_.node_parent()) {}

  /// First call, once: asks for the first publication, from `last` when its view is young enough.
  void start(model::time_point now, model::unix_time wall, std::vector<zone::rrset> operator_rrsets,
             const restored* last, std::vector<effect>& out);

  /// The zone just published is not the one that went out under this serial before the restart:
  /// the configuration changed in between. Steps the serial and publishes again.
  void on_zone_differs(model::time_point now, std::vector<effect>& out);

  void on_status(model::time_point now, model::unix_time wall, const std::string& server,
                 const model::status_event& event, std::vector<effect>& out);

  /// What the event servers say about members and about themselves. Without policy `available`
  /// nobody needs to tell.
  void on_facts(model::time_point now, model::unix_time wall, const membership::input& in,
                std::vector<effect>& out);

  /// The operator's static records changed; they have passed zone_plan::reserved() and zone/check.
  void on_operator_rrsets(model::time_point now, std::vector<zone::rrset> rrsets,
                          std::vector<effect>& out);

  /// The configuration changed: names and roles are those of `plan` from now on, which has the same
  /// zones, and the operator's records those that have passed its reserved(). Zones that hold the
  /// same are not published again.
  void on_plan(model::time_point now, zone_plan plan, std::vector<zone::rrset> operator_rrsets,
               std::vector<effect>& out);

  /// The ids of the zones in the operator's database, which a copy from another name server may
  /// have changed: to be told before the records that refer to them. True when one did.
  bool on_zone_ids(model::time_point now, const std::map<zone::name, std::uint32_t>& ids,
                   std::vector<effect>& out);

  /// What `report` tells besides the zone changed: ask for a report, no sooner than it is time.
  void on_figures_changed(model::time_point now) { report_soon(now); }

  void on_deadline(model::time_point now, model::unix_time wall, std::vector<effect>& out);
  [[nodiscard]] model::time_point next_deadline() const;

  /// Everything to keep for a restart after the publication just asked for.
  [[nodiscard]] restored to_persist() const;

  /// A publication waits for the end of a burst; serial() is its serial already.
  [[nodiscard]] bool publication_pending() const { return pending_; }
  [[nodiscard]] feed_state state() const { return state_; }
  /// What managers said.
  [[nodiscard]] const model::view& view() const { return view_; }
  /// The members that the zone shows.
  [[nodiscard]] const model::member_map& shown() const { return shown_; }
  /// SOA serial of the last publication asked for.
  [[nodiscard]] std::uint32_t serial() const { return serial_; }
  /// The serial is one of our own that no manager has caught up with.
  [[nodiscard]] bool divergent() const { return divergent_; }
  [[nodiscard]] const deputy& judge() const { return deputy_; }
  [[nodiscard]] const zone_plan& plan() const { return plan_; }

 private:
  [[nodiscard]] bool is_heard() const { return heard_until_ != never_heard; }
  void change_state(model::time_point now, feed_state to);
  void update_state(model::time_point now, model::unix_time wall, std::vector<effect>& out);
  void lose_manager(model::time_point now, std::vector<effect>& out);
  void lose_facts(model::time_point now, std::vector<effect>& out);
  void expire(model::time_point now, std::vector<effect>& out);

  [[nodiscard]] bool may_stand_in(bool informed) const;
  void stand_in(model::time_point now, model::unix_time wall, std::vector<effect>& out);
  void take(model::time_point now, model::unix_time wall, const deputy::outcome& judged,
            std::vector<effect>& out);
  void tell(const membership::note& judged, std::vector<effect>& out) const;
  void consider_hand_back(model::time_point now, std::vector<effect>& out);
  void follow(model::time_point now, const std::vector<model::node_id>& changed,
              std::vector<effect>& out);
  void step_serial();
  void step_own_serial(model::unix_time wall);

  bool show(model::time_point now, const model::member_map& from,
            const std::vector<model::node_id>& changed);
  void expire_departed(model::time_point now, std::vector<effect>& out);
  void request(model::time_point now, std::string cause, std::vector<effect>& out);
  void publish(model::time_point now, std::vector<effect>& out);
  [[nodiscard]] std::vector<zone::zone_input> describe_zones() const;
  void report_soon(model::time_point now);

  static constexpr model::time_point never_heard = model::time_point::min();

  zone_plan plan_;
  coordinator_options how_;
  model::view view_;
  deputy deputy_;
  model::member_map shown_;
  node_names names_;      ///< of shown_ and departed_
  bool following_ = true; ///< what is shown are the members of the view
  std::vector<zone::rrset> operator_rrsets_;
  std::map<model::node_id, model::time_point> departed_; ///< and until when they have a name
  model::time_point departed_until_ = model::never;      ///< no name of departed_ ends before
  feed_state state_ = feed_state::unknown;
  model::unix_time heard_at_{};
  model::time_point heard_until_ = never_heard;   ///< a manager counts as heard, or is waited for
  model::time_point hand_back_by_ = model::never; ///< while degraded and a manager is heard
  model::time_point unknown_at_ = model::never;
  std::uint32_t serial_ = 0;
  bool divergent_ = false;
  bool pending_ = false;
  std::string pending_cause_;
  model::time_point quiet_until_ = model::time_point::min();
  model::time_point remember_at_ = model::never; ///< while fresh or degraded
  model::time_point report_at_ = model::never;
  model::time_point report_not_before_ = model::time_point::min();
};

} // namespace thor::dns
