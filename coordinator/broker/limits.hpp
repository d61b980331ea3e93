// Timings and bounds of an event server. Nothing it keeps grows without one of these.
#pragma once

#include "coordinator/model/time.hpp"

#include <cstddef>
#include <cstdint>

namespace thor::broker {

/// How often members renew, and the silence after which they count as silent; told in `welcome`.
inline constexpr std::chrono::milliseconds renew_interval{1000};
inline constexpr std::chrono::milliseconds lease{3000};
/// A member is late when no renewal came for this long.
inline constexpr std::chrono::milliseconds late_after{1500};
inline constexpr std::chrono::milliseconds heartbeat_interval{1000};
/// From the opening of a session to its hello.
inline constexpr std::chrono::milliseconds hello_deadline{5000};
/// How long the last presence and fact of a member are kept after its connection ended, and its
/// leave after it left: long enough for every consumer that was away to learn of it.
inline constexpr std::chrono::milliseconds ended_kept{60'000};
/// When the machine is called this much after its deadline, the process was paused: renewals wait
/// unread, and nobody may be called late for it.
inline constexpr std::chrono::milliseconds pause_min{1000};
/// A member that gave this server up, as it does after 3 s of silence, is back within this time
/// (thor.v1 section 2).
inline constexpr std::chrono::milliseconds return_time{10'000};

inline constexpr std::size_t sessions_max = 20'000;
/// Of one certificate: a member and those who look at the network with its certificate.
inline constexpr std::size_t sessions_per_id_max = 64;
inline constexpr std::size_t members_max = 20'000;
inline constexpr std::size_t deltas_max = 1024;
inline constexpr std::size_t deltas_octets_max = 4U << 20;

/// Frames a session may send: on average, and at once.
struct frame_rate {
  std::uint32_t per_second;
  std::uint32_t burst;
};
inline constexpr frame_rate member_rate{.per_second = 20, .burst = 100};
inline constexpr frame_rate manager_rate{.per_second = 1000, .burst = 4000};

} // namespace thor::broker
