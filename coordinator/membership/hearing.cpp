#include "coordinator/membership/hearing.hpp"

#include <utility>
#include <variant>

namespace thor::membership {

namespace {

using heard = std::expected<std::optional<input>, wire::error>;

heard hear_event(const std::string& server, const wire::event& what) {
  if (what.what.about == wire::topic::presence && what.about) {
    auto presence = wire::decode_presence(what.what.body);
    if (!presence)
      return std::unexpected(presence.error());
    return heard_presence{server, *std::move(presence), *what.about};
  }
  if (what.what.about == wire::topic::leave) {
    auto leave = wire::decode_leave(what.what.body);
    if (!leave)
      return std::unexpected(leave.error());
    return heard_leave{server, *std::move(leave)};
  }
  return std::nullopt;
}

} // namespace

std::expected<std::optional<input>, wire::error> hear(const std::string& server,
                                                      const wire::server_message& message) {
  if (const auto* event = std::get_if<wire::event>(&message))
    return hear_event(server, *event);
  if (const auto* fact = std::get_if<wire::fact>(&message))
    return heard_fact{server, *fact};
  if (const auto* beat = std::get_if<wire::heartbeat>(&message))
    return server_heartbeat{server, *beat};
  if (const auto* end = std::get_if<wire::synced>(&message);
      end != nullptr && end->about == wire::topic::presence)
    return server_synced{server};
  return std::nullopt;
}

} // namespace thor::membership
