// What configuration makes of the overlay's domain: the plan of its zones, and of hosted ones. The
// daemon and its commands plan alike.
#pragma once

#include "coordinator/daemon/dns/settings.hpp"
#include "coordinator/dns/hosting.hpp"
#include "coordinator/dns/zone_plan.hpp"
#include "coordinator/identity/peer.hpp"

#include <cstdint>
#include <expected>
#include <functional>

namespace thor::dns {

/// The overlay's domain. Throws std::runtime_error when the certificate's O is no DNS name.
zone::name domain_of(const identity::peer& self);

/// The overlay's zones; `id_of` gives each its persistent id. Throws std::runtime_error when [dns]
/// makes no zone.
zone_plan plan_of(const zone::name& domain, const settings& how,
                  const std::function<std::uint32_t(const zone::name& apex)>& id_of);

/// The overlay's zones with other names and records. An error, in words, when there are other zones
/// than in `old`: those take their delegation and their id, and so a restart.
std::expected<zone_plan, config_error> next_plan(const zone_plan& old, const settings& how);

/// Hosted zones. Throws std::runtime_error when [dns] makes no zone.
hosting hosting_of(const zone::name& domain, const settings& how);

} // namespace thor::dns
