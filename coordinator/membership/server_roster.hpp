// The event servers as the judge sees them: which are there, which are fresh, since when their word
// counts, and whether the judge itself was away. Knows no members but their number and digest. Each
// link leads to another event server: the client keeps one connection an identity.
#pragma once

#include "coordinator/membership/effect.hpp"
#include "coordinator/membership/evidence.hpp"
#include "coordinator/wire/message.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace thor::membership {

class server_roster {
 public:
  /// Index of the link while it is up. Indices are small and used again by later links.
  [[nodiscard]] std::optional<std::size_t> find(const std::string& link) const;
  [[nodiscard]] std::span<const event_server> all() const { return servers_; }

  /// The link must be down. Nothing when there are too many.
  void up(model::time_point now, const std::string& link, const wire::welcome& hello, effects& out);
  void synced(model::time_point now, std::size_t server);
  void down(std::size_t server);
  /// True when the server's standing changed: all members have to be looked at again.
  bool heartbeat(model::time_point now, std::size_t server, const wire::heartbeat& beat,
                 effects& out);

  /// A member began, or ceased, to be live at the server.
  void count_live(std::size_t server, const model::node_id& id, const model::version& at,
                  bool live);

  /// At the start of every call of the judge. Seeing that the judge was paused, it starts to trust
  /// every server anew.
  void notice_call(model::time_point now, effects& out);
  /// True when a server's standing changed because its heartbeats stopped.
  bool notice_silence(model::time_point now, effects& out);

  /// From when on any server may say that it does not know a member; never when none is reachable.
  [[nodiscard]] model::time_point judgement_from() const;

  [[nodiscard]] model::time_point next_deadline() const;

 private:
  event_server* free_slot(const std::string& link);
  [[nodiscard]] bool any_up() const;
  void check_digest(model::time_point now, event_server& s, const wire::heartbeat& beat,
                    effects& out);

  std::vector<event_server> servers_;
  model::time_point called_at_ = model::never; ///< never = not yet
};

} // namespace thor::membership
