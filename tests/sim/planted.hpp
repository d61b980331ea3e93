// Faults that the simulation has to find: each spoils the wiring around a machine in one way, as a
// bug in that machine would. A simulation that finds none of them proves nothing.
#pragma once

#include "coordinator/broker/broker.hpp"
#include "coordinator/dns/coordinator.hpp"
#include "coordinator/membership/manager.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace thor::sim {

enum class fault : std::uint8_t {
  none,
  single_witness,     ///< the judge hears one event server only: no confirmations
  reused_epoch,       ///< a manager that restarts goes on in the epoch it had
  forgetful_consumer, ///< thor-dns forgets at restart how far it was
  lost_deltas,        ///< an event server retains whole statuses only
  young_accuser,      ///< an event server passes for old and settled from its start
  lost_leave,         ///< a leave comes in the wrong place of its member's history
  no_mass_guard,      ///< silence of a whole role is believed at once
  clock_serial,       ///< the SOA serial is what the manager's clock says
};

struct planted_fault {
  fault which;
  std::string_view name;
  std::string_view what;
};
inline constexpr std::array<planted_fault, 8> planted_faults{{
    {fault::single_witness, "single_witness", "the judge believes one event server alone"},
    {fault::reused_epoch, "reused_epoch", "a restarted manager takes the epoch it had before"},
    {fault::forgetful_consumer, "forgetful_consumer", "thor-dns forgets its position at restart"},
    {fault::lost_deltas, "lost_deltas", "event servers do not retain deltas"},
    {fault::young_accuser, "young_accuser", "event servers accuse from their first second"},
    {fault::lost_leave, "lost_leave", "a leave is taken for older than the presence before it"},
    {fault::no_mass_guard, "no_mass_guard", "a role that falls silent is withdrawn at once"},
    {fault::clock_serial, "clock_serial", "the serial follows the manager's wall clock"},
}};

/// Where wiring asks whether to spoil something. Each question is answered with no change unless
/// that fault is planted.
class planted {
 public:
  explicit planted(fault which)
      : which_(which) {}

  /// The judge does not get to hear this event server.
  [[nodiscard]] bool keeps_from_judge(const std::string& server) const;
  void spoil(membership::input& to_judge) const;
  /// `manager` and `wall`: who publishes, and what its clock says.
  void spoil(membership::publish& published, const std::string& manager, model::unix_time wall);
  void spoil(dns::restored& from_disk) const;
  /// The event server does not send this.
  [[nodiscard]] bool keeps_from_subscriber(const broker::send& what) const;

 private:
  struct serial {
    std::uint32_t meant = 0;
    std::uint32_t said = 0;
  };
  fault which_;
  // By manager.
  std::map<std::string, serial> serials_;             ///< the last one, for clock_serial
  std::map<std::string, std::uint64_t> first_epochs_; ///< for reused_epoch
};

} // namespace thor::sim
