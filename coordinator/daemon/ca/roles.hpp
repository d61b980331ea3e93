// The roles an overlay has from the start. A certificate for a misspelt role would be good for
// nothing, so thor-ca asks for `--custom-role` before it issues for another.
#pragma once

#include <array>
#include <string_view>

namespace thor::ca {

inline constexpr std::array<std::string_view, 16> known_roles{
    // what SIP clients look for
    "sip_proxy",
    "media_relay",
    "voicemail_server",
    "provisioning_server",
    "xcap_server",
    "msrprelay_server",
    "conference_server",
    "xmpp_gateway",
    "webrtc_gateway",
    "rating_server",
    "call_control",
    // the overlay's own
    "thor_eventserver",
    "thor_manager",
    "thor_database",
    "thor_dnsmanager",
    "thor_monitor",
};

} // namespace thor::ca
