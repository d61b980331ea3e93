// The constants of membership, in one place. README.md says why each has its value.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace thor::membership {

/// A member from which nothing was heard for this long is silent.
inline constexpr std::chrono::milliseconds lease{3000};
/// A closed connection accuses after this time without reconnection.
inline constexpr std::chrono::milliseconds close_grace{250};
/// A member that lost an event server is back at it, or at its successor, within this time: the
/// longest wait between two of its attempts is 7.5 s. Absence proves nothing earlier.
inline constexpr std::chrono::seconds absence_grace{10};
/// Event servers send a heartbeat every second. Without one for this long a server does not accuse
/// (it may be frozen, and what it said last may be over) ...
inline constexpr std::chrono::milliseconds heartbeat_late_max{1300};
/// ... and without one for this long it does not vouch either, nor counts as reachable.
inline constexpr std::chrono::milliseconds heartbeat_silence_max{2500};
/// At most this many event servers have to agree that a member is gone.
inline constexpr std::size_t confirmations_max = 2;

/// The judge wants to be called at least this often while any event server is connected ...
inline constexpr std::chrono::milliseconds judge_tick{1000};
/// ... and when it was not called for longer than this, it was itself paused.
inline constexpr std::chrono::milliseconds judge_pause_max{2000};

/// From this many members on, a role has a mass guard, which waits at most mass_hold_max when more
/// than half of the role falls silent within a lease, and looks again every mass_recheck.
inline constexpr std::size_t mass_role_members_min = 4;
inline constexpr std::chrono::seconds mass_hold_max{10};
inline constexpr std::chrono::seconds mass_recheck{1};

/// A member that fell silent flap_silences_max times within flap_window waits for re-admission:
/// flap_delay_min at first, doubling up to flap_delay_max, until it is calm for flap_window.
inline constexpr std::chrono::seconds flap_window{60};
inline constexpr std::size_t flap_silences_max = 3;
inline constexpr std::chrono::seconds flap_delay_min{5};
inline constexpr std::chrono::seconds flap_delay_max{60};

/// For this long the word of an event server that it cut a member off because of its certificate
/// counts, unless the member is back at that server. Event servers remember no longer.
inline constexpr std::chrono::seconds cut_off_memory{60};

/// What is known of members that are gone is forgotten after this time, or when it is the oldest of
/// more than this many.
inline constexpr std::chrono::seconds gone_memory{600};
inline constexpr std::size_t gone_members_max = 20'000;

/// An event server whose digest disagrees with what it told is asked for a new snapshot, not more
/// often than this: at first the shorter time, doubling while it goes on disagreeing.
inline constexpr std::chrono::seconds resubscribe_interval_min{60};
inline constexpr std::chrono::seconds resubscribe_interval_max{3600};
inline constexpr std::size_t event_servers_max = 64;

/// After a delta the next one waits this long, so that a burst becomes few of them.
inline constexpr std::chrono::milliseconds coalesce_interval{2};
inline constexpr std::chrono::milliseconds beat_interval{1000};
/// So many serials are reserved on disk at once: writing to disk takes longer than a change may.
inline constexpr std::uint32_t serials_reserved = 1000;
/// Instead of a delta a full status is sent when this many deltas, or more changed members than
/// there are members (but at least changes_since_full_min), went out since the last full one.
inline constexpr std::size_t deltas_since_full_max = 512;
inline constexpr std::size_t changes_since_full_min = 256;
/// A thor-dns that reports a serial so far ahead of unix time is not believed: it would use up the
/// numbers that all serve.
inline constexpr std::uint32_t reported_serial_lead_max = 10'000'000;
/// Refusals that arrive so soon after a full status was sent are about frames before it.
inline constexpr std::chrono::milliseconds full_status_interval_min{200};

} // namespace thor::membership
