// A consumer's way through the network status: from status events to who came, changed and went.
//
// PURE. It holds the one view that a consumer has of all event servers, folds in what each of them
// sends by reduce(), and promises the order of what it tells:
//
//   1. once, `status_began`: the first status is complete, with what an event server retained after
//      it. All members are in view(); none of them is told as joined.
//   2. from then on for each event that is applied: all `member_gone`, then all `member_changed`,
//      then all `member_joined`, each in ascending order of the id, then one `status_settled`.
//
// A status that comes whole, after a connection was lost or from another manager, is told like any
// other: by what differs. A lost connection tells nothing: the last view stays.
#pragma once

#include "coordinator/model/status.hpp"

#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace thor::model {

struct status_began {
  friend bool operator==(const status_began&, const status_began&) = default;
};
struct member_gone {
  member last;                   ///< as it was known
  std::optional<withdrawal> why; ///< nothing when the status came whole: it does not say
  friend bool operator==(const member_gone&, const member_gone&) = default;
};
struct member_changed {
  member before;
  member now;
  friend bool operator==(const member_changed&, const member_changed&) = default;
};
struct member_joined {
  member now;
  friend bool operator==(const member_joined&, const member_joined&) = default;
};
struct status_settled {
  position where;
  friend bool operator==(const status_settled&, const status_settled&) = default;
};
using status_note =
    std::variant<status_began, member_gone, member_changed, member_joined, status_settled>;

class follower {
 public:
  /// What became of the event: `gap` wants a fresh snapshot from that server, `far_future` a line
  /// in the log. Appends to `out`.
  verdict on_status(const std::string& server, const status_event& event, unix_time now,
                    std::vector<status_note>& out);
  /// `server` has sent all that it retains of Thor.Members.
  void on_synced(const std::string& server, std::vector<status_note>& out);
  /// `server` is not connected any more, or about to send what it retains again.
  void on_server_down(const std::string& server);

  [[nodiscard]] const view& seen() const { return view_; }
  /// status_began was told.
  [[nodiscard]] bool began() const { return began_; }
  /// What `server` says now is news, not what it retained.
  [[nodiscard]] bool is_live(const std::string& server) const { return live_.contains(server); }

 private:
  void begin_when_known(std::vector<status_note>& out);

  view view_;
  bool began_ = false;
  std::set<std::string> live_;
};

} // namespace thor::model
