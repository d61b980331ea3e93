// What the backend's serving threads have counted, as metrics.
#pragma once

#include "backend/serve/counters.hpp"
#include "coordinator/runtime/metrics.hpp"

#include <span>

namespace thor::dns {

/// Copies the sums over all servers. The threads count on meanwhile: what is read here is a little
/// older than now.
void show_backend(std::span<const backend::serve_counters* const> servers, runtime::metrics& into);

} // namespace thor::dns
